"""Which published days differ from the rows in force, and which of them are processed again (contract section 6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from processing.domain.days import DayZone
from processing.domain.readiness.inherited import digest_of, inherited_by_each
from processing.domain.readiness.observation import Observation, ReadinessPolicy
from processing.domain.stream_state import DayChange, DayRecord, Published, StreamState

HANDED_ON: Final = "an earlier day hands on something else"
"""Why a day is processed again whose own rows are as they were."""

MARKED_AGAIN: Final = " was uploaded again"
"""How the cause ends where a marker was uploaded again, behind its name."""


def differing_days(state: StreamState, parts: Mapping[date, Collection[str]]) -> list[date]:
    """Published days whose parts in force are others than were published, and whose difference is not counted yet."""
    days = []
    for day, record in state.days.items():
        if day not in parts or record.published is None or state.is_closed(day):
            continue
        present = digest_of(parts[day])
        counted = record.change is not None and record.change.inputs == present
        if present != record.published.inputs and not counted:
            days.append(day)
    return days


def with_corrections(state: StreamState, observed: Observation, policy: ReadinessPolicy, zone: DayZone) -> StreamState:
    """The state with what changed in each published day, and with those days sent back that are to be processed again."""
    days = dict(state.days)
    today = zone.day_of(observed.now)
    is_settled = True
    for day, inherited in inherited_by_each(state):
        record = days[day]
        if record.published is not None and not state.is_closed(day):
            present = _digest(observed, day)
            change = _change(record, record.published, inherited, observed.changes.get(day), present)
            record = replace(record, change=change, touched=_is_still_touched(record, change, present))
            cause = _cause(record, policy, age=(today - day).days, is_settled=is_settled)
            if cause is not None and record.reprocess is None:
                record = marked_for_reprocess(record, cause)
            days[day] = record
        # What a day hands on is known when it is processed again, and may then be what it was.
        is_settled = is_settled and record.reprocess is None
    return replace(
        state,
        days=days,
        compared_at=state.compared_at if observed.parts is None else observed.now,
        reconciled_at=observed.now if observed.is_of_all else state.reconciled_at,
    )


def marked_for_reprocess(record: DayRecord, cause: str) -> DayRecord:
    """The record of a published day that is to be processed again, with a new cut."""
    return replace(record, reprocess=cause, cut=None, tries=0, failures=0, next_try=None, error=None)


def is_marked_again(record: DayRecord) -> bool:
    """Whether a published day is to be processed again because a marker of it was uploaded again, and for no other reason."""
    return record.reprocess is not None and record.reprocess.endswith(MARKED_AGAIN)


def as_handed_on(record: DayRecord, inherited: str) -> DayRecord:
    """The record of a day whose publication is what it would be by what it is given now: nothing is left to do."""
    published = None if record.published is None else replace(record.published, carried=inherited)
    return replace(record, published=published, change=None, reprocess=None, tries=0, failures=0, next_try=None, error=None)


def _digest(observed: Observation, day: date) -> str | None:
    """Of the parts that are in force now; None when the day is not compared."""
    return None if observed.parts is None or day not in observed.parts else digest_of(observed.parts[day])


def _change(
    record: DayRecord, published: Published, inherited: str, counted: DayChange | None, present: str | None
) -> DayChange | None:
    same = DayChange(inputs=published.inputs, carried=inherited)
    known = record.change or same
    if present == published.inputs:
        known = same
    elif present is not None and known.inputs != present:
        known = counted or known
    known = replace(known, carried=inherited)
    return None if known == replace(same, carried=published.carried) else known


def _is_still_touched(record: DayRecord, change: DayChange | None, present: str | None) -> bool:
    """Whether the day must be compared again: it was not, or its rows moved while they were counted."""
    if present is None or record.published is None:
        return record.touched
    return present not in (record.published.inputs, change.inputs if change is not None else None)


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
