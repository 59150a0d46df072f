"""The shortest timelines on which each mutant does harm, and the program as it is does none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from random import Random

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import upload_event
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess, move_first_day
from processing.jobs.uploads.receive_file import receive_file
from processing.stored.context import JobContext
from tests.days.machine import mutants, pauses
from tests.days.machine.calendar import WINTER
from tests.days.machine.contents import REFUSED
from tests.days.machine.crew import Job, Worker
from tests.days.machine.deaths import die_of_a_day
from tests.days.machine.losses import Loss
from tests.days.machine.machine import DayMachine
from tests.days.machine.metrics import A, B, C
from tests.days.machine.mutants import Mutant
from tests.days.machine.pauses import Pause
from tests.support.all_customers import clean_up_all
from tests.support.stepping import CallOutcome

Scene = Callable[[DayMachine], None]
"""What happens first; whatever was begun is done after it."""
ACME = "acme"
DROP = blob_names.drop_container(ACME)
METRICS = Dataset.METRICS
FIRST, SECOND, THIRD = WINTER.days[:3]


def published(scene: DayMachine) -> None:
    """The first two days are published, of files A and B; nothing is on its way."""
    install(scene, past="published")
    assert scene.watches[0].publications == 2


def install(scene: DayMachine, *, skew: int = 0, past: str = "none", withdraws: bool = False) -> None:
    scene.install(calendar=WINTER, settle=0, skew=skew, page=5_000, past=past, timelines=0, withdraws=withdraws, seed=0)


def start(scene: DayMachine, job: Job, pause: Pause | None = None) -> Worker:
    return scene.crew.start("scene", job, pause)


def upload(scene: DayMachine, name: str, content: str, *, answered: bool = True) -> None:
    event = upload_event(DROP, name, scene.customers[0].upload(name, content).etag)
    if answered:
        scene.crew.answer(event, None)


def mark(scene: DayMachine, day: date) -> None:
    scene.customers[0].mark(f"signals/{day}.json")
    wait(scene, seconds=1)


def wait(scene: DayMachine, *, hours: int = 0, seconds: int = 0) -> None:
    scene.world.time.advance(timedelta(hours=hours, seconds=seconds))


def work(scene: DayMachine, pause: Pause | None = None) -> Worker:
    return scene.work(scene.watches[0], pause)


def reprocess(scene: DayMachine, day: date) -> None:
    start(scene, lambda context: ask_reprocess(context, Stream(ACME, METRICS), day))


def an_upload_is_overtaken(scene: DayMachine) -> None:
    """While a worker is about to write its receipt, the next version comes and is answered."""
    published(scene)
    scene.customers[0].upload(A, "one")
    late = start(scene, lambda context: receive_file(context, DROP, A), pauses.WRITES_RECEIPT)
    upload(scene, A, "two days")
    scene.crew.go_until(late, None)


def a_receipt_moves_while_a_day_is_gathered(scene: DayMachine) -> None:
    published(scene)
    reprocess(scene, SECOND)
    worker = work(scene, pauses.ASKS_FOR_RECEIPT)
    upload(scene, A, "one")
    scene.crew.go_until(worker, None)


def a_worker_dies_before_it_can_say_that_the_tables_are_done(scene: DayMachine) -> None:
    published(scene)
    mark(scene, THIRD)
    worker = work(scene, Pause(method="replace", times=3))
    scene.crew.step(worker)
    scene.crew.kill(worker)
    wait(scene, seconds=61)
    work(scene)


def a_worker_wakes_up_before_its_commit_of_a_table(scene: DayMachine) -> None:
    """It sleeps beyond its lease; another one finishes its publication, and makes the next."""
    published(scene)
    mark(scene, THIRD)
    late = work(scene, pauses.COMMITS_TABLE)
    wait(scene, seconds=61)
    reprocess(scene, SECOND)
    work(scene)
    scene.crew.go_until(late, None)


def a_worker_wakes_up_before_its_publication(scene: DayMachine) -> None:
    """It sleeps beyond its lease, and another one claims the stream."""
    published(scene)
    mark(scene, THIRD)
    late = work(scene, pauses.WRITES_MANIFEST)
    scene.crew.step(late)
    wait(scene, seconds=61)
    work(scene, pauses.SECOND_WRITE)
    scene.crew.go_until(late, None)


def a_marker_comes_while_a_stream_is_looked_at(scene: DayMachine) -> None:
    """And an upload before it, of which nobody hears."""
    published(scene)
    worker = work(scene, pauses.LISTS_MARKERS)
    upload(scene, C, "two days", answered=False)
    scene.customers[0].mark(f"signals/{THIRD}.json")
    scene.crew.go_until(worker, None)


def a_look_is_overtaken_by_another(scene: DayMachine) -> None:
    """The second one cuts a day for an upload that the first one has not seen."""
    published(scene)
    upload(scene, B, "one", answered=False)
    mark(scene, THIRD)
    look = work(scene, pauses.WRITES_STATE)
    upload(scene, C, "one", answered=False)
    reprocess(scene, SECOND)
    work(scene)
    scene.crew.go_until(look, None)
    start(scene, lambda context: receive_file(context, DROP, B))
    work(scene)


def a_day_is_marked_again_while_it_is_computed(scene: DayMachine) -> None:
    published(scene)
    reprocess(scene, SECOND)
    worker = work(scene, pauses.WRITES_MANIFEST)
    upload(scene, C, "one", answered=False)
    mark(scene, SECOND)
    work(scene)
    scene.crew.go_until(worker, None)


def a_day_is_marked_again_before_it_is_begun(scene: DayMachine) -> None:
    """A worker has found it due; an upload comes of which nobody hears, and after it the marker once more."""
    published(scene)
    mark(scene, THIRD)
    worker = work(scene, pauses.THIRD_WRITE)
    upload(scene, C, "two days", answered=False)
    mark(scene, THIRD)
    work(scene)
    assert scene.watches[0].state.days[THIRD].cut == (C,)
    scene.crew.go_until(worker, None)


def the_first_day_moves_before_a_day_is_begun(scene: DayMachine) -> None:
    """A worker has found a day due, and now an earlier one comes first."""
    install(scene, past="uploads")
    scene.customers[0].mark(f"signals/{SECOND}.json")
    wait(scene, hours=2)
    worker = work(scene, pauses.THIRD_WRITE)
    moved = scene.crew.start("first day", lambda context: move_first_day(context, Stream(ACME, METRICS), FIRST), pauses.AT_ONCE)
    moved.notes[scene.watches[0]].names_first_day = True
    scene.crew.go_until(moved, None)
    scene.crew.go_until(worker, None)


def the_first_day_moves_when_a_worker_died(scene: DayMachine) -> None:
    """It had a day in hand; now an earlier one comes first, which is not marked."""
    install(scene, past="uploads")
    scene.customers[0].mark(f"signals/{SECOND}.json")
    wait(scene, hours=2)
    scene.crew.kill(work(scene, pauses.WRITES_FILE))
    moved = scene.crew.start("first day", lambda context: move_first_day(context, Stream(ACME, METRICS), FIRST), pauses.AT_ONCE)
    moved.notes[scene.watches[0]].names_first_day = True
    scene.crew.go_until(moved, None)


def a_backlog_is_longer_than_an_hour(scene: DayMachine) -> None:
    """All days are marked when only the file of a later one is answered."""
    install(scene)
    upload(scene, A, "three days", answered=False)
    upload(scene, C, "from tomorrow on")
    for day in WINTER.days:
        scene.customers[0].mark(f"signals/{day}.json")
    wait(scene, hours=30)
    work(scene)


def staged_parts_are_lost(scene: DayMachine) -> None:
    """All of them, and a day is to be processed again."""
    published(scene)
    loss = Loss.of("staged, emptied", scene.watches[0], Random(0))
    assert loss is not None
    reprocess(scene, SECOND)
    work(scene)
    loss.restore()
    wait(scene, hours=2)


def receipts_are_lost_and_written_anew(scene: DayMachine) -> None:
    """One of them was of a version that was refused, and held the one before it in force."""
    published(scene)
    upload(scene, A, REFUSED)
    loss = Loss.of("receipts", scene.watches[0], Random(0))
    assert loss is not None
    wait(scene, hours=2)
    for _ in range(2):
        scene.crew.everything(Random(0))
        wait(scene, hours=2)
    loss.restore()


def a_state_comes_back_from_before(scene: DayMachine) -> None:
    """And another day is due by it."""
    published(scene)
    mark(scene, THIRD)
    loss = Loss.of("state at rest", scene.watches[0], Random(0))
    assert loss is not None
    wait(scene, hours=2)
    work(scene)
    loss.restore()


def a_day_ends_its_workers(scene: DayMachine) -> None:
    """One after another, without a word."""
    published(scene)
    mark(scene, THIRD)
    assert die_of_a_day(scene.crew, scene.watches[0], pauses.WRITES_FILE) == THIRD


def a_published_file_is_replaced_and_its_day_is_not_done_again(scene: DayMachine) -> None:
    published(scene)
    upload(scene, A, "one")
    for _ in range(2):
        wait(scene, hours=25)
        start(scene, clean_up_all)


def a_day_is_sent_back_by_an_earlier_one(scene: DayMachine) -> None:
    """The first day turns a metric into a ratio; while it is computed, an upload comes of which nobody hears."""
    published(scene)
    upload(scene, C, "a ratio")
    wait(scene, hours=2)
    worker = work(scene, pauses.WRITES_MANIFEST)
    upload(scene, B, "one", answered=False)
    scene.crew.go_until(worker, None)
    record = scene.watches[0].state.days[SECOND]
    assert record.reprocess is not None
    assert record.cut == (B,), "the day does not wait for what was uploaded before it was cut"


def a_marker_goes_before_the_tables_have_its_day(scene: DayMachine) -> None:
    """It was all that the customer ever uploaded."""
    install(scene)
    scene.customers[0].mark(f"signals/metrics/{SECOND}")
    wait(scene, hours=2)
    scene.crew.look(None)
    worker = work(scene, pauses.COMMITS_TABLE)
    scene.crew.kill(worker)
    wait(scene, seconds=61)
    scene.customers[0].delete(f"signals/metrics/{SECOND}")


def a_host_whose_clock_is_wrong_fails(scene: DayMachine) -> None:
    """What it could not answer is announced again after a minute of storage's clock."""
    install(scene, skew=86_400)

    def receive(context: JobContext) -> object:
        return receive_file(context, DROP, A)

    upload(scene, A, "one", answered=False)
    worker = start(scene, receive, pauses.READS_UPLOAD)
    scene.crew.step(worker, CallOutcome.REFUSED)
    scene.crew.go_until(worker, None)
    wait(scene, seconds=61)
    scene.crew.sweep(None)
    scene.messages_are_taken()
    assert len(scene.crew.messages) == 1


HARMFUL: Mapping[Mutant, tuple[Scene, str]] = {
    mutants.LOOKS_ONCE: (an_upload_is_overtaken, "went back to an earlier version"),
    mutants.PARTS_FIRST: (a_receipt_moves_while_a_day_is_gathered, "not made of the parts that its receipts hold"),
    mutants.NO_SEQ: (a_worker_dies_before_it_can_say_that_the_tables_are_done, "took a publication twice"),
    mutants.FRESH_HANDLE: (a_worker_wakes_up_before_its_commit_of_a_table, "or an older one"),
    mutants.NO_CLAIM: (a_worker_wakes_up_before_its_publication, "a worker whose claim is over published"),
    mutants.UPLOADS_FIRST: (a_marker_comes_while_a_stream_is_looked_at, "a listing that is older than the day's marker"),
    mutants.OLD_LISTING: (a_look_is_overtaken_by_another, "lay there before .* was cut and is not in it"),
    mutants.NEW_CUT_FORGOTTEN: (a_day_is_marked_again_while_it_is_computed, "published while its cut was"),
    mutants.ASKED_ONCE: (a_day_is_marked_again_before_it_is_begun, "published while its cut was"),
    mutants.FIRST_ANSWERED: (a_backlog_is_longer_than_an_hour, "the stream begins with"),
    mutants.NO_LOSSES: (staged_parts_are_lost, "not made of the parts that its receipts hold"),
    mutants.NO_TABLES: (a_state_comes_back_from_before, "older than the tables"),
    mutants.NO_TRIES: (a_day_ends_its_workers, "goes on ending its workers"),
    mutants.NO_MANIFESTS: (a_published_file_is_replaced_and_its_day_is_not_done_again, "a part of a live manifest"),
}
"""What is wrong with a program, the timeline that brings it to light, and what is said of it then."""
OTHERS = (
    a_day_is_sent_back_by_an_earlier_one,
    the_first_day_moves_before_a_day_is_begun,
    the_first_day_moves_when_a_worker_died,
    receipts_are_lost_and_written_anew,
    a_marker_goes_before_the_tables_have_its_day,
    a_host_whose_clock_is_wrong_fails,
)
