"""Which day of a stream is due, and what every other day waits for (contract section 6; protocol, When a day is due).

Pure: listings and stream state in, stream state out. No host's clock is asked; `now` is the storage service's own time,
taken before the listings began.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from processing.domain.days import DayZone
from processing.domain.readiness.corrections import MARKED_AGAIN, marked_for_reprocess, with_corrections
from processing.domain.readiness.cuts import (
    CutRest,
    Judged,
    compared_with_manifest,
    is_complete,
    last_cut,
    with_new_cut,
    without_answered,
)
from processing.domain.readiness.day_states import next_in_order, with_states
from processing.domain.readiness.first_day import earliest_first_day, needs_opening, with_opening
from processing.domain.readiness.late_markers import late_days
from processing.domain.readiness.observation import ListedMarker, Marked, Observation, ReadinessPolicy
from processing.domain.stream_state import DayRecord, MarkerRef, StreamState

_MOST_MARKERS: Final = 1_000
"""Markers that a day remembers."""


def needs_listing(
    state: StreamState, now: datetime, markers: Sequence[ListedMarker], policy: ReadinessPolicy, zone: DayZone
) -> bool:
    """Whether all uploads must be listed: for a cut that is to be taken, or for the first day."""
    if any(_wants_cut(record) for record in state.days.values()):
        return True
    marked = _in_effect(state, now, markers, policy, zone)
    first = policy.first_day or state.first_day
    if first is None:
        return needs_opening(state, now, markers, marked, policy)
    return any(
        day >= first and not state.is_closed(day) and _is_news(state.days.get(day, DayRecord()), day, observed, now, policy)
        for day, observed in _with_gaps(marked, first, policy).items()
    )


def needs_answers(state: StreamState) -> bool:
    """Whether a day waits for uploads that have a name: its cut, or files that a manifest names."""
    return any(record.cut or record.expected_files or record.expected_in for record in state.days.values())


def needs_comparison(state: StreamState, now: datetime, policy: ReadinessPolicy) -> bool:
    """Whether it is time to compare the published days that were touched with the rows in force."""
    if not any(state.is_comparable(day) for day in state.days):
        return False
    return state.compared_at is None or state.compared_at + policy.compare_every <= now


def touched_days(state: StreamState) -> list[date]:
    """The published days whose rows in force may be others than when they were compared last."""
    return [day for day, record in state.days.items() if record.touched and state.is_comparable(day)]


def needs_reconciliation(state: StreamState, now: datetime, policy: ReadinessPolicy) -> bool:
    """Whether it is time to compare all published days, and whatever else is there, with the receipts."""
    if not any(state.is_comparable(day) for day in state.days):
        return False
    return state.reconciled_at is None or state.reconciled_at + policy.reconcile_every <= now


def advance(state: StreamState, observed: Observation, policy: ReadinessPolicy, zone: DayZone) -> StreamState:
    """The stream state after a look at storage: first day found, changes noted, cuts taken and shrunk, states told.

    The revision is left as it is; whoever stores the state raises it.
    """
    state = _with_first_seen(state, observed, policy)
    marked = _in_effect(state, observed.now, observed.markers, policy, zone)
    state = replace(state, own_markers=state.own_markers or observed.own_markers, stopped=None)
    if policy.first_day is not None:
        state = with_first_day(state, policy.first_day)
    elif state.first_day is None:
        # Older days are not marked for a stream that has not begun.
        marked = {day: markers for day, markers in marked.items() if day >= earliest_first_day(observed.now, policy, zone)}
        state = with_opening(state, observed, marked, policy, zone)
    first = state.first_day
    if first is not None:
        marked = _with_gaps(marked, first, policy)
        due = {day: markers for day, markers in marked.items() if day >= first and not state.is_closed(day)}
        state = _with_markers(state, due, observed.now, policy)
        state = with_corrections(state, observed, policy, zone)
        state = _with_cuts(state, due, observed, policy)
    done: dict[int, CutRest] = {}
    days = {
        day: compared_with_manifest(without_answered(record, observed, policy, done) if record.cut else record, observed)
        for day, record in state.days.items()
    }
    late = late_days(state, observed.now, zone, policy.marker_margin) - set(marked)
    return with_states(replace(state, days=days), frozenset(marked), late, observed.now)


def with_first_day(state: StreamState, first: date) -> StreamState:
    """The stream beginning with this day; of days that nobody asked for until now, everything is listed."""
    is_earlier = state.first_day is not None and first < state.first_day
    return replace(state, first_day=first, opening=None, reconciled_at=None if is_earlier else state.reconciled_at)


def due_day(state: StreamState, now: datetime) -> date | None:
    """The day that may be processed now, the earliest if there are several.

    Among unpublished days it is the first in order or none; days that are processed again come beside it.
    """
    rests = (day for day, record in state.days.items() if record.next_try is not None and now < record.next_try)
    resting = frozenset(rests)
    return next((day for day in due_days(state) if day not in resting), None)


def due_days(state: StreamState) -> Iterator[date]:
    """The days that may be processed, in order, those among them that rest after a failure."""
    following = next_in_order(state)
    for day, record in sorted(state.days.items()):
        in_turn = day == following if record.published is None else record.reprocess is not None
        if in_turn and is_complete(record):
            yield day


def _with_first_seen(state: StreamState, observed: Observation, policy: ReadinessPolicy) -> StreamState:
    """The state with the markers that are too young to decide anything, and since when each of them is known."""
    has_first_day = (policy.first_day or state.first_day) is not None
    rest = policy.settle if has_first_day else max(policy.settle, policy.first_day_wait)
    young = sorted({marker.ref.name for marker in observed.markers if marker.written + rest > observed.now})
    seen = {name: state.first_seen.get(name, observed.now) for name in young[:_MOST_MARKERS]}
    return state if seen == state.first_seen else replace(state, first_seen=seen)


def _in_effect(
    state: StreamState, now: datetime, markers: Sequence[ListedMarker], policy: ReadinessPolicy, zone: DayZone
) -> Marked:
    days: dict[date, tuple[ListedMarker, ...]] = {}
    for marker in sorted(markers, key=lambda each: (each.day, each.ref.name)):
        far = zone.is_far_ahead(marker.day, marker.written)  # its receipt refuses it
        has_settled = state.rests_since(marker.ref.name, marker.written) + policy.settle <= now
        if not far and has_settled and zone.has_ended(marker.day, now):
            days[marker.day] = (*days.get(marker.day, ()), marker)
    return days


def _with_gaps(marked: Marked, first: date, policy: ReadinessPolicy) -> Marked:
    """Under `gap_policy: infer`, the days since the first that have no marker, each with those of the next marked day."""
    if not policy.infer_gaps or not marked:
        return marked
    filled = dict(marked)
    following: tuple[ListedMarker, ...] = ()
    day = max(marked)
    while day >= first:
        # What a manifest names belongs to the marker's own day.
        following = tuple(replace(marker, expected=()) for marker in marked[day]) if day in marked else following
        filled.setdefault(day, following)
        if day == date.min:
            break
        day -= timedelta(days=1)
    return filled


def _is_news(record: DayRecord, day: date, markers: tuple[ListedMarker, ...], now: datetime, policy: ReadinessPolicy) -> bool:
    """Whether the markers of a day say what was not known: it has no cut, or one of them was uploaded again."""
    return record.cut is None or _again(record, day, markers, now, policy) is not None


def _again(
    record: DayRecord, day: date, markers: tuple[ListedMarker, ...], now: datetime, policy: ReadinessPolicy
) -> ListedMarker | None:
    """A marker of this one day that was uploaded again since it was seen."""
    known = {ref.name: ref.etag for ref in record.markers}
    for marker in markers:
        if _is_restless(record, marker, now, policy):
            continue
        if marker.alone and marker.day == day and known.get(marker.ref.name, marker.ref.etag) != marker.ref.etag:
            return marker
    return None


def _is_restless(record: DayRecord, marker: ListedMarker, now: datetime, policy: ReadinessPolicy) -> bool:
    """Whether a marker is rewritten faster than it settles, and the day was cut so short a time ago that this is no news."""
    return record.cut_at is not None and record.cut_at + policy.settle > now and marker.written + policy.settle > now


def _with_markers(state: StreamState, marked: Marked, now: datetime, policy: ReadinessPolicy) -> StreamState:
    days = dict(state.days)
    for day, markers in marked.items():
        record = days.get(day, DayRecord())
        again = _again(record, day, markers, now, policy)
        if again is not None and record.published is not None:
            record = marked_for_reprocess(record, f"{again.ref.name}{MARKED_AGAIN}")
        elif again is not None:
            record = replace(record, cut=None)
        refs = {ref.name: ref for ref in record.markers}
        for ref in (marker.ref for marker in markers if not _is_restless(record, marker, now, policy)):
            refs[ref.name] = ref
        refs = {marker.ref.name: marker.ref for marker in markers} | refs
        known = sorted(refs)[:_MOST_MARKERS]
        days[day] = replace(record, markers=tuple(MarkerRef(name=name, etag=refs[name].etag) for name in known))
    return replace(state, days=dict(sorted(days.items())))


def _wants_cut(record: DayRecord) -> bool:
    return record.reprocess is not None and record.cut is None


def _with_cuts(state: StreamState, marked: Marked, observed: Observation, policy: ReadinessPolicy) -> StreamState:
    wanted = [day for day, record in sorted(state.days.items()) if record.cut is None and (day in marked or _wants_cut(record))]
    if not wanted:
        return state
    days, judged, last = dict(state.days), Judged.of(observed), last_cut(dict(state.days))
    for day in wanted:
        days[day] = with_new_cut(days[day], marked.get(day, ()), observed, judged, policy, last_cut=last)
        last = observed.now
    return replace(state, days=days)
