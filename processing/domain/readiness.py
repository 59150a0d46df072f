"""Which day of a stream is due, and what every other day waits for (contract section 6; protocol, When a day is due).

Pure: listings and stream state in, stream state out. No host's clock is asked; `now` is the storage service's own time,
taken before the listings began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from processing.domain.days import DayZone
from processing.domain.records import Change, DayRecord, DayState, MarkerRef, ReceiptSummary, Status, StreamState

_HISTORY: Final = 50
_NAMES_SHOWN: Final = 100
_LONGEST_REST: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessPolicy:
    """The settings that readiness depends on."""

    settle: timedelta = timedelta(seconds=60)
    """How long after it was written a marker takes effect."""
    first_day_wait: timedelta = timedelta(hours=1)
    """How old the stream's markers must be before its first day is fixed."""
    first_day_window: int = 28
    """Days back in which the first day is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenMarker:
    """A marker blob that is there now and marks this stream."""

    day: date
    ref: MarkerRef
    written: datetime
    """Last-Modified."""
    own: bool
    """Whether it marks this stream alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listings:
    """What storage held, listed in this order: the time, the markers, the uploads, the receipts.

    Nothing uploaded before a listed marker can be missing from uploads, because their listing began later.
    """

    now: datetime
    markers: Sequence[SeenMarker]
    uploads: Mapping[str, str] = field(default_factory=dict)
    """Data blobs of the stream: name to ETag."""
    receipts: Mapping[str, ReceiptSummary] = field(default_factory=dict)
    """Upload name to the summary of its receipt."""
    days_with_rows: frozenset[date] = frozenset()
    """Days for which rows of accepted uploads are staged; asked only until the first day is fixed."""


def needs_listing(
    state: StreamState, now: datetime, markers: Sequence[SeenMarker], policy: ReadinessPolicy, zone: DayZone
) -> bool:
    """Whether a look at the uploads could change anything: a cut to take or to shrink, or the first day to find."""
    if any(record.cut for record in state.days.values()):
        return True
    return any(
        state.first_day is None or (day >= state.first_day and not _has_cut(state, day))
        for day in _in_effect(now, markers, policy, zone)
    )


def advance(state: StreamState, seen: Listings, policy: ReadinessPolicy, zone: DayZone) -> StreamState:
    """The stream state after a look at storage: first day found, cuts taken and shrunk, days marked ready or waiting.

    The revision is left as it is; whoever stores the state raises it.
    """
    marked = _in_effect(seen.now, seen.markers, policy, zone)
    days = dict(state.days)
    first = state.first_day or _first_day(state, seen, marked, policy, zone)
    for day, markers in marked.items():
        if first is not None and day >= first and not _has_cut(state, day):
            names = tuple(sorted(name for name, etag in seen.uploads.items() if not _answered(seen, name, etag)))
            days[day] = replace(days.get(day, DayRecord()), markers=markers, cut=names)
    for day, record in days.items():
        if record.cut:
            days[day] = _shrink(record, seen)
    return _with_states(replace(state, first_day=first, days=dict(sorted(days.items()))), marked, seen.now)


def due_day(state: StreamState, now: datetime) -> date | None:
    """The one day that may be processed now: days go in order, so it is the first unpublished one or none."""
    day = _next_in_order(state)
    record = state.days.get(day) if day is not None else None
    if record is None or record.cut is None or record.cut or (record.next_try is not None and now < record.next_try):
        return None
    return day


def moved(record: DayRecord, to: DayState, at: datetime, cause: str) -> DayRecord:
    """The record in another state, with the change in its history; the same state again is no change."""
    if record.state is to:
        return record
    change = Change(state=to, at=at, cause=cause)
    return replace(record, state=to, history=(*record.history, change)[-_HISTORY:])


def _in_effect(
    now: datetime, markers: Sequence[SeenMarker], policy: ReadinessPolicy, zone: DayZone
) -> dict[date, tuple[MarkerRef, ...]]:
    days: dict[date, tuple[MarkerRef, ...]] = {}
    for marker in sorted(markers, key=lambda each: (each.day, each.ref.name)):
        far = zone.is_far_ahead(marker.day, marker.written)  # its receipt refuses it
        if not far and marker.written + policy.settle <= now and zone.has_ended(marker.day, now):
            days[marker.day] = (*days.get(marker.day, ()), marker.ref)
    return days


def _has_cut(state: StreamState, day: date) -> bool:
    record = state.days.get(day)
    return record is not None and record.cut is not None


def _answered(seen: Listings, name: str, etag: str) -> bool:
    receipt = seen.receipts.get(name)
    return receipt is not None and receipt.answers(etag)


def _shrink(record: DayRecord, seen: Listings) -> DayRecord:
    left: list[str] = []
    refused = list(record.refused)
    for name in record.cut or ():
        etag = seen.uploads.get(name)
        if etag is None:
            continue  # gone: deleting a blob changes nothing
        if not _answered(seen, name, etag):
            left.append(name)
        elif seen.receipts[name].status is Status.REJECTED:
            refused.append(name)
    return replace(record, cut=tuple(left), refused=tuple(refused))


def _markers_rest(state: StreamState, seen: Listings, policy: ReadinessPolicy) -> bool:
    """Whether all markers are old enough to tell the first day, or have kept it open for far too long."""
    if all(marker.written + policy.first_day_wait <= seen.now for marker in seen.markers):
        return True
    waiting = [record.history[0].at for record in state.days.values() if record.history]
    return bool(waiting) and min(waiting) + _LONGEST_REST * policy.first_day_wait <= seen.now


def _first_day(
    state: StreamState, seen: Listings, marked: Mapping[date, tuple[MarkerRef, ...]], policy: ReadinessPolicy, zone: DayZone
) -> date | None:
    """The earliest marked day of the window that has rows or a marker of its own, once all markers are old enough."""
    if not marked or not _markers_rest(state, seen, policy):
        return None
    earliest = zone.day_of(seen.now) - timedelta(days=policy.first_day_window)
    own = {marker.day for marker in seen.markers if marker.own}
    return next((day for day in sorted(marked) if day >= earliest and (day in own or day in seen.days_with_rows)), None)


def _next_in_order(state: StreamState) -> date | None:
    if state.first_day is None:
        return None
    day = state.first_day
    while (record := state.days.get(day)) is not None and record.published is not None:
        day += timedelta(days=1)
    return day


def _with_states(state: StreamState, marked: Mapping[date, tuple[MarkerRef, ...]], now: datetime) -> StreamState:
    following = _next_in_order(state)
    days = dict(state.days)
    for day in {*marked, *days}:
        record = days.get(day, DayRecord())
        if record.published is not None or record.state in (DayState.PROCESSING, DayState.FAILED):
            continue
        to, cause, names = _state_of(record, day, following, state.first_day, is_marked=day in marked)
        if to is DayState.OPEN and day not in days:
            continue
        record = replace(record, waiting_for=names)
        days[day] = moved(record, to, now, cause) if to is not record.state else record
    return replace(state, days=dict(sorted(days.items())))


def _state_of(
    record: DayRecord, day: date, following: date | None, first: date | None, *, is_marked: bool
) -> tuple[DayState, str, tuple[str, ...]]:
    if record.cut is None and not is_marked:
        return DayState.OPEN, "no marker", ()
    if first is None:
        return DayState.WAITING, "the stream's first day is not fixed yet", ("the stream's first day",)
    if day < first:
        return DayState.OPEN, f"before the stream's first day {first.isoformat()}", ()
    if record.cut:
        shown = record.cut[:_NAMES_SHOWN]
        return DayState.WAITING, f"{len(record.cut)} uploads have no answer yet", shown
    if following is not None and day > following:
        return DayState.WAITING, f"day {following.isoformat()} comes first", (following.isoformat(),)
    return DayState.READY, "marked, and everything uploaded before the marker is in", ()
