"""The days of a customer's streams, by a few reads whatever was ever uploaded: of their states, and of what is staged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from processing.domain.attention.model import Actor, Attention, AttentionCode
from processing.domain.attention.of_days import counted, listed, missing_day, needs_of_day
from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.readiness.observation import ReadinessPolicy
from processing.domain.readiness.silence import last_marked, silent_days
from processing.domain.stream_state import DayRecord, DayState, StreamState
from processing.domain.streams import Stream
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.parts_in_force import parts_in_force
from processing.stored.policies import readiness_policy
from processing.stored.staged_parts import ListedPart, count_staged, list_parts_of_days
from processing.stored.stream_state import load_state
from processing.stored.streams import known_streams

_STAGED_DAYS: Final = 14
"""Of days without a marker or a publication, the youngest whose staged rows are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    """One day of a stream at a glance."""

    state: DayState
    files: int
    """In the publication; of a day without one, those that are staged."""
    rows: int
    late_marker: bool
    needs: str | None
    """What stands in the way of the day, and who does what about it; None when nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCalendar:
    """The days of a stream in some months."""

    dataset: Dataset
    first_day: date | None
    """The first day that is processed; None while it is not decided."""
    last_published: date | None
    stopped: str | None
    """Why the stream stands still until an operator has fixed something; None while it does not."""
    needs: tuple[Attention, ...]
    """What keeps the stream's days from going on: an open first day, a day without a marker before later ones, silence."""
    earlier: bool
    """Whether there are days before those shown."""
    days: Mapping[date, CalendarDay]
    """Days with a marker, a publication or rows, in order."""


def calendars(context: JobContext, customer: str, *, first: date, last: date) -> list[StreamCalendar]:
    """Each stream of a customer with its days from `first` to `last`.

    It reads one document for each stream, and for each of its months that are closed; a day of the last two weeks without a
    marker is asked whether rows of it are staged, and the receipts that these name whether they are in force.
    """
    policy = readiness_policy(context, customer)
    return [_calendar(context, stream, policy, first, last) for stream in known_streams(context, customer)]


def _calendar(context: JobContext, stream: Stream, policy: ReadinessPolicy, first: date, last: date) -> StreamCalendar:
    present = load_state(context, stream).state
    shown = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    state = with_closed_days(context.lake, present, [day for day in shown if present.closed_with(day) is not None])
    days = {day: _of_record(state, day, state.days[day], policy) for day in shown if day in state.days}
    staged = _staged(context, state, policy, shown)
    published = [day for day, record in state.days.items() if record.published is not None]
    published += [each.last for each in state.closed]
    known = [*state.days, *(each.first for each in state.closed)]
    return StreamCalendar(
        dataset=stream.dataset,
        first_day=state.first_day,
        last_published=max(published, default=None),
        stopped=state.stopped,
        needs=tuple(_needs(context, state)) if state.dataset in DATA_DATASETS else (),
        earlier=any(day < first for day in known),
        days=dict(sorted({**days, **staged}.items())),
    )


def _of_record(state: StreamState, day: date, record: DayRecord, policy: ReadinessPolicy) -> CalendarDay:
    published = record.published
    needs = needs_of_day(state, day, record, policy) if state.dataset in DATA_DATASETS else _needs_of_results(record)
    return CalendarDay(
        state=record.state,
        files=published.files if published is not None else 0,
        rows=published.rows if published is not None else 0,
        late_marker=record.late_marker,
        needs=needs,
    )


def _needs(context: JobContext, state: StreamState) -> Iterator[Attention]:
    """By the state alone: markers that no look has seen yet are not looked for."""
    missing = missing_day(state, frozenset(day for day, record in state.days.items() if record.markers))
    if missing is not None:
        yield missing
    if state.opening is not None and state.opening.cut:
        names = listed(list(state.opening.cut), len(state.opening.cut))
        yield Attention(
            code=AttentionCode.FIRST_DAY_OPEN,
            message=f"the first day is not decided yet: {counted(len(state.opening.cut), 'upload')} without an answer: {names}",
            who=Actor.DROPZONE,
            do="they are read, or tried again, by themselves; deleting one lets the stream go on without it",
        )
    yield from _silence(context, state)


def silences(context: JobContext, customer: str) -> list[Attention]:
    """Of each stream of a customer that had its days published, that nobody marks any more; one read for each stream."""
    streams = (Stream(customer, dataset) for dataset in DATA_DATASETS)
    return [found for stream in streams for found in _silence(context, load_state(context, stream).state)]


def _silence(context: JobContext, state: StreamState) -> Iterator[Attention]:
    last = last_marked(state)
    silent = silent_days(last, context.zone, context.drop.service_time()) if last is not None and state.seq else 0
    if last is not None and silent:
        yield Attention(
            code=AttentionCode.STREAM_SILENT,
            message=f"{state.dataset}: no day after {last} was marked, though {silent:,} have ended since",
            who=Actor.CUSTOMER,
            do="see whether the files of these days were sent, and mark them",
            day=last + timedelta(days=1),
        )


def _needs_of_results(record: DayRecord) -> str | None:
    if record.state is DayState.FAILED:
        return f"it failed: {record.error or 'no reason was kept'} - operator: it is tried again by itself"
    return f"it waits for {', '.join(record.waiting_for)}" if record.waiting_for else None


def _staged(context: JobContext, state: StreamState, policy: ReadinessPolicy, shown: list[date]) -> Mapping[date, CalendarDay]:
    """Open days that have rows, among the youngest, and what is in of those that are not published."""
    if state.dataset not in DATA_DATASETS:
        return {}
    today = context.zone.day_of(context.drop.service_time())
    asked = [day for day in shown if abs((today - day).days) < _STAGED_DAYS and not state.is_published(day)]
    found = {day: count_staged(parts) for day, parts in _parts_of(context, state.stream, asked).items()}
    days: dict[date, CalendarDay] = {}
    for day in asked:
        files, rows = found.get(day, (0, 0))
        record = state.days.get(day, DayRecord() if rows else None)
        if record is not None:
            needs = needs_of_day(state, day, record, policy)
            days[day] = CalendarDay(state=record.state, files=files, rows=rows, late_marker=record.late_marker, needs=needs)
    return days


def _parts_of(context: JobContext, stream: Stream, days: list[date]) -> Mapping[date, list[ListedPart]]:
    """The parts of these days that are in force, found by one listing for each run of them."""
    runs = _runs(days)
    staged = [each for first, last in runs for each in list_parts_of_days(context.lake, stream, first, last)]
    found: defaultdict[date, list[ListedPart]] = defaultdict(list)
    for each in parts_in_force(context.drop, stream, staged):
        found[each.part.day].append(each)
    return found


def _runs(days: list[date]) -> list[tuple[date, date]]:
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and (day - runs[-1][1]).days == 1:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs
