"""Looks at every stream and sends a worker to those with a day to do (protocol, When a day is due).

The timer may run twice at once, late, or not at all: it only reads listings, and writes cuts on condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import structlog

from processing.domain import blob_names, readiness
from processing.domain.blob_names import Marker, PartName
from processing.domain.datasets import Dataset
from processing.domain.errors import ConditionNotMet
from processing.domain.events import stream_work
from processing.domain.readiness import Listings, SeenMarker
from processing.domain.records import MarkerRef, StreamState
from processing.jobs.context import JobContext
from processing.jobs.failures import log_failure
from processing.jobs.receipts import list_receipts
from processing.jobs.stream_state import StoredState, expect_epoch, load_state, print_status, store_state
from processing.jobs.uploads import is_directory_stub, list_uploads
from processing.ports import BlobInfo, BlobKind
from processing.tables.day_catalogue import PROCESSED_DATASETS

_log = structlog.get_logger()


def advance_days(context: JobContext) -> int:
    """Take cuts, and put one message on `stream-work` for each stream with a due day; returns how many.

    A stream that fails holds up no other.
    """
    sent = 0
    for container in context.drop.list_containers(blob_names.DROP_PREFIX):
        customer = blob_names.customer_of_drop_container(container)
        if customer is None:
            continue
        try:
            datasets = _streams(context, customer)
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
        due = has_work(stored.state, context.drop.service_time())
        if due:
            context.stream_work.send(stream_work(customer, dataset))
    except Exception as error:  # noqa: BLE001 - nor does one stream hold up another
        log_failure(_log, "stream_not_advanced", error, customer=customer, dataset=dataset)
        return False
    return due


def has_work(state: StreamState, now: datetime) -> bool:
    """Whether a worker has something to do for the stream."""
    if state.pending is not None:
        next_try = state.days[state.pending].next_try
        return next_try is None or next_try <= now
    return readiness.due_day(state, now) is not None


def look_at_stream(context: JobContext, stored: StoredState, *, epoch: int | None = None) -> StoredState:
    """One look at storage, in the order that the protocol needs, and the state that follows from it.

    With `epoch`, raises Superseded once another worker has claimed the stream.
    """
    while True:
        expect_epoch(stored.state, epoch)
        changed = _look(context, stored.state)
        if changed == stored.state:
            break
        try:
            stored = store_state(context, stored, changed)
            break
        except ConditionNotMet:
            # Everything is listed again. A cut that another look stored meanwhile may name uploads that are younger than
            # this listing, and what the listing lacks would be taken for gone.
            stored = load_state(context, stored.state.customer, stored.state.dataset)
    print_status(context, stored.state)
    return stored


def _look(context: JobContext, state: StreamState) -> StreamState:
    now = context.drop.service_time()
    markers = _markers(context, state)
    if readiness.needs_listing(state, now, markers, context.readiness, context.zone):
        listings = _listings(context, state, now, markers)
    else:
        listings = Listings(now=now, markers=markers)
    return readiness.advance(state, listings, context.readiness, context.zone)


def _streams(context: JobContext, customer: str) -> list[Dataset]:
    """The data datasets that have had an upload and whose days are processed."""
    container = blob_names.drop_container(customer)
    receipts = blob_names.receipts_container(customer)
    return [
        dataset
        for dataset in PROCESSED_DATASETS
        if any(True for _ in context.drop.list_blobs(receipts, f"{dataset}/"))
        or any(True for _ in context.drop.list_blobs(container, f"{dataset}/"))
    ]


def _markers(context: JobContext, state: StreamState) -> list[SeenMarker]:
    customer, dataset = state.customer, state.dataset
    seen = []
    for info in list_uploads(context.drop, customer, f"{Dataset.SIGNALS}/"):
        kind = blob_names.kind_of_upload(info.name)
        if not isinstance(kind, Marker) or kind.dataset not in (None, dataset):
            continue
        if _is_marker(context, state, kind, info):
            ref = MarkerRef(name=info.name, etag=info.etag)
            seen.append(SeenMarker(day=kind.day, ref=ref, written=info.last_modified, own=kind.dataset is not None))
    return seen


def _is_marker(context: JobContext, state: StreamState, marker: Marker, info: BlobInfo) -> bool:
    """Whether a blob with the name of a marker is one: not a folder, not a copy under way, not of a kind that is refused."""
    if info.kind is not BlobKind.BLOCK or info.copy_pending:
        return False
    # A day with a cut needs its marker no more, and its marker no request.
    is_cut = marker.day in state.days and state.days[marker.day].cut is not None
    return is_cut or not is_directory_stub(context.drop, state.customer, info)


def _listings(context: JobContext, state: StreamState, now: datetime, markers: Sequence[SeenMarker]) -> Listings:
    # The uploads are listed after the markers: whatever was there before a marker is in this listing.
    infos = list(list_uploads(context.drop, state.customer, f"{state.dataset}/"))
    seen = list_receipts(context.drop, state.customer, f"{state.dataset}/")
    receipts = {
        info.name: receipt.summary for info in infos if (receipt := seen.get(blob_names.receipt_name(info.name))) is not None
    }
    # An upload with a receipt may have become a stub since: only a current one saves the look.
    current = {info.name for info in infos if info.name in receipts and receipts[info.name].etag == info.etag}
    uploads = {
        info.name: info.etag
        for info in infos
        if info.name in current or not is_directory_stub(context.drop, state.customer, info)
    }
    days: frozenset[date] = frozenset()
    if state.first_day is None:
        attempts = {receipt.summary.attempt for receipt in seen.values()}
        days = _days_with_rows(context, state, attempts)
    return Listings(now=now, markers=markers, uploads=uploads, receipts=receipts, days_with_rows=days)


def _days_with_rows(context: JobContext, state: StreamState, attempts: set[str | None]) -> frozenset[date]:
    prefix = blob_names.parts_prefix(state.customer, state.dataset)
    parts = (PartName.parse(info.name) for info in context.lake.list_blobs(blob_names.STAGED_CONTAINER, prefix))
    return frozenset(part.day for part in parts if part is not None and part.attempt in attempts)
