"""Retention: a message for each customer from the timer, and one round for one (contract section 6; protocol, Housekeeping)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog

from processing.domain.queue_messages import CustomerTask, CustomerWork, customer_work
from processing.domain.streams import Stream
from processing.domain.telemetry_names import Attribute, SpanName
from processing.jobs.failures import log_failure
from processing.jobs.housekeeping.catalogue import store_catalogue
from processing.jobs.housekeeping.days import close_days, store_closed_days
from processing.jobs.housekeeping.documents import delete_documents
from processing.jobs.housekeeping.kept_files import delete_kept_files
from processing.jobs.housekeeping.known_keys import gather_known_keys
from processing.jobs.housekeeping.leftovers import (
    delete_changes,
    delete_claims,
    delete_closed_days,
    delete_expected_files,
    delete_file_segments,
    delete_notes,
)
from processing.jobs.housekeeping.parts import delete_parts
from processing.jobs.housekeeping.tables import delete_table_files
from processing.jobs.housekeeping.uploads import delete_answers, delete_uploads
from processing.jobs.queues import measure_queues, send_unless_behind
from processing.stored.context import JobContext
from processing.stored.customers import expect_customer, list_customers
from processing.stored.streams import begin_streams_with_rows, known_streams

_OF_STREAMS: Final[Mapping[str, Callable[[JobContext, Stream], int]]] = {
    "closed_days_stored": store_closed_days,
    "known_keys": gather_known_keys,
    "days_closed": close_days,
    "parts": delete_parts,
    "table_files": delete_table_files,
    "kept_files": delete_kept_files,
    "documents": delete_documents,
    "closed_days": delete_closed_days,
    "expected_files": delete_expected_files,
    "changes": delete_changes,
    "catalogue_months": store_catalogue,
}
"""Days are closed first, in all streams: what they held is what the steps after it may delete."""
_OF_CUSTOMERS: Final[Mapping[str, Callable[[JobContext, str], Mapping[str, int]]]] = {
    "uploads": lambda context, customer: {"uploads": delete_uploads(context, customer)},
    "answers": delete_answers,
    "claims": lambda context, customer: {"claims": delete_claims(context, customer)},
    "notes": lambda context, customer: {"notes": delete_notes(context, customer)},
    "file_segments": lambda context, customer: {"file_segments": delete_file_segments(context, customer)},
}

_log = structlog.get_logger()


def run_housekeeping(context: JobContext) -> int:
    """Put a message on `customer-work` for each customer; returns how many.

    None while workers are so far behind that some of the night before is left. A sweep's messages are no reason, or one slow
    customer could put off every night: of them there may be two for each customer.
    """
    measure_queues(context)
    with context.telemetry.span(SpanName.SEND_HOUSEKEEPING, {}):
        customers, traceparent = list_customers(context), context.telemetry.traceparent()
        work = [CustomerWork(customer=each, task=CustomerTask.HOUSEKEEPING) for each in customers]
        messages = [customer_work(each, traceparent=traceparent) for each in work]
        sent, waiting = send_unless_behind(context.customer_work, messages, may_wait=2 * len(messages))
    _log.info("housekeeping_sent", customers_sent=sent, waiting=waiting)
    return sent


def clean_up_customer(context: JobContext, customer: str, *, traceparent: str | None = None) -> dict[str, int]:
    """Delete what retention gives up, and what no receipt and no publication refers to; returns how many of each kind.

    A stream that fails holds up no other stream, and one step no other step. `traceparent` is the span that asked for it.
    """
    deleted: dict[str, int] = {}
    with (
        context.telemetry.span(SpanName.CLEAN_UP, {Attribute.CUSTOMER: customer}, links=[traceparent]),
        _failures_logged(customer, "customer"),
    ):
        expect_customer(context, customer)  # it may be gone since the message was sent, and then nothing of it may change
        deleted = _clean_up(context, customer)
        _log.info("housekeeping_done", customer=customer, **deleted)
    return deleted


def _clean_up(context: JobContext, customer: str) -> dict[str, int]:
    deleted: Counter[str] = Counter()
    streams: list[Stream] = []
    with _failures_logged(customer, "streams"):
        begin_streams_with_rows(context, customer)
        streams = known_streams(context, customer)
    for what, of_stream in _OF_STREAMS.items():
        for stream in streams:
            with _failures_logged(customer, what):
                deleted[what] += of_stream(context, stream)
    for what, of_customer in _OF_CUSTOMERS.items():
        with _failures_logged(customer, what):
            deleted.update(of_customer(context, customer))
    return dict(deleted)


@contextmanager
def _failures_logged(customer: str, step: str) -> Iterator[None]:
    """A failure ends this step alone; it is tried again with the next round."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever is wrong stays with this step
        log_failure(_log, "housekeeping_failed", error, customer=customer, step=step)
