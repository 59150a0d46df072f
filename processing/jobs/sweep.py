"""Announces every upload that no event announced, every one whose next try is due, and every other answer that was asked for.

This makes "no upload is lost" true. What somebody works on already is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.events import upload_event
from processing.domain.measures import OLDEST_UNANSWERED, Fact, SpanName
from processing.jobs.context import JobContext
from processing.jobs.customers import list_customers
from processing.jobs.failures import log_failure
from processing.jobs.receipts import ReceiptSeen, list_receipts
from processing.jobs.upload_notes import StoredNote, is_asked_for, is_in_hand, list_notes
from processing.jobs.uploads import directory_stubs, list_uploads
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
    with context.telemetry.span(SpanName.SWEEP, {}):
        return _sweep(context)


def _sweep(context: JobContext) -> int:
    room = MOST_WAITING - context.drop_events.length()
    now = context.drop.service_time()
    found = [_unanswered(context, customer, now) for customer in list_customers(context)]
    oldest = min((each.oldest for each in found if each.oldest is not None), default=None)
    announced = 0
    for turn in zip_longest(*(each.messages for each in found)):
        for message in (each for each in turn if each is not None):
            if announced >= room:
                break
            context.drop_events.send(message)
            announced += 1
    _log.info(
        "swept",
        announced=announced,
        unanswered=sum(each.count for each in found),
        oldest_unanswered_seconds=None if oldest is None else (now - oldest).total_seconds(),
    )
    return announced


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unanswered:
    """The uploads of a customer that have no answer."""

    count: int = 0
    oldest: datetime | None = None
    """When the oldest was written."""
    messages: tuple[str, ...] = ()
    """Of those that are due to be announced, oldest first; then of those that are to be answered again."""


def _unanswered(context: JobContext, customer: str, now: datetime) -> _Unanswered:
    """None when the customer cannot be listed."""
    try:
        found = _listed(context, customer, now)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one customer stays with that one
        log_failure(_log, "customer_not_swept", error, customer=customer)
        return _Unanswered()
    age = 0.0 if found.oldest is None else max(0.0, (now - found.oldest).total_seconds())
    context.telemetry.measure(OLDEST_UNANSWERED, age, {Fact.CUSTOMER: customer})
    return found


def _listed(context: JobContext, customer: str, now: datetime) -> _Unanswered:
    uploads = list(list_uploads(context.drop, customer))
    receipts = list_receipts(context.drop, customer) if uploads else {}
    open_ones = [
        (info, seen)
        for info in sorted(uploads, key=lambda each: each.last_modified)
        if (seen := receipts.get(blob_names.receipt_name(info.name))) is None or not seen.summary.answers(info.etag)
    ]
    stubs = directory_stubs(context.drop, customer, (info for info, _ in open_ones))
    open_ones = [(info, seen) for info, seen in open_ones if info.name not in stubs]
    container, cause = blob_names.drop_container(customer), context.telemetry.trace()
    notes = list_notes(context, customer)
    due = (info for info, seen in open_ones if _is_due(context, info, seen, now) and not _is_in_hand(context, notes, info, now))
    asked = sorted((name, each.note) for name, each in notes.items() if is_asked_for(context, each, now))
    return _Unanswered(
        count=len(open_ones),
        oldest=open_ones[0][0].last_modified if open_ones else None,
        messages=(
            *(upload_event(container, info.name, info.etag, cause=cause) for info in due),
            *(upload_event(container, name, note.etag, again=note.replaces, cause=cause) for name, note in asked),
        ),
    )


def _is_in_hand(context: JobContext, notes: Mapping[str, StoredNote], info: BlobInfo, now: datetime) -> bool:
    stored = notes.get(info.name)
    return stored is not None and is_in_hand(context, stored, info, now)


def _is_due(context: JobContext, info: BlobInfo, receipt: ReceiptSeen | None, now: datetime) -> bool:
    """Whether an upload without an answer is to be announced."""
    if receipt is None or receipt.summary.etag != info.etag:
        return info.last_modified + context.sweep_grace <= now
    next_try = receipt.summary.next_try
    return next_try is None or next_try <= now
