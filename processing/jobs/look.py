"""One look at a stream: what storage holds, listed in the order that the protocol needs, and what follows from it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime

import structlog

from processing.domain import blob_names, readiness
from processing.domain.blob_names import PartName
from processing.domain.corrections import differing_days
from processing.domain.cuts import to_hash
from processing.domain.datasets import Dataset
from processing.domain.errors import ConditionNotMet
from processing.domain.listings import Listings, SeenUpload
from processing.domain.marker_manifest import folders_of
from processing.domain.records import ReceiptSummary, StreamState
from processing.jobs.changes import count_changes
from processing.jobs.context import JobContext
from processing.jobs.markers import Signals, read_signals
from processing.jobs.policies import readiness_policy
from processing.jobs.receipts import ReceiptSeen, list_receipts
from processing.jobs.stream_state import StoredState, expect_epoch, load_state, print_status, store_state
from processing.jobs.uploads import is_directory_stub, list_uploads
from processing.ports import BlobInfo

_PIECE = 16 << 20

_log = structlog.get_logger()


def look_at_stream(context: JobContext, stored: StoredState, *, epoch: int | None = None) -> StoredState:
    """The state that follows from what storage holds now, stored; the status documents of its days are printed.

    With `epoch`, raises Superseded once another worker has claimed the stream.
    """
    while True:
        expect_epoch(stored.state, epoch)
        before = stored.state
        changed = _look(context, before)
        if changed == before:
            break
        try:
            stored = store_state(context, stored, changed)
            _tell(before, changed)
            break
        except ConditionNotMet:
            # Everything is listed again. A cut that another look stored meanwhile may name uploads that are younger than
            # this listing, and what the listing lacks would be taken for gone.
            stored = load_state(context, stored.state.customer, stored.state.dataset)
    print_status(context, stored.state)
    return stored


def list_in_force(context: JobContext, customer: str, dataset: Dataset) -> dict[str, ReceiptSeen]:
    """The receipts of all uploads that may hold rows of the stream, by their own names."""
    found: dict[str, ReceiptSeen] = {}
    for folder in folders_of(dataset):
        found |= list_receipts(context.drop, customer, folder)
    return found


def _look(context: JobContext, state: StreamState) -> StreamState:
    policy = readiness_policy(context, state.customer)
    now = context.drop.service_time()
    signals = read_signals(context, state, policy)
    compares = readiness.needs_comparison(state, now, policy)
    if not compares and not readiness.needs_listing(state, now, signals.markers, policy, context.zone):
        quiet = Listings(now=now, markers=signals.markers, own_markers=signals.own_markers)
        changed = readiness.advance(state, quiet, policy, context.zone)
        if not _is_cut(state, changed):
            return changed
        # A day was sent back without a look at the uploads: its cut must be taken from one.
    seen = _listings(context, state, now, signals, parts=compares or (policy.first_day or state.first_day) is None)
    changed = readiness.advance(state, seen, policy, context.zone)
    wanted = {key for record in changed.days.values() for key in to_hash(record, seen).items()}
    if wanted:
        hashed = {(name, etag): _md5(context, state.customer, name, etag) for name, etag in wanted}
        seen = replace(seen, md5={key: found for key, found in hashed.items() if found is not None})
        changed = readiness.advance(state, seen, policy, context.zone)
    return changed


def _is_cut(before: StreamState, after: StreamState) -> bool:
    """Whether a day has a new cut."""
    return any(
        day not in before.days or record.round > before.days[day].round for day, record in after.days.items() if record.round
    )


def _listings(context: JobContext, state: StreamState, now: datetime, signals: Signals, *, parts: bool) -> Listings:
    # The uploads are listed after the markers: whatever was there before a marker is in this listing.
    folders = folders_of(state.dataset)
    infos = [info for folder in folders for info in list_uploads(context.drop, state.customer, folder)]
    found = list_in_force(context, state.customer, state.dataset)
    expected = (each.name for marker in signals.markers for each in marker.expected)
    awaited = (each.name for record in state.days.values() for each in record.awaited)
    receipts = _by_upload(found, [*(info.name for info in infos), *expected, *awaited])
    uploads = _present(context, state, infos, receipts)
    in_force = _parts_in_force(context, state, found.values()) if parts else None
    changes = {}
    if in_force is not None:
        days = differing_days(state, in_force)
        changes = count_changes(context, state, {day: in_force.get(day, set()) for day in days}, found.values())
    return Listings(
        now=now,
        markers=signals.markers,
        own_markers=signals.own_markers,
        uploads=uploads,
        receipts=receipts,
        parts=in_force,
        changes=changes,
    )


def _by_upload(found: Mapping[str, ReceiptSeen], names: Iterable[str]) -> dict[str, ReceiptSummary]:
    return {name: seen.summary for name in names if (seen := found.get(blob_names.receipt_name(name))) is not None}


def _present(
    context: JobContext, state: StreamState, infos: Iterable[BlobInfo], receipts: Mapping[str, ReceiptSummary]
) -> dict[str, SeenUpload]:
    uploads = {}
    for info in infos:
        # An upload with a receipt may have become a stub since: only a current one saves the look.
        receipt = receipts.get(info.name)
        is_current = receipt is not None and receipt.etag == info.etag
        if is_current or not is_directory_stub(context.drop, state.customer, info):
            uploads[info.name] = SeenUpload(etag=info.etag, modified=info.last_modified)
    return uploads


def _parts_in_force(context: JobContext, state: StreamState, found: Iterable[ReceiptSeen]) -> dict[date, set[str]]:
    # Listed after the receipts: the parts of an attempt are there before a receipt names it.
    attempts = {seen.summary.attempt for seen in found}
    days: dict[date, set[str]] = defaultdict(set)
    for info in context.lake.list_blobs(blob_names.STAGED_CONTAINER, blob_names.parts_prefix(state.customer, state.dataset)):
        part = PartName.parse(info.name)
        if part is not None and part.attempt in attempts:
            days[part.day].add(info.name)
    return dict(days)


def _md5(context: JobContext, customer: str, name: str, etag: str) -> str | None:
    """The hash of one version's bytes as they lie in storage, or None when the version is gone."""
    digest, offset = hashlib.md5(usedforsecurity=False), 0
    container = blob_names.drop_container(customer)
    try:
        while piece := context.drop.get_range(container, name, etag=etag, offset=offset, length=_PIECE):
            digest.update(piece)
            offset += len(piece)
            if len(piece) < _PIECE:
                break
    except ConditionNotMet:
        return None
    return digest.hexdigest()


def _tell(before: StreamState, after: StreamState) -> None:
    """One log event for each day whose marker has become late, for alerts."""
    for day, record in after.days.items():
        if record.late_marker and not (day in before.days and before.days[day].late_marker):
            _log.warning("marker_late", customer=after.customer, dataset=after.dataset, day=day.isoformat())
