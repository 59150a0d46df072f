"""Looks at one stream and works off its due days in order: claims it, finishes what is pending, publishes (protocol, Claim)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import DropzoneError, LaterError, OperatorError, Superseded, panics_as_errors
from processing.domain.queue_messages import stream_work
from processing.domain.readiness import advance as readiness
from processing.domain.readiness.day_states import with_state
from processing.domain.retries import DAY_OF_REST, MOST_DEATHS, wait_after
from processing.domain.stream_state import DayRecord, DayState, StreamState
from processing.domain.streams import Stream
from processing.domain.telemetry_names import Attribute, SpanName
from processing.jobs.days.commit_day import NotDue
from processing.jobs.days.keep_catalogue import keep_catalogue
from processing.jobs.days.lease import stream_lease
from processing.jobs.days.log_silence import log_silence
from processing.jobs.days.losses import expect_tables
from processing.jobs.days.observe_results import observe_results, send_to_results
from processing.jobs.days.observe_stream import observe_stream
from processing.jobs.days.project_tables import begin_projection, project_pending
from processing.jobs.days.publish_day import publish_day
from processing.jobs.days.publish_results import publish_results
from processing.jobs.failures import log_failure, safe_message
from processing.jobs.measuring import measure_days
from processing.ports import Table
from processing.stored.context import JobContext
from processing.stored.day_documents import print_status
from processing.stored.stream_state import StoredState, change_state, load_state

_log = structlog.get_logger()


class WorkOutcome(StrEnum):
    """How a call of `work_stream` ended."""

    DONE = "done"
    """Nothing is left to do now; mostly there was nothing."""
    BUSY = "busy"
    """Another worker holds the stream's lease; it will see what this one would have."""
    SUPERSEDED = "superseded"
    """Another worker claimed the stream meanwhile."""
    FAILED = "failed"
    NOT_NOW = "not_now"
    """Storage failed, or something is lost, and no day is to blame: what was left is done by the next worker."""
    TURN_ENDED = "turn_ended"
    """There is more to do, and a message on the queue behind those of other streams asks for it."""


LONGEST_TURN: Final = timedelta(minutes=5)
"""How long one message may keep a worker at one stream, longer only for its first day."""
_MOST_LOST_DAYS: Final = 5


def work_stream(context: JobContext, stream: Stream, *, traceparent: str | None = None) -> WorkOutcome:
    """Look at one stream and do all that is due in it; killed anywhere, the next call takes up where this one stopped.

    A failure of a day is written into the stream's state with its next try. When storage fails around the days, or that
    cannot be written, the timer sends the next worker. `traceparent` is the span that sent this one.
    """
    started = context.clock.now()
    attributes = {Attribute.CUSTOMER: stream.customer, Attribute.DATASET: stream.dataset.value}
    with context.telemetry.span(SpanName.WORK_STREAM, attributes, links=[traceparent]):
        outcome, days = _looked_and_worked(context, stream, started)
        if stream.dataset is Dataset.EXPOSURES or (days and stream.dataset is not Dataset.EXPERIMENTS):
            with suppress(DropzoneError):  # the timer sends the next one
                send_to_results(context, stream.customer, traceparent=context.telemetry.traceparent())
        if days:
            keep_catalogue(context, stream)
        if outcome is WorkOutcome.TURN_ENDED:
            # After the lease is given back, or the next worker would find the stream busy and go.
            context.stream_work.send(stream_work(stream, traceparent=context.telemetry.traceparent()))
        context.telemetry.set_attributes({Attribute.OUTCOME: outcome.value})
    seconds = (context.clock.now() - started).total_seconds()
    _log.info("stream_worked", customer=stream.customer, dataset=stream.dataset, outcome=outcome, days=days, seconds=seconds)
    return outcome


def has_work(state: StreamState, now: datetime) -> bool:
    """Whether a worker has something to do for the stream."""
    if state.pending is not None:
        next_try = state.days[state.pending].next_try
        return next_try is None or next_try <= now
    return readiness.due_day(state, now) is not None


def _observe(context: JobContext, stored: StoredState, *, epoch: int | None = None) -> StoredState:
    """One look, by what decides about the days of the stream: uploads and markers, or other streams."""
    observe = observe_results if stored.state.dataset is Dataset.EXPERIMENTS else observe_stream
    return observe(context, stored, epoch=epoch)


class _DayFailed(Exception):
    """The failure stands in the stream's state."""


def _looked_and_worked(context: JobContext, stream: Stream, started: datetime) -> tuple[WorkOutcome, int]:
    """How it ended, and how many days were published in a turn that was not cut short."""
    try:
        stored = load_state(context, stream)
        if stored.state.seq == 0:
            # A state that knows of no publication may have been lost, and nothing of it would ever be due.
            expect_tables(context, stored.state)
        stored = _observe(context, stored)
        now = context.drop.service_time()
        _log_longest_wait(stored.state, now)
        if stream.dataset is not Dataset.EXPERIMENTS:
            log_silence(context, stored.state, now)
        measure_days(context.telemetry, stored.state)
        if not has_work(stored.state, now):
            return WorkOutcome.DONE, 0
        with stream_lease(context.lake, stream) as ours:
            return _run_turn(context, stored, started) if ours else (WorkOutcome.BUSY, 0)
    except (LaterError, OperatorError) as error:
        log_failure(_log, "stream_not_worked", error, customer=stream.customer, dataset=stream.dataset)
        if isinstance(error, OperatorError):
            _write_why_it_is_stopped(context, stream, safe_message(error))
        return WorkOutcome.NOT_NOW, 0


def _write_why_it_is_stopped(context: JobContext, stream: Stream, why: str) -> None:
    """For status, and for the alert; the next look that succeeds takes it back."""
    _log.error("stream_stopped", customer=stream.customer, dataset=stream.dataset, error=why)
    with suppress(DropzoneError):
        change_state(context, load_state(context, stream), lambda state: replace(state, stopped=why))


def _run_turn(context: JobContext, stored: StoredState, started: datetime) -> tuple[WorkOutcome, int]:
    try:
        return _Turn(context=context, until=started + LONGEST_TURN).work(_claim(context, stored))
    except Superseded:
        return WorkOutcome.SUPERSEDED, 0
    except _DayFailed:
        return WorkOutcome.FAILED, 0


def _claim(context: JobContext, stored: StoredState) -> StoredState:
    holder = blob_names.new_attempt()

    def claimed(state: StreamState) -> StreamState:
        return state if state.holder == holder else replace(state, epoch=state.epoch + 1, holder=holder)

    return change_state(context, stored, claimed)


@dataclass(slots=True, kw_only=True)
class _Turn:
    """One worker's turn at a stream that it has claimed."""

    context: JobContext
    until: datetime
    """By the host's clock: after it no further day is begun."""
    epoch: int = 0
    tables: dict[str, Table] | None = None
    """Those of the stream, once they are known to be sound."""
    lost_days: int = 0
    """Times that a day was not due any more when it was begun."""

    def work(self, stored: StoredState) -> tuple[WorkOutcome, int]:
        """How the turn ended, and how many publications it made."""
        self.epoch, before = stored.state.epoch, stored.state.seq
        if stored.state.pending is not None:
            stored = self._recorded_step(stored, stored.state.pending)
        while True:
            day = readiness.due_day(stored.state, self.context.drop.service_time())
            if day is None:
                stored = _observe(self.context, stored, epoch=self.epoch)
                day = readiness.due_day(stored.state, self.context.drop.service_time())
            if day is None:
                return WorkOutcome.DONE, stored.state.seq - before
            is_late = self.context.clock.now() >= self.until
            if (stored.state.seq > before and is_late) or self.lost_days > _MOST_LOST_DAYS:
                stored = _observe(self.context, stored, epoch=self.epoch)  # so that status tells what comes next
                return WorkOutcome.TURN_ENDED, stored.state.seq - before
            stored = self._recorded_step(stored, day)

    def _recorded_step(self, stored: StoredState, day: date) -> StoredState:
        """Finish what is pending, or publish a day; a failure goes into the stream's state with its next try."""
        state = stored.state
        attributes = {
            Attribute.CUSTOMER: state.customer,
            Attribute.DATASET: state.dataset.value,
            Attribute.DAY: day.isoformat(),
        }
        with self.context.telemetry.span(SpanName.PROCESS_DAY, attributes):
            seq = state.seq if state.pending is not None else state.seq + 1
            try:
                with panics_as_errors():
                    stored = self._finish_or_publish(stored, day)
            except Superseded:
                raise
            except NotDue as error:
                _log.info("day_not_due", customer=state.customer, dataset=state.dataset, day=day.isoformat(), reason=str(error))
                self.lost_days += 1
                stored = _observe(self.context, load_state(self.context, state.stream), epoch=self.epoch)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one day stays with that day
                stored = self._failed(stored, day, error, seq)
            self.context.telemetry.set_attributes({Attribute.OUTCOME: stored.state.days[day].state.value})
            return stored

    def _finish_or_publish(self, stored: StoredState, day: date) -> StoredState:
        if stored.state.days[day].tries >= MOST_DEATHS:
            raise _WorkerDiedError(
                f"{MOST_DEATHS} workers ended without a word while they had this day in hand: look for an end by memory or time"
            )
        if self.tables is None:
            self.tables = expect_tables(self.context, stored.state)
        if stored.state.pending is None:
            publish = publish_results if stored.state.dataset is Dataset.EXPERIMENTS else publish_day
            stored = publish(self.context, stored, day, self.epoch)
        else:
            stored = begin_projection(self.context, stored, self.epoch)
        return project_pending(self.context, stored, self.epoch, self.tables)

    def _failed(self, stored: StoredState, day: date, error: Exception, seq: int) -> StoredState:
        """That a day failed, and when it is tried again; raises _DayFailed unless it is done all the same."""
        customer, dataset = stored.state.customer, stored.state.dataset
        has_died = isinstance(error, _WorkerDiedError)
        log_failure(_log, "day_failed", error, customer=customer, dataset=dataset, day=day.isoformat())
        if has_died:
            _log.error("day_ends_its_worker", customer=customer, dataset=dataset, day=day.isoformat(), tries=MOST_DEATHS)
        text = safe_message(error)
        now = self.context.drop.service_time()

        def failed(state: StreamState) -> StreamState:
            if _is_done(state, seq):
                return state
            record = state.days.get(day, DayRecord())
            failures = record.failures + 1
            record = replace(
                record,
                failures=failures,
                # What ends its worker is tried once a day until somebody has looked at it.
                tries=MOST_DEATHS - 1 if has_died else 0,
                next_try=now + (DAY_OF_REST if has_died else wait_after(failures)),
                error=text,
            )
            return replace(state, days={**state.days, day: with_state(record, DayState.FAILED, now, text)})

        stored = change_state(self.context, load_state(self.context, Stream(customer, dataset)), failed, epoch=self.epoch)
        print_status(self.context, stored.state)
        if _is_done(stored.state, seq):
            return stored
        raise _DayFailed from error


class _WorkerDiedError(OperatorError):
    """Workers that had the day in hand died of it, as far as anybody can know."""


def _is_done(state: StreamState, seq: int) -> bool:
    """Whether a publication is in every table: then the answer to the last write was lost, or the printing failed."""
    return state.seq >= seq and state.pending is None


def _log_longest_wait(state: StreamState, now: datetime) -> None:
    """One log event for the day that was marked and has waited longest for its publication, for alerts."""
    waiting = [
        (since, day, record)
        for day, record in state.days.items()
        if (since := _waits_since(record)) is not None and not state.is_closed(day)
    ]
    if not waiting:
        return
    since, day, record = min(waiting, key=lambda each: each[:2])
    _log.info(
        "day_waiting",
        customer=state.customer,
        dataset=state.dataset,
        day=day.isoformat(),
        reason=record.history[-1].cause if record.history else "",
        seconds=(now - since).total_seconds(),
    )


def _waits_since(record: DayRecord) -> datetime | None:
    """Since when a day waits that is to be processed; None when it is not."""
    if record.published is None:
        is_before_first_day = record.marked_at is None and record.state is DayState.WAITING
        return record.history[-1].at if is_before_first_day and record.history else record.marked_at
    return record.cut_at if record.reprocess is not None else None
