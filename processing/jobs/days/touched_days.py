"""Marks the published days whose rows in force were changed, by the notes that ingest left (protocol, Changes).

The receipts first, then the state, then the notes: whoever compares or publishes a day by the state as it is after that
reads the receipts later, and sees the change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from processing.domain import blob_names
from processing.domain.stream_state import StreamState
from processing.jobs.days.named_parts import named_parts
from processing.stored.change_notes import ChangeNote, StoredChange, drop_days, list_changes, write_change
from processing.stored.context import JobContext
from processing.stored.receipts import ListedReceipt, look_at_receipts
from processing.stored.stream_state import StoredState, change_state, load_state

_ANOTHER_TIME: Final = "-"
"""In the place of the ETag that a receipt had: the change came at a time that nobody knows."""


def touch_days(context: JobContext, stored: StoredState, *, epoch: int | None = None) -> StoredState:
    """The state in which every published day is touched whose rows were changed, and the notes without such days.

    Notes of days that are still to be published stay: by them the publication finds its receipts. With `epoch`, raises
    Superseded once another worker has claimed the stream.
    """
    if not any(record.published is not None for record in stored.state.days.values()):
        return stored
    over = changes_that_came(context, stored.state)
    if not over:
        return stored
    days = {day for each in over for day in each.note.days}

    def touch(state: StreamState) -> StreamState:
        touched = {day: replace(state.days[day], touched=True) for day in days if state.is_comparable(day)}
        return replace(state, days={**state.days, **touched}) if touched else state

    # Read again after the receipts: a day that is not published in it reads its own receipts later than this.
    stored = change_state(context, load_state(context, stored.state.stream), touch, epoch=epoch)
    drop_days(context.lake, over, {day for day in days if not stored.state.is_awaited(day)})
    return stored


def changes_that_came(context: JobContext, state: StreamState) -> list[StoredChange]:
    """The notes with a day that is not to be published any more, of which nothing can come that is not there already."""
    notes = [
        each for each in list_changes(context.lake, state.stream) if any(not state.is_awaited(day) for day in each.note.days)
    ]
    receipts = look_at_receipts(context.drop, state.customer, {each.note.receipt for each in notes})
    return [each for each in notes if each.is_over(receipts)]


def note_earlier_rows(
    context: JobContext, state: StreamState, days: Collection[date], found: Mapping[str, ListedReceipt]
) -> None:
    """Leave a note of every receipt, of all that there are, that holds rows of days still to be published and has none.

    `days` are those with parts in force. Programs before this one left no notes, and those of days that nobody waited for are
    gone when they are waited for again.
    """
    awaited = [day for day in days if state.is_awaited(day)]
    noted = {(each.note.receipt, day) for each in list_changes(context.lake, state.stream) for day in each.note.days}
    missing: defaultdict[str, list[date]] = defaultdict(list)
    for day, by_attempt in named_parts(context, state, awaited, found).items():
        for receipt in (blob_names.receipt_name(each.blob) for each in by_attempt.values() if each.count):
            if (receipt, day) not in noted:
                missing[receipt].append(day)
    for receipt, its_days in missing.items():
        note = ChangeNote(receipt=receipt, before=_ANOTHER_TIME, days=tuple(sorted(its_days)))
        write_change(context.lake, state.stream, note)
