"""When a customer's markers usually come, and which days' markers are later than that (contract section 6)."""

from __future__ import annotations

import statistics
from datetime import date, datetime, timedelta
from typing import Final

from processing.domain.days import DayZone
from processing.domain.stream_state import StreamState

_REMEMBERED: Final = 14
"""Markers that make the habit, and the last days that are looked at."""
_FEWEST: Final = 3
"""Fewer markers make no habit."""


def late_days(state: StreamState, now: datetime, zone: DayZone, margin: timedelta) -> frozenset[date]:
    """Days of the last two weeks whose marker should have come by now, and has not."""
    usual_delay = _usual_delay(state, zone)
    if usual_delay is None or state.first_day is None:
        return frozenset()
    today = zone.day_of(now)
    recent = (today - timedelta(days=back) for back in range(1, _REMEMBERED + 1))
    return frozenset(
        day
        for day in recent
        if day >= state.first_day and not _is_marked(state, day) and zone.end_of(day) + usual_delay + margin < now
    )


def _usual_delay(state: StreamState, zone: DayZone) -> timedelta | None:
    """The median time from the end of a day to its marker."""
    marked = [(day, record.marked_at) for day, record in sorted(state.days.items()) if record.marked_at is not None]
    delays = [(at - zone.end_of(day)).total_seconds() for day, at in marked[-_REMEMBERED:] if at is not None]
    return timedelta(seconds=statistics.median(delays)) if len(delays) >= _FEWEST else None


def _is_marked(state: StreamState, day: date) -> bool:
    record = state.days.get(day)
    return state.is_published(day) or (record is not None and record.cut is not None)
