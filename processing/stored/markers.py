"""The markers of a customer as they are now: by their names, by finished dates, with what their manifests name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from processing.domain import blob_names
from processing.domain.blob_names import Marker, SignalFile
from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.domain.marker_names import is_called_mark
from processing.domain.readiness.marker_manifest import LARGEST, ManifestRefusedError, of_stream, parse_manifest
from processing.domain.readiness.observation import ListedMarker, ReadinessPolicy
from processing.domain.receipts import ReceiptSummary, UploadStatus, finished_days
from processing.domain.stream_state import ExpectedFile, MarkerRef, StreamState
from processing.ports import BlobInfo, BlobKind, BlobStore
from processing.stored.context import JobContext
from processing.stored.receipts import list_receipts, read_receipt
from processing.stored.uploads import is_folder, list_uploads

_SIGNALS = f"{Dataset.SIGNALS}/"
_MOST_READ = 64 * 1024 * 1024
"""Bytes of manifests that one look reads."""
_MOST_REQUESTS = 1_000
"""Manifests that one look reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What a customer's folder of signals says to one stream."""

    markers: tuple[ListedMarker, ...]
    own_markers: bool
    """Of `exposures`: whether its own folder of signals ever marked anything."""
    has_unread: bool
    """Whether anything that may mark days has no answer yet, so that it is not known which."""


def read_signals(context: JobContext, state: StreamState, policy: ReadinessPolicy, now: datetime) -> Signals:
    """The markers that are there now and mark the stream; a marker whose manifest cannot be read marks nothing.

    Bounded in requests and bytes however many markers lie there: what does not decide anything now is not asked for, and
    what is too much for one look is left to the next.
    """
    found = [
        (info, kind)
        for info in list_uploads(context.drop, state.customer, _SIGNALS, metadata=True)
        if info.kind is BlobKind.BLOCK and not info.copy_pending and not is_folder(info)
        if isinstance(kind := blob_names.kind_of_upload(info.name), Marker | SignalFile)
    ]
    reading = _Reading(context, state, policy, now)
    own_markers = state.own_markers
    if state.dataset is Dataset.EXPOSURES and not own_markers:
        present = [(info, kind) for info, kind in found if isinstance(kind, Marker) and kind.dataset is state.dataset]
        own_markers = any(not context.zone.is_far_ahead(kind.day, info.last_modified) for info, kind in present)
        own_markers = own_markers or reading.has_own()
    marking = _marking(state.dataset, own_markers=own_markers)
    for info, kind in found:
        if kind.dataset in marking:
            reading.take(info, kind)
    return Signals(markers=tuple(reading.markers), own_markers=own_markers, has_unread=reading.has_unread)


def manifest_of(drop: BlobStore, customer: str, info: BlobInfo) -> tuple[ExpectedFile, ...]:
    """The files that a marker blob names, none for a plain one.

    Raises ManifestRefusedError for one that cannot be read, also when it changes under our eyes.
    """
    return parse_manifest(info.name, marker_bytes(drop, customer, info)) if info.size else ()


def marker_bytes(drop: BlobStore, customer: str, info: BlobInfo) -> bytes:
    """What a marker blob holds; ManifestRefusedError for more than a manifest has, also when it changes under our eyes."""
    if info.size > LARGEST:
        raise ManifestRefusedError(f"a marker may have {LARGEST >> 20} MiB at most")
    found = drop.get(blob_names.drop_container(customer), info.name)
    if found is None or found[1].etag != info.etag:
        raise ManifestRefusedError("the marker was replaced while it was read")
    return found[0]


def _marking(dataset: Dataset, *, own_markers: bool) -> tuple[Dataset | None, ...]:
    """Whose markers mark a stream: None stands for every stream's."""
    if dataset is Dataset.EXPOSURES and not own_markers:
        return (None, dataset, Dataset.EVENTS)
    return (None, dataset)


def _marker(info: BlobInfo, day: date, *, own: bool, alone: bool = True) -> ListedMarker:
    return ListedMarker(
        day=day, ref=MarkerRef(name=info.name, etag=info.etag), written=info.last_modified, own=own, alone=alone
    )


def _may_name_dates(name: str, data: bytes) -> bool:
    # What reads files takes long to import, and few markers hold anything.
    from processing.stored.marker_content import name_of_dates  # noqa: PLC0415

    return name_of_dates(name, data) is not None


class _Answers:
    """The receipts of a customer's signals, listed when the first is asked for."""

    def __init__(self, context: JobContext, customer: str) -> None:
        self._context = context
        self._customer = customer
        self._listed: dict[str, ReceiptSummary] | None = None

    def of(self, info: BlobInfo) -> ReceiptSummary | None:
        """What the present version of a signal was answered; None while it has no answer."""
        summary = self.every().get(blob_names.receipt_name(info.name))
        return summary if summary is not None and summary.answers(info.etag) else None

    def every(self) -> dict[str, ReceiptSummary]:
        """The receipts by their own names."""
        if self._listed is None:
            listed = list_receipts(self._context.drop, self._customer, _SIGNALS)
            self._listed = {name: seen.summary for name, seen in listed.items()}
        return self._listed

    def finished_days(self, info: BlobInfo) -> tuple[date, ...] | None:
        """The days that a file names; None until its present version is answered."""
        summary = self.of(info)
        if summary is None:
            return None
        if summary.marks is not None:
            return summary.marks
        found = read_receipt(self._context.drop, self._customer, info.name)
        return finished_days(found[0]) if found is not None else ()


class _Reading:
    """Reads the markers of one stream, in as few requests as will do; manifests up to a number of bytes."""

    def __init__(self, context: JobContext, state: StreamState, policy: ReadinessPolicy, now: datetime) -> None:
        self._context = context
        self._state = state
        self._policy = policy
        self._now = now
        self._answers = _Answers(context, state.customer)
        self._left = _MOST_READ
        self._requests = _MOST_REQUESTS
        self.markers: list[ListedMarker] = []
        self.has_unread = False

    def take(self, info: BlobInfo, kind: Marker | SignalFile) -> None:
        """Add the days that a blob marks, and what it names of them."""
        own = kind.dataset is self._state.dataset
        if isinstance(kind, SignalFile):
            days = self._answers.finished_days(info)
            self.has_unread |= days is None
            # A call marks everything up to its day: that one is meant, and no stream need begin with the others.
            last = max(days, default=None) if days and is_called_mark(info.name) else None
            self.markers.extend(_marker(info, day, own=own and last in (None, day), alone=False) for day in days or ())
        elif info.size or not self._context.zone.is_far_ahead(kind.day, info.last_modified):  # its receipt refuses it
            self._take_marker(info, _marker(info, kind.day, own=own))

    def has_own(self) -> bool:
        """Whether the stream's own folder of signals has marked anything that is gone by now."""
        folder = f"{_SIGNALS}{self._state.dataset}/"
        answers = self._answers.every().items()
        return any(name.startswith(folder) and summary.status is not UploadStatus.REJECTED for name, summary in answers)

    def _take_marker(self, info: BlobInfo, seen: ListedMarker) -> None:
        if info.size == 0:
            self.markers.append(seen)
            return
        # What is in it may name other days than its own name does.
        answer = self._answers.of(info)
        if answer is not None and answer.attempt is not None:
            days = self._answers.finished_days(info)
            self.markers.extend(_marker(info, day, own=seen.own, alone=False) for day in days or ())
            return
        if answer is not None and answer.status is UploadStatus.REJECTED:
            return  # what it holds cannot be read, and its receipt says so
        is_opening = self._state.first_day is None and self._policy.first_day is None
        if answer is None and (is_opening or self._context.zone.is_far_ahead(seen.day, info.last_modified)):
            # Which day is the first is decided by what is answered alone; then all is read again.
            self.has_unread = True
        elif is_opening or self._decides_nothing(seen):
            self.markers.append(seen)
        else:
            self._read_marker(info, seen, is_answered=answer is not None)

    def _read_marker(self, info: BlobInfo, seen: ListedMarker, *, is_answered: bool) -> None:
        """Add a marker with what its manifest names; one that may name days of its own is left until it is answered."""
        if self._left < info.size or not self._requests:
            return  # it has its turn when those before it are known
        self._left -= info.size
        self._requests -= 1
        try:
            data = marker_bytes(self._context.drop, self._state.customer, info)
            files = parse_manifest(info.name, data)
        except (ManifestRefusedError, OperatorError):
            return  # its receipt says so; one that storage will not read to us holds up no other
        if not is_answered and not files and _may_name_dates(info.name, data):
            self.has_unread = True
            return
        self.markers.append(replace(seen, expected=of_stream(files, self._state.dataset)))

    def _decides_nothing(self, seen: ListedMarker) -> bool:
        """Whether nobody needs to know what a marker says: it is not in effect, it is known, or its day is none of these."""
        settled = self._state.rests_since(seen.ref.name, seen.written) + self._policy.settle <= self._now
        in_effect = settled and self._context.zone.has_ended(seen.day, self._now)
        if not in_effect or self._state.is_closed(seen.day):
            return True
        first = self._policy.first_day or self._state.first_day
        if first is not None and seen.day < first:
            return True
        record = self._state.days.get(seen.day)
        if record is None or seen.ref not in record.markers:
            return False
        # A reprocess does not ask a manifest again that was asked before; an unpublished day that is cut anew does.
        return record.cut is not None or record.published is not None
