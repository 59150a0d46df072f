"""Looks at every stream and sends a worker to those with a day to do (protocol, When a day is due).

The timer may run twice at once, late, or not at all: it only reads listings, and writes cuts on condition.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from processing.domain import readiness
from processing.domain.datasets import Dataset
from processing.domain.events import stream_work
from processing.domain.measures import SpanName
from processing.domain.records import DayState, StreamState
from processing.jobs.context import JobContext
from processing.jobs.customers import list_customers
from processing.jobs.failures import log_failure
from processing.jobs.look import look_at_stream
from processing.jobs.measuring import measure_days
from processing.jobs.stream_state import load_state
from processing.jobs.streams import streams_of

_log = structlog.get_logger()


def advance_days(context: JobContext) -> int:
    """Take cuts, and put one message on `stream-work` for each stream with a due day; returns how many.

    A stream that fails holds up no other.
    """
    with context.telemetry.span(SpanName.ADVANCE_DAYS, {}):
        return _advance(context)


def has_work(state: StreamState, now: datetime) -> bool:
    """Whether a worker has something to do for the stream."""
    if state.pending is not None:
        next_try = state.days[state.pending].next_try
        return next_try is None or next_try <= now
    return readiness.due_day(state, now) is not None


def _advance(context: JobContext) -> int:
    sent = 0
    for customer in list_customers(context):
        try:
            datasets = streams_of(context, customer)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one customer stays with that one
            log_failure(_log, "customer_not_advanced", error, customer=customer)
            continue
        sent += sum(_advance_stream(context, customer, dataset) for dataset in datasets)
    _log.info("days_advanced", streams_sent=sent)
    return sent


def _advance_stream(context: JobContext, customer: str, dataset: Dataset) -> bool:
    """Whether a worker was sent to the stream."""
    try:
        stored = look_at_stream(context, load_state(context, customer, dataset))
        now = context.drop.service_time()
        _tell_waiting(stored.state, now)
        measure_days(context.telemetry, stored.state)
        due = has_work(stored.state, now)
        if due:
            context.stream_work.send(stream_work(customer, dataset, cause=context.telemetry.trace()))
    except Exception as error:  # noqa: BLE001 - nor does one stream hold up another
        log_failure(_log, "stream_not_advanced", error, customer=customer, dataset=dataset)
        return False
    return due


def _tell_waiting(state: StreamState, now: datetime) -> None:
    """One log event for the marked day that has waited longest, for alerts."""
    waiting = [
        (record.marked_at, day, record)
        for day, record in state.days.items()
        if record.marked_at is not None and record.state in (DayState.WAITING, DayState.FAILED)
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
