"""Deletes uploads, rejected rows and receipts whose time has passed (contract section 6, retention)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from processing.domain import blob_names
from processing.domain.blob_names import Marker, SignalFile
from processing.domain.documents import from_json
from processing.domain.readiness.first_day import earliest_first_day
from processing.domain.receipts import Receipt, ReceiptSummary, UploadStatus, part_counts
from processing.domain.stream_state import StreamState
from processing.jobs.housekeeping.deletion import delete_each
from processing.ports import BlobInfo, BlobStore
from processing.stored.change_notes import list_changes
from processing.stored.context import JobContext
from processing.stored.expected_files import read_expected
from processing.stored.manifests import read_manifest
from processing.stored.receipts import list_receipts
from processing.stored.streams import streams_of
from processing.stored.uploads import directory_stubs, is_upload, list_uploads


def delete_uploads(context: JobContext, customer: str) -> int:
    """Delete answered uploads that no day waits for, markers only when they have done their work; returns how many.

    With them go directory stubs, which nothing answers and nobody reads.
    """
    before = context.drop.service_time() - timedelta(days=context.retention.uploads)
    states = [stored.state for stored in streams_of(context, customer)]
    needed = {name for state in states for name in _needed(context, state)}
    window = _earliest_first_day(context)
    receipts = list_receipts(context.drop, customer)
    container = blob_names.drop_container(customer)
    gone, maybe_stubs = [], []
    for info in context.drop.list_blobs(container):
        if info.last_modified >= before or info.name in needed or not blob_names.is_addressable(info.name):
            continue
        seen = receipts.get(blob_names.receipt_name(info.name))
        if seen is not None and seen.summary.answers(info.etag):
            if is_upload(info.name) and _is_done(info, seen.summary, states, window):
                gone.append(info)
        elif info.size == 0:
            maybe_stubs.append(info)
    stubs = directory_stubs(context.drop, customer, maybe_stubs)
    gone += [info for info in maybe_stubs if info.name in stubs]
    return delete_each(context.drop, container, gone, customer=customer, step="uploads")


def delete_rejected_rows(context: JobContext, customer: str) -> int:
    """Delete rejected rows, those of attempts that lost among them, once they are old; returns how many."""
    before = context.drop.service_time() - timedelta(days=context.retention.rejected)
    container = blob_names.receipts_container(customer)
    infos = [info for info in context.drop.list_blobs(container) if blob_names.is_rejected_rows(info.name)]
    old = [info for info in infos if info.last_modified < before]
    return delete_each(context.drop, container, old, customer=customer, step="rejected_rows")


def delete_receipts(context: JobContext, customer: str) -> int:
    """Delete old receipts of uploads that are gone and whose rows no open day can use; returns how many.

    One that a note or the publication of an open day names stays: what is processed by it must not be taken for lost, though
    the version in force has no rows of that day any more.
    """
    before = context.drop.service_time() - timedelta(days=context.retention.receipts)
    container = blob_names.receipts_container(customer)
    old = [
        info for info in context.drop.list_blobs(container) if blob_names.is_receipt(info.name) and info.last_modified < before
    ]
    if not old:
        return 0
    present = {blob_names.receipt_name(info.name) for info in list_uploads(context.drop, customer)}
    states = [stored.state for stored in streams_of(context, customer)]
    window = _earliest_first_day(context)
    kept = present | {name for state in states for name in _named(context, state)}
    gone = [
        info for info in old if info.name not in kept and _holds_nothing(context.drop, container, info.name, states, window)
    ]
    return delete_each(context.drop, container, gone, customer=customer, step="receipts")


def _earliest_first_day(context: JobContext) -> date:
    return earliest_first_day(context.drop.service_time(), context.readiness, context.zone)


def _needed(context: JobContext, state: StreamState) -> set[str]:
    """Names that days of the stream wait for."""
    records = state.days.values()
    lists = read_expected(context.lake, records)
    cuts = (record.cut or () for record in records)
    expected = (*(record.expected_files for record in records), *lists.values())
    return {name for cut in cuts for name in cut} | {each.name for files in expected for each in files}


def _is_done(info: BlobInfo, receipt: ReceiptSummary, states: list[StreamState], window: date) -> bool:
    """Whether an upload is data, or a marker all of whose days are published or can never be."""
    match blob_names.kind_of_upload(info.name):
        case _ if receipt.status is UploadStatus.REJECTED:
            return True  # it marks nothing
        case Marker() as marker:
            days: tuple[date, ...] | None = (marker.day,)
        case SignalFile():
            days = receipt.marks
        case _:
            return True
    return days is not None and all(_is_past(state, day, window) for state in states for day in days)


def _is_past(state: StreamState, day: date, window: date) -> bool:
    """Whether a marker has nothing left to say to a stream about a day; before its first day is known, of old days."""
    record = state.days.get(day)
    if record is not None and record.published is not None:
        return True
    return day < (state.first_day or window)


def _named(context: JobContext, state: StreamState) -> Iterator[str]:
    """The receipts that a worker of the stream will ask for, whatever they hold by now."""
    yield from (each.note.receipt for each in list_changes(context.lake, state.stream))
    for day in (each for each in state.days if state.is_comparable(each)):
        manifest = read_manifest(context.lake, state, day)
        yield from (blob_names.receipt_name(each.blob) for each in (manifest.inputs if manifest is not None else ()))


def _holds_nothing(drop: BlobStore, container: str, name: str, states: list[StreamState], window: date) -> bool:
    """Whether no day that is open, or may become the first, can use the rows that a receipt holds in force."""
    found = drop.get(container, name)
    if found is None:
        return False
    receipt = from_json(Receipt, found[0])
    streams = {state.dataset: state for state in states}
    return all(
        stream is None or (day < window if stream.first_day is None else stream.is_over(day))
        for stream, day in ((streams.get(dataset), day) for dataset, day in part_counts(receipt))
    )
