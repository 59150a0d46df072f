"""Works off one stream: claims it, finishes what is pending, and processes its due days in order (protocol, Claim)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from processing.domain import blob_names, readiness
from processing.domain.datasets import Dataset
from processing.domain.day_states import moved
from processing.domain.errors import LaterError, OperatorError, Superseded
from processing.domain.events import stream_work
from processing.domain.measures import Fact, SpanName
from processing.domain.records import DayRecord, DayState, StreamState
from processing.domain.retries import wait_after
from processing.jobs.context import JobContext
from processing.jobs.failures import log_failure, told
from processing.jobs.lease import stream_lease
from processing.jobs.look import look_at_stream
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
    NOT_NOW = "not_now"
    """Storage failed, and no day is to blame: what was left is done by the next worker."""
    TURN_ENDED = "turn_ended"
    """There is more to do, and a message on the queue behind those of other streams asks for it."""


LONGEST_TURN: Final = timedelta(minutes=5)
"""How long one message may keep a worker at one stream, longer only for its first day."""


def work_stream(context: JobContext, customer: str, dataset: Dataset, *, cause: str | None = None) -> WorkOutcome:
    """Do all that is due in one stream; killed anywhere, the next call takes up where this one stopped.

    A failure of a day is written into the stream's state with its next try. When storage fails around the days, or that
    cannot be written, the timer sends the next worker. `cause` is the span that sent this one.
    """
    started = context.clock.now()
    stream = {Fact.CUSTOMER: customer, Fact.DATASET: dataset.value}
    with context.telemetry.span(SpanName.WORK_STREAM, stream, causes=[cause]):
        outcome, days = _turn(context, customer, dataset, started)
        context.telemetry.tell({Fact.OUTCOME: outcome.value})
    seconds = (context.clock.now() - started).total_seconds()
    _log.info("stream_worked", customer=customer, dataset=dataset, outcome=outcome, days=days, seconds=seconds)
    return outcome


class _DayFailed(Exception):
    """The failure stands in the stream's state."""


def _turn(context: JobContext, customer: str, dataset: Dataset, started: datetime) -> tuple[WorkOutcome, int]:
    """How the turn ended, and how many days were published in a turn that was not cut short."""
    try:
        with stream_lease(context, customer, dataset) as ours:
            if not ours:
                return WorkOutcome.BUSY, 0
            try:
                days, finished = _work(context, _claim(context, customer, dataset), until=started + LONGEST_TURN)
            except Superseded:
                return WorkOutcome.SUPERSEDED, 0
            except _DayFailed:
                return WorkOutcome.FAILED, 0
            return (WorkOutcome.DONE if finished else WorkOutcome.TURN_ENDED), days
    except (LaterError, OperatorError) as error:
        log_failure(_log, "stream_not_worked", error, customer=customer, dataset=dataset)
        return WorkOutcome.NOT_NOW, 0


def _claim(context: JobContext, customer: str, dataset: Dataset) -> StoredState:
    holder = blob_names.new_attempt()

    def claimed(state: StreamState) -> StreamState:
        return state if state.holder == holder else replace(state, epoch=state.epoch + 1, holder=holder)

    return change_state(context, load_state(context, customer, dataset), claimed)


def _work(context: JobContext, stored: StoredState, *, until: datetime) -> tuple[int, bool]:
    """How many days were published, and whether nothing is left to do."""
    epoch, before = stored.state.epoch, stored.state.seq
    if stored.state.pending is not None:
        stored = _guarded(context, stored, stored.state.pending, epoch, publish=False)
    while True:
        stored = look_at_stream(context, stored, epoch=epoch)
        day = readiness.due_day(stored.state, context.drop.service_time())
        if day is None:
            return stored.state.seq - before, True
        if stored.state.seq > before and context.clock.now() >= until:
            cause = context.telemetry.trace()
            context.stream_work.send(stream_work(stored.state.customer, stored.state.dataset, cause=cause))
            return stored.state.seq - before, False
        stored = _guarded(context, stored, day, epoch, publish=True)


def _guarded(context: JobContext, stored: StoredState, day: date, epoch: int, *, publish: bool) -> StoredState:
    """Run one step for a day; a failure of it goes into the stream's state with its next try."""
    state = stored.state
    facts = {Fact.CUSTOMER: state.customer, Fact.DATASET: state.dataset.value, Fact.DAY: day.isoformat()}
    with context.telemetry.span(SpanName.PROCESS_DAY, facts):
        stored = _stepped(context, stored, day, epoch, publish=publish)
        context.telemetry.tell({Fact.OUTCOME: stored.state.days[day].state.value})
        return stored


def _stepped(context: JobContext, stored: StoredState, day: date, epoch: int, *, publish: bool) -> StoredState:
    seq = stored.state.seq + 1 if publish else stored.state.seq
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
            if _is_done(state, seq):
                return state
            record = state.days.get(day, DayRecord())
            failures = record.failures + 1
            record = replace(record, failures=failures, next_try=now + wait_after(failures), error=text)
            return replace(state, days={**state.days, day: moved(record, DayState.FAILED, now, text)})

        stored = change_state(context, load_state(context, stored.state.customer, stored.state.dataset), failed, epoch=epoch)
        print_status(context, stored.state)
        if _is_done(stored.state, seq):
            return stored
        raise _DayFailed from error


def _is_done(state: StreamState, seq: int) -> bool:
    """Whether a publication is in every table: then the answer to the last write was lost, or the printing failed."""
    return state.seq >= seq and state.pending is None
