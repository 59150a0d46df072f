"""Streams for which nobody marks days: those that never were marked, and those that fell silent (contract section 6)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from processing.domain.days import DayZone
from processing.domain.stream_state import DayState, StreamState

SILENT_DAYS: Final = 3
"""Days that ended without a marker after which a stream counts as silent."""


def was_marked(state: StreamState) -> bool:
    """Whether a day of the stream was ever marked, or published.

    Until the first day is fixed the markers that decide it are not kept, and their days wait all the same.
    """
    return state.seq > 0 or any(record.markers or record.state is DayState.WAITING for record in state.days.values())


def last_marked(state: StreamState) -> date | None:
    """The last day that was marked or published; None when there is none."""
    days = [day for day, record in state.days.items() if record.cut is not None or record.published is not None]
    return max((*days, *(each.last for each in state.closed)), default=None)


def silent_days(last: date, zone: DayZone, now: datetime) -> int:
    """How many days after the last marked one have ended without a marker, 0 while that is no silence."""
    ended = (zone.day_of(now) - last).days - 1
    return ended if ended >= SILENT_DAYS else 0
