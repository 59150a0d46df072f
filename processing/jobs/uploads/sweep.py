"""Announces every upload that no event announced, every one whose next try is due, and every other answer that was asked for.

This makes "no upload is lost" true. What somebody works on already is left alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import zip_longest
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import upload_event
from processing.domain.streams import Stream
from processing.domain.telemetry_names import OLDEST_UNANSWERED, Attribute, SpanName
from processing.jobs.failures import log_failure
from processing.jobs.uploads.unanswered import Unanswered, find_unanswered
from processing.stored.context import JobContext
from processing.stored.customers import list_customers
from processing.stored.streams import begin_stream, known_streams

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
    room = max(MOST_WAITING - context.drop_events.length(), 0)
    now = context.drop.service_time()
    found: dict[str, Unanswered] = {}
    for customer in list_customers(context):
        found[customer] = _look_for_unanswered(context, customer, now, room)
        found = _fitted(found, room)
    announced = _announce(context, found, room)
    oldest = min((each.oldest for each in found.values() if each.oldest is not None), default=None)
    _log.info(
        "swept",
        announced=announced,
        unanswered=sum(each.count for each in found.values()),
        oldest_unanswered_seconds=None if oldest is None else (now - oldest).total_seconds(),
    )
    return announced


def _fitted(found: dict[str, Unanswered], room: int) -> dict[str, Unanswered]:
    """What may be announced in turns while there is room: nobody else's is kept in memory."""
    lengths = [len(each.due) for each in found.values()]
    if sum(lengths) <= room:
        return found
    level = bisect_left(range(room + 1), room, key=lambda most: sum(min(each, most) for each in lengths))
    return {customer: replace(each, due=each.due[:level]) for customer, each in found.items()}


def _announce(context: JobContext, found: Mapping[str, Unanswered], room: int) -> int:
    """Send the messages, a customer's one in each turn; returns how many."""
    traceparent = context.telemetry.traceparent()
    turns = zip_longest(*([(blob_names.drop_container(customer), due) for due in each.due] for customer, each in found.items()))
    announced = 0
    for container, due in (each for turn in turns for each in turn if each is not None):
        if announced == room:
            break
        context.drop_events.send(
            upload_event(container, due.name, due.etag, replaces_receipt=due.replaces, traceparent=traceparent)
        )
        announced += 1
    return announced


def _look_for_unanswered(context: JobContext, customer: str, now: datetime, room: int) -> Unanswered:
    """Nothing when the customer cannot be listed."""
    try:
        found = find_unanswered(context, customer, now, room)
        _begin_unknown(context, customer, found.with_rows)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one customer stays with that one
        log_failure(_log, "customer_not_swept", error, customer=customer)
        return Unanswered()
    age = 0.0 if found.oldest is None else max(0.0, (now - found.oldest).total_seconds())
    context.telemetry.measure(OLDEST_UNANSWERED, age, {Attribute.CUSTOMER: customer})
    return found


def _begin_unknown(context: JobContext, customer: str, with_rows: Collection[Dataset]) -> None:
    """A stream whose state is lost would be looked at by nobody, who could say so."""
    known = known_streams(context, customer) if with_rows else ()
    for stream in (Stream(customer, dataset) for dataset in sorted(with_rows)):
        if stream not in known:
            begin_stream(context, stream)
