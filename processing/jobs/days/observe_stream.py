"""One look at a stream: what storage holds, listed in the order that the protocol needs, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from processing.domain.errors import ConditionNotMet, LaterError
from processing.domain.readiness import advance as readiness
from processing.domain.readiness.first_day import earliest_first_day
from processing.domain.readiness.observation import ReadinessPolicy
from processing.domain.stream_state import StreamState
from processing.jobs.days.losses import expect_newest_day
from processing.jobs.days.observations import (
    Rows,
    observation_of_all,
    observation_of_awaited,
    observation_of_uploads,
    rows_of,
)
from processing.jobs.days.touched_days import touch_days
from processing.stored.context import JobContext
from processing.stored.day_documents import print_status
from processing.stored.expected_files import store_long_lists
from processing.stored.markers import Signals, read_signals
from processing.stored.policies import readiness_policy
from processing.stored.stream_state import StoredState, expect_epoch, load_state, store_state
from processing.stored.tries import tries

_MOST_COMPARED: Final = 10
"""Touched days whose receipts are asked for one by one: for more, a look at everything costs less."""

_log = structlog.get_logger()


def observe_stream(context: JobContext, stored: StoredState, *, epoch: int | None = None) -> StoredState:
    """The state that follows from what storage holds now, stored; the status documents of its days are printed.

    With `epoch`, raises Superseded once another worker has claimed the stream. LaterError when the state changes faster
    than it can be looked at, OperatorError when something is lost that the state or a receipt names.
    """
    stored = touch_days(context, stored, epoch=epoch)
    for _ in tries(context):
        expect_epoch(stored.state, epoch)
        before = stored.state
        changed = store_long_lists(context.lake, _observed(context, before))
        if changed == before:
            break
        try:
            stored = store_state(context, stored, changed)
            _log_late_markers(before, changed)
            break
        except ConditionNotMet:
            # Everything is listed again. A cut that another look stored meanwhile may name uploads that are younger than
            # this listing, and what the listing lacks would be taken for gone.
            stored = load_state(context, stored.state.stream)
    else:
        raise LaterError(f"the state of {stored.state.stream} changes faster than it is looked at")
    print_status(context, stored.state)
    return stored


def _observed(context: JobContext, state: StreamState) -> StreamState:
    policy = readiness_policy(context, state.customer)
    now = context.drop.service_time()
    signals = read_signals(context, state, policy, now)
    has_first_day = (policy.first_day or state.first_day) is not None
    lists_uploads = readiness.needs_listing(state, now, signals.markers, policy, context.zone)
    if readiness.needs_reconciliation(state, now, policy) or (lists_uploads and not has_first_day):
        return _with_all(context, state, policy, now, signals)
    rows: Rows = {}
    if readiness.needs_comparison(state, now, policy):
        compared = readiness.touched_days(state)
        if len(compared) > _MOST_COMPARED:
            return _with_all(context, state, policy, now, signals)
        expect_newest_day(context, state)
        rows = rows_of(context, state, compared)
    if not lists_uploads:
        observed = replace(observation_of_awaited(context, state, now, signals), **rows)
        changed = readiness.advance(state, observed, policy, context.zone)
        if not _is_cut(state, changed):
            return changed
        # A day was sent back without a look at all uploads: its cut must be taken from one.
    observed = replace(observation_of_uploads(context, state, now, signals), **rows)
    return readiness.advance(state, observed, policy, context.zone)


def _with_all(context: JobContext, state: StreamState, policy: ReadinessPolicy, now: datetime, signals: Signals) -> StreamState:
    """What follows from everything that there is."""
    has_first_day = (policy.first_day or state.first_day) is not None
    earliest = earliest_first_day(now, policy, context.zone)
    may_be_first = () if has_first_day else {each.day for each in signals.markers if each.day >= earliest}
    changed = readiness.advance(state, observation_of_all(context, state, now, signals, may_be_first), policy, context.zone)
    if has_first_day or changed.first_day is None:
        return changed
    # Now that it is known which days count, their markers are read with what they name, and their cuts are taken.
    found = replace(state, first_day=changed.first_day, opening=None, reconciled_at=changed.reconciled_at)
    return _observed(context, found)


def _is_cut(before: StreamState, after: StreamState) -> bool:
    """Whether a day has a new cut."""
    return any(
        day not in before.days or record.round > before.days[day].round for day, record in after.days.items() if record.round
    )


def _log_late_markers(before: StreamState, after: StreamState) -> None:
    """One log event for each day whose marker has become late, for alerts."""
    for day, record in after.days.items():
        if record.late_marker and not (day in before.days and before.days[day].late_marker):
            _log.warning("marker_late", customer=after.customer, dataset=after.dataset, day=day.isoformat())
