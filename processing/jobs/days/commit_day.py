"""What every publication of a day begins and ends with: that it is in hand, its files, and its commit (protocol, Process day).

Whatever a worker decided is decided again on the state that its write is applied to. A write that loses is tried on what
others made of the state, and there the day may have a newer cut, or an earlier day may come first.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from processing.domain import blob_names
from processing.domain.errors import DropzoneError
from processing.domain.publications import Manifest
from processing.domain.readiness.advance import due_days
from processing.domain.readiness.day_states import with_state
from processing.domain.readiness.inherited import shown_ratios
from processing.domain.stream_state import DayRecord, DayState, Published, StreamState
from processing.stored.context import JobContext
from processing.stored.stream_state import StoredState, change_state
from processing.stored.write_once import write_once


class NotDue(DropzoneError):
    """The day is not to be processed as things are now, though it was a moment ago."""


def begin_day(context: JobContext, stored: StoredState, day: date, epoch: int, attempt: str) -> StoredState:
    """Step 2: that the day is in hand, and how often it was, is written before anything of it is read."""
    now = context.drop.service_time()

    def begun(present: StreamState) -> StreamState:
        record = record_of(present, day)
        if record.attempt == attempt:
            return present  # by this very write, whose answer was lost
        if day not in due_days(present):
            raise NotDue(f"day {day.isoformat()} is not due any more")
        record = with_state(record, DayState.PROCESSING, now, "due")
        return with_day(present, day, replace(record, attempt=attempt, tries=record.tries + 1))

    return change_state(context, stored, begun, epoch=epoch)


def upload_file(context: JobContext, customer: str, scratch: Path, name: str) -> None:
    """Step 3: a file of the publication, create-only; it is not on scratch disk any more then."""
    write_once(context.results, blob_names.results_container(customer), name, scratch / name)
    (scratch / name).unlink()


def commit_day(context: JobContext, stored: StoredState, manifest: Manifest, published: Published, attempt: str) -> StoredState:
    """Step 4: one conditional write of the state blob makes the publication true."""
    processed = record_of(stored.state, manifest.day)

    def committed(state: StreamState) -> StreamState:
        record = record_of(state, manifest.day)
        if record.published is not None and record.published.manifest == published.manifest:
            return state  # by this very write, whose answer was lost
        expect_in_hand(state, manifest.day, processed, attempt)
        names, ratios = shown_ratios(state, manifest.ratios)
        record = replace(
            record,
            published=replace(published, ratios=ratios, unknown=record.published.unknown if record.published else {}),
            reprocess=None,
            touched=_may_be_touched(state, stored.state),
            change=None,
            difference=manifest.difference,
            tries=1,  # at the tables now
            failures=0,
            next_try=None,
            error=None,
        )
        state = with_day(state, manifest.day, record)
        return replace(state, seq=manifest.seq, pending=manifest.day, ratio_names=names)

    return change_state(context, stored, committed, epoch=manifest.epoch)


def _may_be_touched(present: StreamState, read: StreamState) -> bool:
    """Whether others wrote the state since it was read, before the receipts: maybe that these are other rows by now."""
    return present is not read


def expect_in_hand(state: StreamState, day: date, processed: DayRecord, attempt: str) -> None:
    """NotDue unless the day is still due, with the cut that was processed, and in this attempt's hand."""
    record = record_of(state, day)
    if record.attempt != attempt or record.round != processed.round or day not in due_days(state):
        raise NotDue(f"day {day.isoformat()} was cut again, or is not due any more, while it was computed")


def record_of(state: StreamState, day: date) -> DayRecord:
    """Of a day, empty where the state has none."""
    return state.days.get(day, DayRecord())


def with_day(state: StreamState, day: date, record: DayRecord) -> StreamState:
    """The state with another record of a day."""
    return replace(state, days=dict(sorted({**state.days, day: record}.items())))
