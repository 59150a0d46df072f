"""Announces every upload that no event announced, and every one whose next try is due; this makes "none is lost" true."""

from __future__ import annotations

from datetime import datetime
from itertools import zip_longest
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.events import upload_event
from processing.jobs.context import JobContext
from processing.jobs.customers import list_customers
from processing.jobs.failures import log_failure
from processing.jobs.receipts import ReceiptSeen, list_receipts
from processing.jobs.uploads import is_directory_stub, list_uploads
from processing.ports import BlobInfo

MOST_WAITING: Final = 10_000
"""Messages on the queue beyond which nothing more is announced."""

_log = structlog.get_logger()


def sweep(context: JobContext) -> int:
    """Put a message on `drop-events` for uploads without a current answer; returns how many.

    Customers take turns, so that one with thousands of files waits as long for its second file as another for its first;
    and no more is announced than keeps the workers busy until the next round, because what is not answered by then is
    announced again. A customer whose containers cannot be listed holds up nobody else.
    """
    room = MOST_WAITING - context.drop_events.length()
    announced = 0
    for turn in zip_longest(*(_due(context, customer) for customer in list_customers(context))):
        for message in (each for each in turn if each is not None):
            if announced >= room:
                break
            context.drop_events.send(message)
            announced += 1
    _log.info("swept", announced=announced)
    return announced


def _due(context: JobContext, customer: str) -> list[str]:
    """The messages of one customer, oldest upload first; none when it cannot be listed."""
    try:
        return _messages(context, customer)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one customer stays with that one
        log_failure(_log, "customer_not_swept", error, customer=customer)
        return []


def _messages(context: JobContext, customer: str) -> list[str]:
    now = context.drop.service_time()
    uploads = list(list_uploads(context.drop, customer))
    receipts = list_receipts(context.drop, customer) if uploads else {}
    due = [info for info in uploads if _is_due(context, info, receipts.get(blob_names.receipt_name(info.name)), now)]
    due = [info for info in due if not is_directory_stub(context.drop, customer, info)]
    due.sort(key=lambda info: info.last_modified)
    return [upload_event(blob_names.drop_container(customer), info.name, info.etag) for info in due]


def _is_due(context: JobContext, info: BlobInfo, receipt: ReceiptSeen | None, now: datetime) -> bool:
    if receipt is None or receipt.summary.etag != info.etag:
        return info.last_modified + context.sweep_grace <= now
    next_try = receipt.summary.next_try
    return not receipt.summary.status.is_answer and (next_try is None or next_try <= now)
