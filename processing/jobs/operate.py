"""What operators ask of days: mark one ready, process one again, move a stream's first day, try again now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import structlog

from processing.domain import blob_names
from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.errors import OperatorError
from processing.domain.queue_messages import stream_work, upload_event
from processing.domain.readiness.advance import with_first_day
from processing.domain.readiness.corrections import marked_for_reprocess
from processing.domain.readiness.day_states import with_state
from processing.domain.reasons import RefusalCode
from processing.domain.stream_state import DayState, StreamState
from processing.domain.streams import Stream
from processing.jobs.uploads.reingest import ask_again
from processing.stored.answered import forget_answers
from processing.stored.context import JobContext
from processing.stored.customers import expect_customer
from processing.stored.day_documents import print_status
from processing.stored.policies import readiness_policy
from processing.stored.receipts import list_receipts
from processing.stored.stream_state import StoredState, change_state, load_state
from processing.stored.streams import known_streams
from processing.stored.uploads import list_uploads

_log = structlog.get_logger()


def mark_ready(context: JobContext, customer: str, day: date, dataset: Dataset | None) -> str:
    """Leave the marker that the customer would leave, for one stream or for all; returns its name.

    Raises OperatorError for a day that is more than a day ahead or that nobody would look at, and for a customer that is
    not there.
    """
    expect_customer(context, customer)
    _expect_any_begun(context, customer, day, dataset)
    if context.zone.is_far_ahead(day, context.drop.service_time()):
        raise OperatorError(f"{day.isoformat()} is more than a day ahead: mark it when it is near")
    folder = f"{Dataset.SIGNALS}/" if dataset is None else f"{Dataset.SIGNALS}/{dataset}/"
    name = f"{folder}{day.isoformat()}"
    etag = context.drop.put(blob_names.drop_container(customer), name, b"")
    # Its receipt needs no event of storage's then.
    context.drop_events.send(upload_event(blob_names.drop_container(customer), name, etag))
    _log.info("day_marked", customer=customer, dataset=dataset, day=day.isoformat())
    return name


def _expect_any_begun(context: JobContext, customer: str, day: date, dataset: Dataset | None) -> None:
    """OperatorError where every stream that a marker is for begins later."""
    named = readiness_policy(context, customer).first_day
    streams = (stream for stream in known_streams(context, customer) if stream.dataset in DATA_DATASETS)
    states = [load_state(context, stream).state for stream in streams]
    firsts = [named or state.first_day for state in states if dataset in (None, state.dataset)]
    known = [first for first in firsts if first is not None]
    if known and len(known) == len(firsts) and day < min(known):
        raise OperatorError(
            f"{dataset or 'every stream'} of {customer} begins with {min(known)} or later, so that {day} would mark nothing: "
            "move the first day first, with dropzone first-day"
        )


def ask_reprocess(context: JobContext, stream: Stream, day: date) -> None:
    """Have a published day processed again, whatever its age and the customer's policy say.

    Raises OperatorError for a day that is not published, or whose staged rows are given up.
    """
    expect_customer(context, stream.customer)
    now = context.drop.service_time()

    def asked(state: StreamState) -> StreamState:
        if state.is_closed(day):
            raise OperatorError(f"the staged rows of {day.isoformat()} are gone by retention: upload its files again")
        record = state.days.get(day)
        if record is None or record.published is None:
            raise OperatorError(f"{stream} has not published {day.isoformat()}: mark it ready instead")
        cause = "the operator asked for it"
        record = with_state(marked_for_reprocess(record, cause), DayState.READY, now, f"to be processed again: {cause}")
        return replace(state, days={**state.days, day: record})

    _change(context, stream, asked)
    context.stream_work.send(stream_work(stream))
    _log.info("reprocess_asked", customer=stream.customer, dataset=stream.dataset, day=day.isoformat())


def move_first_day(context: JobContext, stream: Stream, day: date) -> None:
    """Set the first day of a stream; what is published before it stays as it is.

    Raises OperatorError while the customer's config names the first day.
    """
    expect_customer(context, stream.customer)
    named = readiness_policy(context, stream.customer).first_day
    if named is not None:
        raise OperatorError(f"the config of {stream.customer} names {named.isoformat()} as the first day: change it there")

    def set_first(state: StreamState) -> StreamState:
        if state.is_closed(day):
            raise OperatorError(f"the staged rows of {day.isoformat()} are gone by retention")
        expired = state.given_up
        if expired is not None and day < expired.before and day <= context.zone.day_of(expired.arrived):
            raise OperatorError(
                f"rows of {day.isoformat()} that came before {expired.arrived.date().isoformat()} are gone by retention: "
                "upload them again, and name the first day in the config"
            )
        return with_first_day(state, day)

    _change(context, stream, set_first)
    _log.info("first_day_moved", customer=stream.customer, dataset=stream.dataset, day=day.isoformat())


def retry_now(context: JobContext, customer: str, dataset: Dataset | None) -> tuple[int, int]:
    """Try everything that failed again now, not at its next try; returns how many uploads and how many days.

    What ended its workers, and so is not tried by itself any more, is tried again, too.
    """
    expect_customer(context, customer)
    streams = [stream for stream in known_streams(context, customer) if dataset in (None, stream.dataset)]
    days = sum(_retry_days(context, stream) for stream in streams)
    container = blob_names.drop_container(customer)
    receipts = list_receipts(context.drop, customer, f"{dataset}/" if dataset else "")
    uploads = 0
    for info in list_uploads(context.drop, customer, f"{dataset}/" if dataset else ""):
        seen = receipts.get(blob_names.receipt_name(info.name))
        if seen is not None and not seen.summary.status.is_answer:
            context.drop_events.send(upload_event(container, info.name, info.etag))
            uploads += 1
        elif seen is not None and seen.summary.error == RefusalCode.UNREADABLE_HERE:
            ask_again(context, customer, info, seen.etag)
            uploads += 1
    _log.info("retry_asked", customer=customer, dataset=dataset, uploads=uploads, days=days)
    return uploads, days


def reconcile(context: JobContext, customer: str) -> int:
    """Have everything listed again that a customer ever sent, as after a restore; returns how many streams are looked at.

    What was noted of answers and of changed rows is not relied on any more until then.
    """
    expect_customer(context, customer)
    forget_answers(context, customer)
    streams = known_streams(context, customer)
    for stream in streams:
        change_state(context, load_state(context, stream), lambda state: replace(state, reconciled_at=None))
        context.stream_work.send(stream_work(stream))
    _log.info("reconciliation_asked", customer=customer, streams=len(streams))
    return len(streams)


def _retry_days(context: JobContext, stream: Stream) -> int:
    found: list[date] = []

    def due(state: StreamState) -> StreamState:
        found[:] = [day for day, record in state.days.items() if record.next_try is not None]
        tried = {day: replace(state.days[day], tries=0, next_try=None) for day in found}
        return replace(state, days={**state.days, **tried})

    _change(context, stream, due)
    if found:
        context.stream_work.send(stream_work(stream))
    return len(found)


def _change(context: JobContext, stream: Stream, change: Callable[[StreamState], StreamState]) -> StoredState:
    stored = change_state(context, load_state(context, stream), change)
    print_status(context, stored.state)
    return stored
