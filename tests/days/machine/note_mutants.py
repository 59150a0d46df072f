"""Programs that leave out one step of the notes of changes (protocol, Changes), as they were searched in small."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from processing.domain.receipts import InForce, Receipt, Upload
from processing.domain.stream_state import StreamState
from processing.jobs.days import commit_day, touched_days
from processing.jobs.uploads import commit_receipt
from processing.stored.change_notes import StoredChange, drop_days
from processing.stored.context import JobContext
from tests.days.machine.mutants import Mutant, Patch


def _writes_the_note_late(patch: Patch) -> None:
    announce, waiting = commit_receipt.announce_change, threading.local()

    def later(context: JobContext, upload: Upload, *, before: tuple[Receipt, str] | None, after: InForce) -> None:
        waiting.note = partial(announce, context, upload, before=before, after=after)

    def at_the_end(*_asked: object, **_more: object) -> None:
        waiting.__dict__.pop("note", _nothing)()

    patch.setattr(commit_receipt, "announce_change", later)
    patch.setattr(commit_receipt, "measure_receipt", at_the_end)


def _nothing() -> None:
    """No note is waiting."""


def _deletes_the_note_early(patch: Patch) -> None:
    came = touched_days.changes_that_came

    def deleting(context: JobContext, state: StreamState) -> list[StoredChange]:
        over = came(context, state)
        drop_days(context.lake, over, {day for each in over for day in each.note.days})
        return over

    patch.setattr(touched_days, "changes_that_came", deleting)


def _takes_every_note_for_over(patch: Patch) -> None:
    patch.setattr(StoredChange, "is_over", lambda *_: True)


def _commits_as_if_it_had_read(patch: Patch) -> None:
    patch.setattr(commit_day, "_may_be_touched", lambda *_: False)


def _keeps_what_others_left(patch: Patch) -> None:
    def as_it_is(present: StreamState, _read: Any) -> bool:
        return any(record.touched for record in present.days.values())

    patch.setattr(commit_day, "_may_be_touched", as_it_is)


NOTE_LATE = Mutant(name="a change is noted after its receipt", patch=_writes_the_note_late)
NOTE_DELETED_EARLY = Mutant(name="a note is deleted before its days are touched", patch=_deletes_the_note_early)
NOTE_DELETED_OPEN = Mutant(name="a note is deleted whose change may still come", patch=_takes_every_note_for_over)
TOUCH_CLEARED = Mutant(name="a publication that lost a write clears what it did not see", patch=_commits_as_if_it_had_read)
TOUCH_KEPT = Mutant(name="a publication that lost a write keeps what others left", patch=_keeps_what_others_left)
