"""A worker or a timer that dies at any storage call of the day processing costs nothing and publishes nothing twice.

The worker has one day to reprocess and two to publish for the first time; another one makes the tables. Each is killed at
one call, before it reaches the store or after the store has done it, the calls of delta-rs among them; then another process
does the work again. In a soak every call has its turn, else some of those that write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from processing import wiring
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import STREAM_WORK, parse_stream_work
from processing.domain.streams import Stream
from processing.settings import load_settings
from tests.support.day_story import ALL, FIRST, Day, DayStory, begun, partly_published, remove, run_worker, wait_for_markers
from tests.support.door_process import Strike, kill_door, run_door
from tests.support.doors import open_door
from tests.support.proxy import Moment, Request
from tests.support.soak import IS_SOAK, chosen

AT_ONCE = 2
BATCH = 16
WORK: Final = {
    "a first publication": (begun, {}, FIRST, 3),
    "a reprocess and two more days": (partly_published, FIRST, ALL, 8),
}
"""Customers, what is published before and after the worker's work, and how many kills there are outside a soak."""


def strikes(calls: Sequence[Request], most: int) -> Sequence[Strike]:
    """Where to strike: everywhere, or at `most` places spread over the calls that write."""
    # Death after a read leaves what death before the next call does.
    places = [
        Strike(number=number, moment=moment)
        for number, call in enumerate(calls, 1)
        for moment in Moment
        if call.method in ("PUT", "POST") or (IS_SOAK and moment is Moment.BEFORE)
    ]
    return chosen(places, most)


def batches(places: Sequence[Strike]) -> Iterator[Sequence[Strike]]:
    for start in range(0, len(places), BATCH):
        yield places[start : start + BATCH]


def at_once(act: Callable[[DayStory, Strike], None], stories: Sequence[DayStory], places: Sequence[Strike]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        acts = [threads.submit(act, story, strike) for story, strike in zip(stories, places, strict=True)]
    errors = [error for each in acts if (error := each.exception()) is not None]
    if errors:
        raise BaseExceptionGroup("some went wrong", errors)


@pytest.mark.parametrize("work", WORK)
def test_a_worker_killed_at_any_storage_call(prepared: str, work: str) -> None:
    customers, before, after, most = WORK[work]
    (story,) = customers(prepared, 1)
    calls = undisturbed(story, after)
    ended_in_peace: list[Strike] = []

    def act(story: DayStory, strike: Strike) -> None:
        call = kill_door(story.installation, "dayworker", story.work, strike)
        if call is None:
            ended_in_peace.append(strike)
        try:
            story.check_readers(before, after)
            story.installation.let_lease_expire()
            run_worker(story.installation)
            story.check(after)
            story.check_at_rest()
        except Exception as error:
            raise AssertionError(f"killed {strike} at {call}") from error

    for batch in batches(strikes(calls, most)):
        stories = customers(prepared, len(batch))
        at_once(act, stories, batch)
        remove(stories)
    # delta-rs looks for newer versions side by side: the number of calls differs a little from run to run.
    assert all(strike.number > len(calls) * 0.9 for strike in ended_in_peace), ended_in_peace


def undisturbed(story: DayStory, after: dict[str, Day]) -> list[Request]:
    calls = run_door(story.installation, "dayworker", story.work)
    story.check_readers(after, after)
    story.check(after)
    story.check_at_rest()
    remove([story])
    tables = {"metric_rows", "metric_days", "days"}
    commits = [call for call in calls if call.method == "PUT" and "/_delta_log/" in call.path]
    assert {call.path.split("/")[2] for call in commits} == tables, "the calls of delta-rs go through the proxy"
    return calls


def of_customer(story: DayStory) -> Callable[[Request], bool]:
    """A timer looks at every customer: its calls for one of them, the message to the worker among them."""
    customer = story.installation.customer
    return lambda request: customer in request.path or customer in request.query or customer.encode() in request.body


def test_a_timer_killed_at_any_storage_call_of_its_look(prepared: str) -> None:
    first, *_ = partly_published(prepared, 1)
    sent()  # what others left would keep the timer from sending anything
    calls = run_door(first.installation, "daytimer", "", counts=of_customer(first))
    assert [call.method for call in calls].count("POST") == 1
    assert calls[-1].path == "/stream-work/messages"
    remove([first])
    for batch in batches(strikes(calls, 4)):
        stories = begun(prepared, len(batch))
        at_once(lambda story, _strike: run_worker(story.installation), stories, batch)
        # One after another: each timer looks at every customer.
        for story, strike in zip(stories, batch, strict=True):
            story.upload_the_rest()
            wait_for_markers()
            sent()
            assert kill_door(story.installation, "daytimer", "", strike, counts=of_customer(story)), strike
            story.check_readers(FIRST, ALL)
            sent()
            open_door("daytimer")
            assert Stream(story.installation.customer, Dataset.METRICS) in sent(), strike
            run_worker(story.installation)
            story.check(ALL)
        remove(stories)


def sent() -> set[Stream]:
    """Takes all messages to workers off their queue."""
    queue = wiring.open_queue(load_settings(), STREAM_WORK)
    found = set()
    while (message := queue.receive(visibility_seconds=60)) is not None:
        queue.delete(message)
        found.add(parse_stream_work(message.body))
    return found
