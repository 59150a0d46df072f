"""How the first day of a stream is found: a decision that waits for uploads as a cut does (contract section 6).

It is the earliest marked day of the last four weeks that has rows or a marker of its own, and it is fixed once. So what lay
there before its markers must have an answer by then: while a backlog is still being read, the day that happens to be
answered first would become the first one, and the days before it would never be processed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from processing.domain.days import DayZone
from processing.domain.readiness.cuts import Judged, names_without_answer
from processing.domain.readiness.inherited import digest_of
from processing.domain.readiness.observation import ListedMarker, Marked, Observation, ReadinessPolicy
from processing.domain.stream_state import Opening, StreamState

_LONGEST_REST: Final = 24
"""Times the wait for markers to rest, after which the first day is looked for though younger ones keep coming."""


def needs_opening(
    state: StreamState, now: datetime, markers: Sequence[ListedMarker], marked: Marked, policy: ReadinessPolicy
) -> bool:
    """Whether a look at the uploads could fix the first day, or bring it nearer."""
    if not marked or not _markers_rest(state, now, markers, policy):
        return False
    opening = state.opening
    if opening is None or opening.cut or opening.markers != _digest(marked):
        return True
    # Nothing is waited for: rows of a day that is marked already may still come.
    return opening.at + policy.compare_every <= now


def earliest_first_day(now: datetime, policy: ReadinessPolicy, zone: DayZone) -> date:
    """The earliest day that a stream may begin with now."""
    return zone.day_of(now) - timedelta(days=policy.first_day_window)


def with_opening(
    state: StreamState, observed: Observation, marked: Marked, policy: ReadinessPolicy, zone: DayZone
) -> StreamState:
    """The stream with its first day, or with what that waits for; `marked` has no day that it may not begin with."""
    earliest = earliest_first_day(observed.now, policy, zone)
    state = replace(state, days={day: record for day, record in state.days.items() if day >= earliest})
    if observed.parts is None or observed.has_unread_markers or not marked:
        return state
    if not _markers_rest(state, observed.now, observed.markers, policy):
        return state
    opening = _opening(state.opening, _digest(marked), observed)
    first = None if opening.cut else _first_day(observed, marked)
    return replace(state, first_day=first, opening=opening if first is None else None)


def _opening(before: Opening | None, markers: str, observed: Observation) -> Opening:
    if before is None or before.markers != markers:
        return Opening(markers=markers, cut=Judged.of(observed).unanswered, at=observed.now)
    left = names_without_answer(before.cut, observed)
    return before if left and left == before.cut else replace(before, cut=left, at=observed.now)


def _first_day(observed: Observation, marked: Marked) -> date | None:
    own = {marker.day for markers in marked.values() for marker in markers if marker.own}
    with_rows = observed.parts or {}
    return next((day for day in sorted(marked) if day in own or with_rows.get(day)), None)


def _markers_rest(state: StreamState, now: datetime, markers: Sequence[ListedMarker], policy: ReadinessPolicy) -> bool:
    """Whether all markers are old enough to tell the first day, or have kept it open for far too long."""
    if all(state.rests_since(marker.ref.name, marker.written) + policy.first_day_wait <= now for marker in markers):
        return True
    waiting = [record.history[0].at for record in state.days.values() if record.history]
    return bool(waiting) and min(waiting) + _LONGEST_REST * policy.first_day_wait <= now


def _digest(marked: Marked) -> str:
    return digest_of(
        f"{day.isoformat()} {marker.ref.etag} {marker.ref.name}" for day, markers in marked.items() for marker in markers
    )
