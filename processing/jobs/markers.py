"""The markers of a customer as they are now: by their names, by finished dates, with what their manifests name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from processing.domain import blob_names
from processing.domain.blob_names import Marker, SignalFile
from processing.domain.datasets import Dataset
from processing.domain.listings import ReadinessPolicy, SeenMarker
from processing.domain.marker_manifest import LARGEST, ManifestRefusedError, of_stream, parse_manifest
from processing.domain.records import ExpectedFile, MarkerRef, ReceiptSummary, StreamState, finished_days
from processing.jobs.context import JobContext
from processing.jobs.receipts import list_receipts, read_receipt
from processing.jobs.uploads import is_directory_stub, list_uploads
from processing.ports import BlobInfo, BlobKind

_SIGNALS = f"{Dataset.SIGNALS}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What a customer's folder of signals says to one stream."""

    markers: tuple[SeenMarker, ...]
    own_markers: bool
    """Of `exposures`: whether anything was ever uploaded to its own folder of signals."""


def read_signals(context: JobContext, state: StreamState, policy: ReadinessPolicy) -> Signals:
    """The markers that are there now and mark the stream; a marker whose manifest cannot be read marks nothing."""
    infos = [info for info in list_uploads(context.drop, state.customer, _SIGNALS) if info.kind is BlobKind.BLOCK]
    own_markers = state.own_markers or _has_own(context, state)
    marking = _marking(state.dataset, own_markers=own_markers)
    answers = _Answers(context, state.customer)
    markers: list[SeenMarker] = []
    for info in infos:
        kind = blob_names.kind_of_upload(info.name)
        if info.copy_pending or not isinstance(kind, Marker | SignalFile) or kind.dataset not in marking:
            continue
        own = kind.dataset is state.dataset
        if isinstance(kind, SignalFile):
            markers.extend(_marker(info, day, own=own, alone=False) for day in answers.finished_days(info))
            continue
        seen = _marker(info, kind.day, own=own)
        markers.extend(_read(context, state, policy, seen, info))
    return Signals(markers=tuple(markers), own_markers=own_markers)


def manifest_of(context: JobContext, customer: str, info: BlobInfo) -> tuple[ExpectedFile, ...]:
    """The files that a marker blob names, none for a plain one.

    Raises ManifestRefusedError for one that cannot be read, also when it changes under our eyes.
    """
    if info.size == 0:
        return ()
    if info.size > LARGEST:
        raise ManifestRefusedError(f"a marker may have {LARGEST >> 20} MiB at most")
    found = context.drop.get(blob_names.drop_container(customer), info.name)
    if found is None or found[1].etag != info.etag:
        raise ManifestRefusedError("the marker was replaced while it was read")
    return parse_manifest(info.name, found[0])


def _has_own(context: JobContext, state: StreamState) -> bool:
    if state.dataset is not Dataset.EXPOSURES:
        return False
    folder = f"{_SIGNALS}{state.dataset}/"
    containers = (blob_names.drop_container(state.customer), blob_names.receipts_container(state.customer))
    return any(True for container in containers for _ in context.drop.list_blobs(container, folder))


def _marking(dataset: Dataset, *, own_markers: bool) -> tuple[Dataset | None, ...]:
    """Whose markers mark a stream: None stands for every stream's."""
    if dataset is Dataset.EXPOSURES and not own_markers:
        return (None, dataset, Dataset.EVENTS)
    return (None, dataset)


def _marker(info: BlobInfo, day: date, *, own: bool, alone: bool = True) -> SeenMarker:
    return SeenMarker(day=day, ref=MarkerRef(name=info.name, etag=info.etag), written=info.last_modified, own=own, alone=alone)


def _read(
    context: JobContext, state: StreamState, policy: ReadinessPolicy, seen: SeenMarker, info: BlobInfo
) -> Iterator[SeenMarker]:
    """The marker with its manifest, unless it is none: a folder's stub, or a manifest that cannot be read."""
    record, first = state.days.get(seen.day), policy.first_day or state.first_day
    is_known = record is not None and record.cut is not None and seen.ref in record.markers
    if is_known or (first is not None and seen.day < first) or state.is_closed(seen.day):
        yield seen  # it decides nothing more, so that it costs no request
        return
    if is_directory_stub(context.drop, state.customer, info):
        return
    try:
        files = manifest_of(context, state.customer, info)
    except ManifestRefusedError:
        return  # its receipt says so
    yield replace(seen, expected=of_stream(files, state.dataset))


class _Answers:
    """The receipts of a customer's signals, listed when the first is asked for."""

    def __init__(self, context: JobContext, customer: str) -> None:
        self._context = context
        self._customer = customer
        self._listed: dict[str, ReceiptSummary] | None = None

    def finished_days(self, info: BlobInfo) -> tuple[date, ...]:
        """The days that a file names; none until its present version is answered."""
        if self._listed is None:
            listed = list_receipts(self._context.drop, self._customer, _SIGNALS)
            self._listed = {name: seen.summary for name, seen in listed.items()}
        summary = self._listed.get(blob_names.receipt_name(info.name))
        if summary is None or not summary.answers(info.etag):
            return ()
        if summary.marks is not None:
            return summary.marks
        found = read_receipt(self._context.drop, self._customer, info.name)
        return finished_days(found[0]) if found is not None else ()
