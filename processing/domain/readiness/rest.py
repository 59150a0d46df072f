"""Whether a stream is at rest: nothing is due and nobody marked anything, so that it need not be looked at before its hour.

A look costs a run of a function; to ask this costs the timer two requests. Whatever is overlooked here is seen once an hour,
when the published days are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from processing.domain.days import DayZone
from processing.domain.readiness.observation import ReadinessPolicy
from processing.domain.stream_state import DayRecord, MarkerRef, StreamState


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSignal:
    """A blob that may mark days of a stream."""

    ref: MarkerRef
    written: datetime
    """Last-Modified."""
    day: date | None
    """The day that its name marks; None for a file of finished dates, of whose days the name says nothing."""


def is_at_rest(
    state: StreamState, signals: Iterable[SeenSignal], now: datetime, policy: ReadinessPolicy, zone: DayZone
) -> bool:
    """Whether a look would find nothing to do; `signals` are all that the stream may be marked by."""
    if state.first_day is None or state.stopped is not None or state.pending is not None:
        return False
    if state.compared_at is None or state.compared_at + policy.compare_every <= now:
        return False
    if any(map(has_work, state.days.values())):
        return False
    # A file of finished dates is answered some time after it was written, and marks when it is.
    recent = state.compared_at - 2 * policy.compare_every
    return not any(
        each.written >= recent if each.day is None else zone.has_ended(each.day, now) and _is_news(state, each, each.day)
        for each in signals
    )


def has_work(record: DayRecord) -> bool:
    """Whether a day waits for something, or is cut and not published."""
    if record.reprocess is not None or record.next_try is not None:
        return True
    return record.cut is not None and (record.published is None or bool(record.cut))


def _is_news(state: StreamState, signal: SeenSignal, day: date) -> bool:
    """Whether the state does not know that a day is marked by this version of a signal; settled or not, a look tells."""
    if state.first_day is None or day < state.first_day or state.is_closed(day):
        return False
    record = state.days.get(day)
    return record is None or record.published is None or signal.ref not in record.markers
