"""Announces every upload that no event announced, every one whose next try is due, and every other answer that was asked for.

This makes "no upload is lost" true. What somebody works on already is left alone. The timer itself lists no customer: each is
swept by a message of its own, on as many instances as there are, so that no customer's files are another's delay.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import MOST_WAITING, CustomerTask, CustomerWork, customer_work, upload_event
from processing.domain.streams import Stream
from processing.domain.telemetry_names import OLDEST_UNANSWERED, Attribute, SpanName
from processing.jobs.failures import log_failure
from processing.jobs.queues import measure_queues, send_unless_behind
from processing.jobs.uploads.deleted_uploads import tell_deleted
from processing.jobs.uploads.unanswered import Due, Unanswered, find_unanswered
from processing.stored.answered import forget_deleted
from processing.stored.context import JobContext
from processing.stored.customers import list_customers
from processing.stored.journal import customers_with_journal, left_segments
from processing.stored.streams import begin_stream, is_known
from processing.stored.upload_notes import drop_ended

LEAST_SHARE: Final = 500
"""What each customer may announce while there is any room for it, however many customers there are."""

_log = structlog.get_logger()


def sweep(context: JobContext) -> int:
    """Put a message on `customer-work` for each customer; returns how many.

    None while the queue still holds one for each. Each says how many uploads its customer may announce: its share of the
    room on `drop-events`, so that thousands of one customer leave the others theirs, and no more is announced than keeps the
    workers busy; what is not answered by the next round is announced again.
    """
    measure_queues(context)
    with context.telemetry.span(SpanName.SEND_SWEEPS, {}):
        customers, traceparent = list_customers(context), context.telemetry.traceparent()
        most = share_of_room(context, len(customers))
        work = [CustomerWork(customer=each, task=CustomerTask.SWEEP, most=most) for each in customers]
        messages = [customer_work(each, traceparent=traceparent) for each in work]
        sent, waiting = send_unless_behind(context.customer_work, messages, may_wait=len(messages))
        _send_rolls(context, customers, traceparent)
    _log.info("sweeps_sent", customers_sent=sent, waiting=waiting, most=most)
    return sent


def _send_rolls(context: JobContext, customers: Collection[str], traceparent: str | None) -> None:
    """A message for each customer of whose rows over HTTP some were left; a customer that cannot be looked at is logged."""
    for customer in sorted(set(customers_with_journal(context)).intersection(customers)):
        try:
            if left_segments(context, customer):
                work = CustomerWork(customer=customer, task=CustomerTask.ROLL)
                context.customer_work.send(customer_work(work, traceparent=traceparent))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one customer stays with that one
            log_failure(_log, "journal_not_rolled", error, customer=customer)


def share_of_room(context: JobContext, customers: int) -> int:
    """How many uploads each of so many customers may announce now."""
    room = max(MOST_WAITING - context.drop_events.length(), 0)
    return min(room, max(LEAST_SHARE, room // max(customers, 1)))


def sweep_customer(context: JobContext, customer: str, most: int, *, traceparent: str | None = None) -> int:
    """Put messages on `drop-events` for a customer's uploads without a current answer, oldest first; returns how many.

    At most so many. A customer that cannot be looked at is logged, and swept again with the next round. `traceparent` is the
    span that asked for it.
    """
    with context.telemetry.span(SpanName.SWEEP, {Attribute.CUSTOMER: customer}, links=[traceparent]):
        try:
            now = context.drop.service_time()
            found = find_unanswered(context, customer, now, most)
            _begin_unknown(context, customer, found.with_rows)
            _announce(context, customer, found.due)
            drop_ended(context, customer, found.ended)
            _tell_deleted(context, customer, found)
        except Exception as error:  # noqa: BLE001 - the message is done: the next round asks again
            log_failure(_log, "customer_not_swept", error, customer=customer)
            return 0
        _tell(context, customer, found, now)
        return len(found.due)


def _tell_deleted(context: JobContext, customer: str, found: Unanswered) -> None:
    """After what waits for it was announced: who has deleted much waits for this alone."""
    done = tell_deleted(context, customer, found.gone)
    if done:
        forget_deleted(context, customer, done)
        # An attempt whose answer is not there may still give one: its note tells the next sweep of the upload.
        notes = (found.gone[name] for name in done)
        drop_ended(context, customer, (each for each in notes if each is not None and each.note.etag == done[each.note.blob]))


def _announce(context: JobContext, customer: str, uploads: Collection[Due]) -> None:
    traceparent, container = context.telemetry.traceparent(), blob_names.drop_container(customer)
    for due in uploads:
        context.drop_events.send(
            upload_event(container, due.name, due.etag, size=due.size, replaces_receipt=due.replaces, traceparent=traceparent)
        )


def _tell(context: JobContext, customer: str, found: Unanswered, now: datetime) -> None:
    age = None if found.oldest is None else (now - found.oldest).total_seconds()
    context.telemetry.measure(OLDEST_UNANSWERED, max(0.0, age or 0.0), {Attribute.CUSTOMER: customer})
    _log.info(
        "swept",
        customer=customer,
        announced=len(found.due),
        unanswered=found.count,
        oldest_unanswered_seconds=age,
    )


def _begin_unknown(context: JobContext, customer: str, with_rows: Collection[Dataset]) -> None:
    """A stream whose state is lost would be looked at by nobody, who could say so."""
    for stream in (Stream(customer, dataset) for dataset in sorted(with_rows)):
        if not is_known(context, stream):
            begin_stream(context, stream)
