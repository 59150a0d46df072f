"""Announces every upload that no event announced, and every one whose next try is due; this makes "none is lost" true."""

from __future__ import annotations

from datetime import datetime

import structlog

from processing.domain import blob_names
from processing.domain.events import upload_event
from processing.jobs.context import JobContext
from processing.jobs.failures import log_failure
from processing.jobs.receipts import ReceiptSeen, list_receipts
from processing.jobs.uploads import is_directory_stub, list_uploads
from processing.ports import BlobInfo

_log = structlog.get_logger()


def sweep(context: JobContext) -> int:
    """Put a message on `drop-events` for each upload without a current answer; returns how many.

    A customer whose containers cannot be listed holds up nobody else.
    """
    announced = 0
    for container in context.drop.list_containers(blob_names.DROP_PREFIX):
        customer = blob_names.customer_of_drop_container(container)
        if customer is None:
            continue
        try:
            announced += _sweep_customer(context, customer)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one customer stays with that one
            log_failure(_log, "customer_not_swept", error, customer=customer)
    _log.info("swept", announced=announced)
    return announced


def _sweep_customer(context: JobContext, customer: str) -> int:
    now = context.drop.service_time()
    uploads = list(list_uploads(context.drop, customer))
    receipts = list_receipts(context.drop, customer) if uploads else {}
    due = [info for info in uploads if _is_due(context, info, receipts.get(blob_names.receipt_name(info.name)), now)]
    due = [info for info in due if not is_directory_stub(context.drop, customer, info)]
    for info in due:
        context.drop_events.send(upload_event(blob_names.drop_container(customer), info.name, info.etag))
    return len(due)


def _is_due(context: JobContext, info: BlobInfo, receipt: ReceiptSeen | None, now: datetime) -> bool:
    if receipt is None or receipt.summary.etag != info.etag:
        return info.last_modified + context.sweep_grace <= now
    next_try = receipt.summary.next_try
    return not receipt.summary.status.is_answer and (next_try is None or next_try <= now)
