"""Works off one stream: claims it, finishes what is pending, and processes its due days in order (protocol, Claim)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from enum import StrEnum

import structlog

from processing.domain import blob_names, readiness
from processing.domain.datasets import Dataset
from processing.domain.errors import Superseded
from processing.domain.readiness import moved
from processing.domain.records import DayRecord, DayState, StreamState
from processing.domain.retries import wait_after
from processing.jobs.advance_days import look_at_stream
from processing.jobs.context import JobContext
from processing.jobs.failures import log_failure, told
from processing.jobs.lease import stream_lease
from processing.jobs.project import project_pending
from processing.jobs.publish_day import publish_day
from processing.jobs.stream_state import StoredState, change_state, load_state, print_status

_log = structlog.get_logger()


class WorkOutcome(StrEnum):
    """How a call of `work_stream` ended."""

    DONE = "done"
    BUSY = "busy"
    """Another worker holds the stream's lease; it will see what this one would have."""
    SUPERSEDED = "superseded"
    """Another worker claimed the stream meanwhile."""
    FAILED = "failed"


def work_stream(context: JobContext, customer: str, dataset: Dataset) -> WorkOutcome:
    """Do all that is due in one stream; killed anywhere, the next call takes up where this one stopped.

    A failure is written into the stream's state with its next try; raises only when not even that could be written.
    """
    started = context.clock.now()
    days = 0
    with stream_lease(context, customer, dataset) as ours:
        if not ours:
            outcome = WorkOutcome.BUSY
        else:
            try:
                days = _work(context, _claim(context, customer, dataset))
                outcome = WorkOutcome.DONE
            except Superseded:
                outcome = WorkOutcome.SUPERSEDED
            except _DayFailed:
                outcome = WorkOutcome.FAILED
    seconds = (context.clock.now() - started).total_seconds()
    _log.info("stream_worked", customer=customer, dataset=dataset, outcome=outcome, days=days, seconds=seconds)
    return outcome


class _DayFailed(Exception):
    """The failure stands in the stream's state."""


def _claim(context: JobContext, customer: str, dataset: Dataset) -> StoredState:
    holder = blob_names.new_attempt()

    def claimed(state: StreamState) -> StreamState:
        return state if state.holder == holder else replace(state, epoch=state.epoch + 1, holder=holder)

    return change_state(context, load_state(context, customer, dataset), claimed)


def _work(context: JobContext, stored: StoredState) -> int:
    epoch, before = stored.state.epoch, stored.state.seq
    if stored.state.pending is not None:
        stored = _guarded(context, stored, stored.state.pending, epoch, publish=False)
    while True:
        stored = look_at_stream(context, stored, epoch=epoch)
        day = readiness.due_day(stored.state, context.drop.service_time())
        if day is None:
            return stored.state.seq - before
        stored = _guarded(context, stored, day, epoch, publish=True)


def _guarded(context: JobContext, stored: StoredState, day: date, epoch: int, *, publish: bool) -> StoredState:
    """Run one step for a day; a failure of it goes into the stream's state with its next try."""
    try:
        if publish:
            stored = publish_day(context, stored, day, epoch)
        return project_pending(context, stored, epoch)
    except Superseded:
        raise
    except Exception as error:
        log_failure(
            _log, "day_failed", error, customer=stored.state.customer, dataset=stored.state.dataset, day=day.isoformat()
        )
        text = told(error)
        now = context.drop.service_time()

        def failed(state: StreamState) -> StreamState:
            record = state.days.get(day, DayRecord())
            failures = record.failures + 1
            record = replace(record, failures=failures, next_try=now + wait_after(failures), error=text)
            return replace(state, days={**state.days, day: moved(record, DayState.FAILED, now, text)})

        stored = change_state(context, load_state(context, stored.state.customer, stored.state.dataset), failed, epoch=epoch)
        print_status(context, stored.state)
        raise _DayFailed from error
