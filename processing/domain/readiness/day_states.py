"""The state that each day of a stream is shown in, with its reason (contract section 6, day states)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from processing.domain.readiness.corrections import HANDED_ON
from processing.domain.readiness.cuts import count_missing, waits_for
from processing.domain.stream_state import Change, DayRecord, DayState, StreamState

HISTORY_IN_STATE: Final = 10
"""Changes of a day that the state keeps."""
_NAMES_SHOWN: Final = 100
StateReason = tuple[DayState, str, tuple[str, ...]]
"""A state, its cause in words, and what the day waits for."""


def with_state(record: DayRecord, to: DayState, at: datetime, cause: str) -> DayRecord:
    """The record in another state, with the change in its history; the same state again is no change."""
    if record.state is to:
        return record
    change = Change(state=to, at=at, cause=cause)
    return replace(record, state=to, history=(*record.history, change)[-HISTORY_IN_STATE:])


def as_before(record: DayRecord, at: datetime) -> DayRecord:
    """The record in the state in which it was processed last, without the steps since, of which nothing came.

    The state may have forgotten when that was, after many steps; then the day is processed from now on.
    """
    done = (DayState.PROCESSED, DayState.PROCESSED_EMPTY)
    last = max((number for number, change in enumerate(record.history) if change.state in done), default=None)
    if last is None:
        is_empty = record.published is not None and record.published.rows_in == 0
        return with_state(record, done[is_empty], at, "it was marked again, with nothing new")
    return replace(record, state=record.history[last].state, history=record.history[: last + 1])


def next_in_order(state: StreamState) -> date | None:
    """The first day that is not published; None until the stream's first day is known."""
    if state.first_day is None:
        return None
    day = state.first_day
    while state.is_published(day):
        closed = state.closed_with(day)
        day = (day if closed is None else closed.last) + timedelta(days=1)
    return day


def with_states(state: StreamState, marked: Collection[date], late: Collection[date], now: datetime) -> StreamState:
    """The stream with the state of each day as it follows from its record, and from the markers in effect."""
    following = next_in_order(state)
    days = dict(state.days)
    for day in {*marked, *late, *days}:
        if day not in days and state.is_over(day):
            continue  # the receipt of its marker says so
        record = replace(days.get(day, DayRecord()), late_marker=day in late)
        is_in_turn = record.published is not None or following is None or day <= following
        found = _in_hand(state, record, day, is_in_turn=is_in_turn)
        if found is None and record.published is not None:
            found = _of_published(record)
        elif found is None:
            found = _of_unpublished(state, record, day, following, is_marked=day in marked)
        to, cause, names = found
        days[day] = with_state(replace(record, waiting_for=names), to, now, cause)
    return replace(state, days=dict(sorted(days.items())))


def _in_hand(state: StreamState, record: DayRecord, day: date, *, is_in_turn: bool) -> StateReason | None:
    """Of a day that waits for uploads, or that a worker has in hand while its turn lasts."""
    if state.pending == day:
        return record.state, "", record.waiting_for
    waits = waits_for(record, most=_NAMES_SHOWN)
    if record.mismatch is not None:
        return DayState.FAILED, record.mismatch, waits
    if waits:
        return DayState.WAITING, f"{count_missing(record):,} uploads are not in yet", waits
    if is_in_turn and (record.failures or (record.state is DayState.PROCESSING and record.cut is not None)):
        return record.state, "", record.waiting_for
    return None


def _of_published(record: DayRecord) -> StateReason:
    if record.reprocess is not None:
        return DayState.READY, f"to be processed again: {record.reprocess}", ()
    if record.change is not None:
        return DayState.CHANGED, _reason_of_change(record), ()
    is_empty = record.published is not None and record.published.rows_in == 0
    return DayState.PROCESSED_EMPTY if is_empty else DayState.PROCESSED, "its rows are as they were published", ()


def _of_unpublished(
    state: StreamState, record: DayRecord, day: date, following: date | None, *, is_marked: bool
) -> StateReason:
    if record.cut is None and not is_marked:
        return DayState.OPEN, "no marker", ()
    if state.first_day is None:
        return _before_the_first_day_is_fixed(state)
    if day < state.first_day:
        return DayState.OPEN, f"before the stream's first day {state.first_day.isoformat()}", ()
    if following is not None and day > following:
        return DayState.WAITING, f"day {following.isoformat()} comes first", (following.isoformat(),)
    return DayState.READY, "marked, and everything uploaded before the marker is in", ()


def _before_the_first_day_is_fixed(state: StreamState) -> StateReason:
    opening = state.opening
    if opening is None:
        return DayState.WAITING, "the stream's first day is fixed when its markers are old enough", ("the stream's first day",)
    if opening.cut:
        count = len(opening.cut)
        cause = f"the stream's first day is fixed when {count:,} uploads are in that were there before the markers"
        return DayState.WAITING, cause, opening.cut[:_NAMES_SHOWN]
    return DayState.OPEN, "marked, and no row of the stream has come for a day that it may begin with", ()


def _reason_of_change(record: DayRecord) -> str:
    change, published = record.change, record.published
    if change is None or published is None or change.carried != published.carried:
        return HANDED_ON
    return f"{change.joined:,} rows joined and {change.left:,} left"
