"""Which published days differ from the rows in force, and which of them are processed again (contract section 6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from processing.domain.days import DayZone
from processing.domain.readiness.inherited import carried_into_each, digest_of
from processing.domain.readiness.observation import Listings, ReadinessPolicy
from processing.domain.stream_state import DayChange, DayRecord, Published, StreamState

HANDED_ON: Final = "an earlier day hands on something else"
"""Why a day is processed again whose own rows are as they were."""


def differing_days(state: StreamState, parts: Mapping[date, Collection[str]]) -> list[date]:
    """Published days whose parts in force are others than were published, and whose difference is not counted yet."""
    days = []
    for day, record in state.days.items():
        if record.published is None or state.is_closed(day):
            continue
        present = digest_of(parts.get(day, ()))
        counted = record.change is not None and record.change.inputs == present
        if present != record.published.inputs and not counted:
            days.append(day)
    return days


def with_corrections(state: StreamState, seen: Listings, policy: ReadinessPolicy, zone: DayZone) -> StreamState:
    """The state with what changed in each published day, and with those days sent back that are to be processed again."""
    days = dict(state.days)
    today = zone.day_of(seen.now)
    is_settled = True
    for day, carried in carried_into_each(state):
        record = days[day]
        if record.published is not None and not state.is_closed(day):
            record = replace(
                record, change=_change(record, record.published, carried, seen.changes.get(day), _digest(seen, day))
            )
            cause = _cause(record, policy, age=(today - day).days, is_settled=is_settled)
            if cause is not None and record.reprocess is None:
                record = sent_back(record, cause)
            days[day] = record
        # What a day hands on is known when it is processed again, and may then be what it was.
        is_settled = is_settled and record.reprocess is None
    compared = state.compared_at if seen.parts is None else seen.now
    return replace(state, days=days, compared_at=compared)


def sent_back(record: DayRecord, cause: str) -> DayRecord:
    """The record of a published day that is to be processed again, with a new cut."""
    return replace(record, reprocess=cause, cut=None, tries=0, failures=0, next_try=None, error=None)


def as_handed_on(record: DayRecord, carried: str) -> DayRecord:
    """The record of a day whose publication is what it would be by what it is given now: nothing is left to do."""
    published = None if record.published is None else replace(record.published, carried=carried)
    return replace(record, published=published, change=None, reprocess=None, tries=0, failures=0, next_try=None, error=None)


def _digest(seen: Listings, day: date) -> str | None:
    """Of the parts that are in force now; None when they were not listed."""
    return None if seen.parts is None else digest_of(seen.parts.get(day, ()))


def _change(
    record: DayRecord, published: Published, carried: str, counted: DayChange | None, present: str | None
) -> DayChange | None:
    same = DayChange(inputs=published.inputs, carried=carried)
    known = record.change or same
    if present == published.inputs:
        known = same
    elif present is not None and known.inputs != present:
        known = counted or known
    known = replace(known, carried=carried)
    return None if known == replace(same, carried=published.carried) else known


def _cause(record: DayRecord, policy: ReadinessPolicy, *, age: int, is_settled: bool) -> str | None:
    """Why the day is processed again by itself, or None.

    What earlier days hand on reaches the days that it changes whatever their age and the policy for late rows, or results
    would contradict each other; but in order, so that a day is not asked while an earlier one may still change its mind.
    """
    change, published = record.change, record.published
    if change is None or published is None:
        return None
    if change.carried != published.carried and is_settled:
        return HANDED_ON
    if policy.hold_late or age > policy.late_window_days:
        return None
    rows = change.joined + change.left
    if rows > policy.late_threshold * published.rows:
        return f"{change.joined:,} rows joined and {change.left:,} left"
    return None
