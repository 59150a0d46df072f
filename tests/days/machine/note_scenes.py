"""The shortest timelines on which rows that join a published day are overlooked by a program without one step."""

from __future__ import annotations

from collections.abc import Mapping

from processing.domain.streams import Stream
from processing.jobs.days.observe_stream import observe_stream
from processing.jobs.uploads.receive_file import receive_file
from processing.stored.context import JobContext
from processing.stored.stream_state import load_state
from tests.days.machine import note_mutants, pauses
from tests.days.machine.crew import Worker
from tests.days.machine.machine import DayMachine
from tests.days.machine.metrics import C
from tests.days.machine.mutants import Mutant
from tests.days.machine.pauses import Pause
from tests.days.machine.scenes import ACME, DROP, FIRST, METRICS, Scene, published, reprocess, start, upload, wait, work

_LATE = "three days"
"""What C holds: rows of both published days among them."""
_OVERLOOKED = "though its rows have changed"


def rested(scene: DayMachine) -> None:
    """Two days are published, and everything was compared once: for a week, notes alone tell of other rows."""
    published(scene)
    work(scene)
    assert scene.watches[0].state.reconciled_at is not None


def ingest(scene: DayMachine, pause: Pause) -> Worker:
    scene.customers[0].upload(C, _LATE)
    return start(scene, lambda context: receive_file(context, DROP, C), pause)


def look(scene: DayMachine, pause: Pause | None = None) -> Worker:
    """A look at the stream whose worker never comes."""

    def observe(context: JobContext) -> object:
        return observe_stream(context, load_state(context, Stream(ACME, METRICS)))

    return start(scene, observe, pause)


def a_worker_dies_before_it_notes_a_change(scene: DayMachine) -> None:
    rested(scene)
    scene.crew.kill(ingest(scene, pauses.NOTES_CHANGE))


def a_look_dies_before_it_touches_a_day(scene: DayMachine) -> None:
    rested(scene)
    upload(scene, C, _LATE)
    scene.crew.kill(look(scene, pauses.WRITES_STATE))


def a_change_comes_after_everything_was_compared(scene: DayMachine) -> None:
    rested(scene)
    worker = ingest(scene, pauses.WRITES_RECEIPT)
    wait(scene, hours=2)
    look(scene)
    scene.crew.go_until(worker, None)


def rows_join_while_a_day_is_computed(scene: DayMachine) -> None:
    """And a look tells of it before the publication."""
    _rows_join(scene, hours=0)


def rows_join_and_are_compared_while_a_day_is_computed(scene: DayMachine) -> None:
    """With the publication that is about to be replaced by one without them."""
    _rows_join(scene, hours=2)


def _rows_join(scene: DayMachine, *, hours: int) -> None:
    rested(scene)
    reprocess(scene, FIRST)
    worker = work(scene, pauses.WRITES_MANIFEST)
    upload(scene, C, _LATE)
    wait(scene, hours=hours)
    look(scene)
    scene.crew.go_until(worker, None)


HARMED_BY_NOTES: Mapping[Mutant, tuple[Scene, str]] = {
    note_mutants.NOTE_LATE: (a_worker_dies_before_it_notes_a_change, _OVERLOOKED),
    note_mutants.NOTE_DELETED_EARLY: (a_look_dies_before_it_touches_a_day, _OVERLOOKED),
    note_mutants.NOTE_DELETED_OPEN: (a_change_comes_after_everything_was_compared, _OVERLOOKED),
    note_mutants.TOUCH_CLEARED: (rows_join_while_a_day_is_computed, _OVERLOOKED),
    note_mutants.TOUCH_KEPT: (rows_join_and_are_compared_while_a_day_is_computed, _OVERLOOKED),
}
