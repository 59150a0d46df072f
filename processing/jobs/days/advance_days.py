"""Sends a worker to every stream, to look at it and do what is due (protocol, When a day is due).

The timer itself looks at no stream: each is looked at by a message of its own, on as many instances as there are, so that
no customer's markers, manifests or files are another's delay. It may run twice at once, late, or not at all.
"""

from __future__ import annotations

import structlog

from processing.domain.queue_messages import stream_work
from processing.domain.telemetry_names import SpanName
from processing.jobs.failures import log_failure
from processing.jobs.queues import measure_queues, send_unless_behind
from processing.stored.context import JobContext
from processing.stored.customers import list_customers
from processing.stored.streams import known_streams

_log = structlog.get_logger()


def advance_days(context: JobContext) -> int:
    """Put one message on `stream-work` for each stream; returns how many.

    None while the queue still holds one for each. A customer that fails holds up no other.
    """
    measure_queues(context)
    with context.telemetry.span(SpanName.ADVANCE_DAYS, {}):
        return _advance(context)


def _advance(context: JobContext) -> int:
    traceparent = context.telemetry.traceparent()
    messages: list[str] = []
    for customer in list_customers(context):
        try:
            messages += [stream_work(stream, traceparent=traceparent) for stream in known_streams(context, customer)]
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one customer stays with that one
            log_failure(_log, "customer_not_advanced", error, customer=customer)
    sent, waiting = send_unless_behind(context.stream_work, messages, may_wait=len(messages))
    _log.info("days_advanced", streams_sent=sent, waiting=waiting)
    return sent
