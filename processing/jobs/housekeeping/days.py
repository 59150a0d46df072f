"""Gives up the staged rows of old days: first in the stream's state, by which nothing asks for them any more.

The night after that, when their status documents are printed for the last time, the days leave the state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import count

from processing.domain.kept_documents import keeps_document
from processing.domain.stream_state import DayRecord, DayState, StreamState
from processing.domain.streams import Stream
from processing.stored.closed_days import store_apart
from processing.stored.context import JobContext
from processing.stored.day_documents import print_status, printed_days
from processing.stored.stream_state import change_state, load_state


def store_closed_days(context: JobContext, stream: Stream) -> int:
    """Move the records of closed days out of the stream's state into documents of their own; returns how many.

    A day stays until its status document tells that it is closed, because documents are printed of days in the state alone.
    """
    stored = load_state(context, stream)
    if not any(stored.state.is_closed(day) for day in stored.state.days):
        return 0
    printed = printed_days(context, stored.state)
    today, receipts = context.zone.day_of(context.drop.service_time()), context.retention.receipts
    moved: list[date] = []

    def move(state: StreamState) -> StreamState:
        moved[:] = [
            day
            for day, record in state.days.items()
            if state.is_closed(day)
            and not _has_work(state, day, record)
            and day in printed
            and (printed[day].is_of(record) or not keeps_document(state, day, today=today, receipts=receipts))
        ]
        return store_apart(context.lake, state, moved) if moved else state

    change_state(context, stored, move)
    return len(moved)


def close_days(context: JobContext, stream: Stream) -> int:
    """Close the days whose staged rows retention gives up, in order; returns how many recorded days that were.

    A day with work to do stays open, and so do all after it. Days that were never published have nothing to close; what
    becomes of the rows of those before the first day is `delete_parts`' affair.
    """
    today = context.zone.day_of(context.drop.service_time())
    latest = today - timedelta(days=context.retention.staged + 1)
    closed: list[date] = []

    def close(state: StreamState) -> StreamState:
        until = _closable(state, latest)
        if until is None or state.is_closed(until):
            closed.clear()
            return state
        closed[:] = [
            day for day, record in state.days.items() if record.published and day <= until and not state.is_closed(day)
        ]
        days = dict(state.days)
        for day in closed:
            # Without its revision the record counts as changed, and its status document is printed again.
            days[day] = replace(days[day], change=None, revision=0)
        return replace(state, closed_through=until, days=days)

    stored = change_state(context, load_state(context, stream), close)
    if closed:
        print_status(context, stored.state)
    return len(closed)


def _closable(state: StreamState, latest: date) -> date | None:
    """The last day, up to `latest`, of those that can be closed with all before it; None until there is a first day."""
    if state.first_day is None:
        return None
    until: date | None = None
    for day in _in_order(state, state.first_day):
        if state.closed_with(day) is not None:
            continue
        record = state.days.get(day)
        if day > latest or record is None or record.published is None:
            break
        if _has_work(state, day, record):
            break
        until = day
    return until


def _has_work(state: StreamState, day: date, record: DayRecord) -> bool:
    return record.reprocess is not None or state.pending == day or record.state is DayState.PROCESSING


def _in_order(state: StreamState, first: date) -> Iterator[date]:
    """The published days that the first day was moved behind, then every day from the first on."""
    yield from sorted(day for day, record in state.days.items() if day < first and record.published is not None)
    yield from (first + timedelta(days=each) for each in count())
