"""Two workers at one stream at the same time are slow, not wrong (protocol, Claim).

Two real processes: side by side with no lease to keep them apart, and one that stands still at a call that writes, as if
its machine were frozen, while the other does all the work. In a soak it stands still at each of them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.support.day_story import ALL, FIRST, DayStory, partly_published, remove, run_worker
from tests.support.door_process import Strike, pause_door, run_door, service_address, start_door
from tests.support.proxy import Moment, Proxy, Request
from tests.support.soak import IS_SOAK, chosen

ROUNDS = 20 if IS_SOAK else 2
PAUSES = 4
"""Places at which the worker stands still outside a soak."""
AT_ONCE = 2


def test_two_workers_side_by_side(prepared: str) -> None:
    stories = partly_published(prepared, ROUNDS)
    for story in stories:
        before = story.installation.state().epoch
        with Proxy(upstream=service_address(prepared, "Blob"), hook=Loser(story)) as proxy:
            environment = story.installation.child_environment(proxy.through(prepared))
            workers = [start_door("dayworker", story.work, environment) for _ in range(2)]
            for worker in workers:
                worker.join()
        assert [worker.exitcode for worker in workers] == [0, 0]
        story.check_readers(FIRST, ALL)
        assert story.installation.state().epoch == before + 2, "both claimed the stream"
        run_worker(story.installation)
        story.check(ALL)
        story.check_at_rest()
    remove(stories)


@dataclass(frozen=True, slots=True)
class Loser:
    """A proxy's hook: whoever takes the lease of the stream loses it at once."""

    story: DayStory
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request, moment: Moment) -> bool:
        """Lets the call pass."""
        if "comp=lease" in request.query:
            if moment is Moment.BEFORE:
                self.lock.acquire()
            else:
                self.story.installation.let_lease_expire()
                self.lock.release()
        return False


def test_a_worker_that_stands_still_while_another_does_the_work(prepared: str) -> None:
    (story,) = partly_published(prepared, 1)
    calls = run_door(story.installation, "dayworker", story.work)
    remove([story])
    places = pauses(calls)
    stories = partly_published(prepared, len(places))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        runs = [threads.submit(stand_still, story, strike) for story, strike in zip(stories, places, strict=True)]
    errors = [error for run in runs if (error := run.exception()) is not None]
    if errors:
        raise BaseExceptionGroup("some went wrong", errors)
    remove(stories)


def pauses(calls: Sequence[Request]) -> Sequence[Strike]:
    places = [
        Strike(number=number, moment=moment)
        for number, call in enumerate(calls, 1)
        for moment in Moment
        if call.method == "PUT" and "lease" not in call.path
    ]
    return chosen(places, PAUSES)


def stand_still(story: DayStory, strike: Strike) -> None:
    def meanwhile() -> None:
        story.installation.let_lease_expire()
        run_worker(story.installation)
        story.check(ALL)

    try:
        call = pause_door(story.installation, "dayworker", story.work, strike, meanwhile)
        assert call is not None, "the worker never came there"
        story.check(ALL)
        story.check_at_rest()
    except Exception as error:
        raise AssertionError(f"stood still {strike}") from error
