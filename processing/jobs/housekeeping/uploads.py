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
from processing.stored.expiry import keep_expiry
from processing.stored.manifests import read_manifest
from processing.stored.not_deleted import NotDeleted, keep_not_deleted
from processing.stored.receipts import find_receipts
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
    container = blob_names.drop_container(customer)
    old = [
        info
        for info in context.drop.list_blobs(container)
        if info.last_modified < before and info.name not in needed and blob_names.is_addressable(info.name)
    ]
    receipts = find_receipts(context.drop, customer, [info.name for info in old])
    gone, maybe_stubs = [], []
    for info in old:
        seen = receipts.get(info.name)
        if seen is not None and seen.summary.answers(info.etag):
            if is_upload(info.name) and _is_done(info, seen.summary, states, window):
                gone.append(info)
        elif info.size == 0:
            maybe_stubs.append(info)
    stubs = directory_stubs(context.drop, customer, maybe_stubs)
    gone += [info for info in maybe_stubs if info.name in stubs]
    if gone:
        keep_expiry(context, customer, before)  # before anything is: nobody is to take our deletions for the customer's
    stays: list[NotDeleted] = []
    deleted = delete_each(context.drop, container, gone, customer=customer, step="uploads", stays=stays)
    keep_not_deleted(context, customer, stays)
    return deleted


def delete_answers(context: JobContext, customer: str) -> dict[str, int]:
    """Delete old rejected rows, those of attempts that lost among them, and old receipts; returns how many of each.

    There are hundreds of thousands of them, so that one listing tells of both.
    """
    now, retention = context.drop.service_time(), context.retention
    container = blob_names.receipts_container(customer)
    rows_before, receipts_before = now - timedelta(days=retention.rejected), now - timedelta(days=retention.receipts)
    rows, receipts = [], []
    for info in context.drop.list_blobs(container):
        if blob_names.is_rejected_rows(info.name):
            if info.last_modified < rows_before:
                rows.append(info)
        elif blob_names.is_receipt(info.name) and info.last_modified < receipts_before:
            receipts.append(info)
    return {
        "rejected_rows": delete_each(context.drop, container, rows, customer=customer, step="rejected_rows"),
        "receipts": _delete_receipts(context, customer, receipts),
    }


def _delete_receipts(context: JobContext, customer: str, old: list[BlobInfo]) -> int:
    """Delete those of these receipts whose uploads are gone and whose rows no open day can use; returns how many.

    One that a note or the publication of an open day names stays: what is processed by it must not be taken for lost, though
    the version in force has no rows of that day any more.
    """
    container = blob_names.receipts_container(customer)
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
        case Marker() as marker if receipt.attempt is None:
            days: tuple[date, ...] | None = (marker.day,)
        case Marker() | SignalFile():
            days = receipt.marks
        case _:
            return True
    return days is not None and all(_is_past(state, day, window) for state in states for day in days)


def _is_past(state: StreamState, day: date, window: date) -> bool:
    """Whether a marker has nothing left to say to a stream about a day; before its first day is known, of old days."""
    return state.is_published(day) or day < (state.first_day or window)


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
