"""The documents that are stored: receipts, stream state, manifests, day status (contract sections 5 and 6).

Each is a frozen record with a strict JSON form. Instants are UTC; ETags carry no quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Literal, TypeVar

from pydantic import TypeAdapter

from processing.domain.datasets import Dataset


class Status(StrEnum):
    """What a receipt says of an upload."""

    ACCEPTED = "accepted"
    ACCEPTED_WITH_REJECTS = "accepted_with_rejects"
    REJECTED = "rejected"
    IGNORED = "ignored"
    FAILED = "failed"
    """Not an answer: we could not yet, and try again."""

    @property
    def is_answer(self) -> bool:
        """Whether the customer has been told the outcome of this version."""
        return self is not Status.FAILED


class DayState(StrEnum):
    """Where a day of a stream stands."""

    OPEN = "open"
    READY = "ready"
    WAITING = "waiting"
    PROCESSING = "processing"
    PROCESSED = "processed"
    PROCESSED_EMPTY = "processed_empty"
    CHANGED = "changed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One version of a blob in a drop container."""

    customer: str
    name: str
    """Name of the blob, from the container's root."""
    etag: str
    size: int
    """Bytes."""
    last_modified: datetime
    """By the service's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """read = accepted + rejected + filtered, always."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    filtered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One offending value."""

    record: int
    """Number of the data record in the file, from 1."""
    line: int | None
    """Physical line on which the record begins, from 1; None for formats without lines."""
    value: str | None
    """The value as it was uploaded, cut to 64 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRule:
    """One rule that rows of the file broke."""

    rule: str
    column: str | None
    """The column, or None for a rule on the record as a whole."""
    count: int
    """Rows that broke it."""
    hint: str
    """What the customer can do."""
    examples: tuple[Example, ...]
    """The first 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that was accepted and may not be meant."""

    code: str
    message: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a file was refused, or why it could not be answered yet."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One Parquet file of accepted rows in `staged`."""

    name: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The accepted version whose rows count now."""

    etag: str
    attempt: str
    last_modified: datetime
    sha256: str
    """Of the bytes as uploaded."""
    days: Mapping[date, int]
    """Accepted rows of each day."""
    parts: tuple[Part, ...]
    config: str | None = None
    """Version of the customer's config by which the rows were read."""
    trace: str | None = None
    """Identity of the span that staged the rows (W3C traceparent); None without telemetry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The record of an upload that could not be answered yet."""

    since: datetime
    attempts: int
    next_try: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The one answer to an upload's present version."""

    blob: str
    customer: str
    dataset: str
    """The folder; empty when the upload lies outside the four folders."""
    etag: str
    size: int
    format: str | None
    """For example `csv` or `csv.gz`; None when it was not looked at."""
    status: Status
    received_at: datetime
    """Last-Modified of the upload."""
    finished_at: datetime
    in_force: InForce | None
    rows: RowCounts = field(default_factory=RowCounts)
    days: Mapping[date, int] = field(default_factory=dict)
    """Accepted rows of each day in this version."""
    rejected_blob: str | None = None
    rules: tuple[BrokenRule, ...] = ()
    warnings: tuple[Notice, ...] = ()
    error: Problem | None = None
    marks: tuple[str, ...] = ()
    """For a marker: what it marked, as `<dataset or *>/<day>`."""
    retry: Retry | None = None
    """Only while `failed`."""
    program: str = ""
    """Version of the program that answered."""
    config: str | None = None
    """Version of the customer's config that was in force, None for none."""
    trace: str | None = None
    """Identity of the span that wrote the receipt (W3C traceparent); None without telemetry."""


_MOST_DAYS_IN_METADATA: Final = 60
_MANY: Final = "many"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSummary:
    """What a listing of receipts tells without reading them: the metadata of a receipt."""

    etag: str
    """The version of the upload that the receipt speaks of."""
    status: Status
    attempt: str | None
    """The attempt in force, or None."""
    in_force_modified: datetime | None
    """Last-Modified of the version in force."""
    next_try: datetime | None
    """When a failed upload is due again."""
    rows_read: int = 0
    """Rows of the version that the receipt speaks of."""
    marks: tuple[date, ...] | None = ()
    """Of a file with finished dates, the days of the version in force; None where they are too many for metadata."""
    trace: str | None = None
    """Identity of the span that staged the rows in force."""

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptSummary:
        """The summary of a receipt."""
        return cls(
            etag=receipt.etag,
            status=receipt.status,
            attempt=receipt.in_force.attempt if receipt.in_force else None,
            in_force_modified=receipt.in_force.last_modified if receipt.in_force else None,
            next_try=receipt.retry.next_try if receipt.retry else None,
            rows_read=receipt.rows.read,
            marks=finished_days(receipt),
            trace=receipt.in_force.trace if receipt.in_force else None,
        )

    def to_metadata(self) -> dict[str, str]:
        """As blob metadata; absent values are left out."""
        values = {
            "etag": self.etag,
            "status": self.status.value,
            "attempt": self.attempt,
            "modified": self.in_force_modified.isoformat() if self.in_force_modified else None,
            "nexttry": self.next_try.isoformat() if self.next_try else None,
            "read": str(self.rows_read) if self.rows_read else None,
            "marks": self._printed_marks(),
            "trace": self.trace,
        }
        return {key: value for key, value in values.items() if value is not None}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> ReceiptSummary:
        """The inverse of `to_metadata`; KeyError or ValueError when it is not ours."""
        return cls(
            etag=metadata["etag"],
            status=Status(metadata["status"]),
            attempt=metadata.get("attempt"),
            in_force_modified=_instant(metadata.get("modified")),
            next_try=_instant(metadata.get("nexttry")),
            rows_read=int(metadata.get("read", "0")),
            marks=_days(metadata.get("marks", "")),
            trace=metadata.get("trace"),
        )

    def _printed_marks(self) -> str | None:
        if self.marks is None or len(self.marks) > _MOST_DAYS_IN_METADATA:
            return _MANY
        return ",".join(day.isoformat() for day in self.marks) or None

    def answers(self, etag: str) -> bool:
        """Whether the receipt is current for this version, and an answer."""
        return self.etag == etag and self.status.is_answer


def finished_days(receipt: Receipt) -> tuple[date, ...]:
    """The days that a file with finished dates marks by its version in force; none for other uploads."""
    if receipt.dataset != Dataset.SIGNALS or receipt.in_force is None:
        return ()
    return tuple(sorted(receipt.in_force.days))


def _days(text: str) -> tuple[date, ...] | None:
    return None if text == _MANY else tuple(date.fromisoformat(each) for each in text.split(",") if each)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerRef:
    """One version of a marker blob."""

    name: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of a day's history."""

    state: DayState
    at: datetime
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFile:
    """A file that a manifest of the customer names."""

    name: str
    """From the container's root."""
    rows: int | None = None
    md5: str | None = None
    """Of the bytes, 32 hexadecimal digits."""
    hashed_etag: str | None = None
    """The version whose bytes were hashed."""
    hashed_md5: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a day last published."""

    seq: int
    """The stream's publication number."""
    manifest: str
    """Name of the manifest in `state`."""
    files: int
    """Uploads whose rows are in it."""
    rows: int
    """Rows after duplicates were removed."""
    superseded: int
    """Rows that a later row replaced."""
    rows_in: int = 0
    """Rows of the parts that went in."""
    inputs: str = ""
    """Digest of the names of those parts: another one means that rows joined or left."""
    carried: str = ""
    """Digest of what earlier days gave to this one."""
    gives: str = ""
    """Digest of what this day gives to later ones, where that is no list of ratios."""
    ratios: tuple[int, ...] = ()
    """Metrics that the day's own rows show to be ratios, as positions in the stream's `ratio_names`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayChange:
    """How the rows of a published day differ from what was published."""

    inputs: str
    """Digest of the parts that would go in now."""
    carried: str
    """Digest of what earlier days would give now."""
    joined: int = 0
    """Rows of parts that joined."""
    left: int = 0
    """Rows of parts that left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRecord:
    """One day of a stream, as its state blob holds it."""

    state: DayState = DayState.OPEN
    revision: int = 0
    """The revision of the stream state that last changed this record."""
    markers: tuple[MarkerRef, ...] = ()
    """Every marker that has been in effect for the day, each in the version that was seen last."""
    marked_at: datetime | None = None
    """When the first of them was written, by the service's clock."""
    round: int = 0
    """Rises with every cut, so that a publication knows whether the day was cut again while it was computed."""
    cut: tuple[str, ...] | None = None
    """Uploads that the day still waits for; None until its cut is taken."""
    cut_at: datetime | None = None
    awaited: tuple[ExpectedFile, ...] = ()
    """Files of manifests that are not in as the manifest says."""
    mismatch: str | None = None
    """How files that are in differ from the manifest."""
    refused: tuple[str, ...] = ()
    """Uploads that the day is published without because they were refused."""
    waiting_for: tuple[str, ...] = ()
    """Why the day is not processed yet, in words and names, at most 100."""
    published: Published | None = None
    reprocess: str | None = None
    """Why the published day is to be processed again; None when it is not."""
    change: DayChange | None = None
    """What a reprocess would change; None when nothing."""
    difference: str | None = None
    """Name of the blob, beside the status document, that holds what the last reprocess changed."""
    late_marker: bool = False
    """Whether the marker is later than the customer's habit."""
    failures: int = 0
    next_try: datetime | None = None
    error: str | None = None
    history: tuple[Change, ...] = ()
    """The last 50."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """All that is decided about one stream, in one blob written only with If-Match (protocol, Objects)."""

    customer: str
    dataset: Dataset
    revision: int = 0
    """Rises with every write."""
    epoch: int = 0
    """Rises with every claim."""
    holder: str | None = None
    """The claim that may publish."""
    seq: int = 0
    """The number of the last publication."""
    first_day: date | None = None
    pending: date | None = None
    """The day whose publication `seq` is committed and not yet in every table."""
    compared_at: datetime | None = None
    """When published days were last compared with the rows in force, by the service's clock."""
    own_markers: bool = False
    """Of `exposures`: whether a marker for it alone was ever used, so that those of `events` mark it no more."""
    closed_through: date | None = None
    """The staged rows of days up to this one are given up: none of these days can be processed again."""
    ratio_names: tuple[str, ...] = ()
    """The metrics that any published day showed to be ratios; days refer to them by position."""
    days: Mapping[date, DayRecord] = field(default_factory=dict)

    def is_closed(self, day: date) -> bool:
        """Whether the staged rows of a day are given up."""
        return self.closed_through is not None and day <= self.closed_through


T = TypeVar("T")
TYPES = Literal["string", "double", "long", "boolean", "date", "timestamp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """One Delta table: its folder, columns and partition columns."""

    name: str
    """Folder of the table inside `results-<customer>`."""
    columns: Mapping[str, TYPES]
    """Column names and primitive Delta types, partition columns included."""
    partition_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """One Parquet file of a Delta table; the partition columns are not in the file."""

    path: str
    """From the table's folder."""
    size: int
    """Bytes."""
    rows: int
    partition: Mapping[str, str]
    """Partition column to its value as text."""
    statistics: str
    """Delta's JSON statistics: numRecords, minValues, maxValues, nullCount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPart:
    """A staged part that went into a publication."""

    part: str
    blob: str
    """The upload that it came from."""
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOutput:
    """What a publication puts into one table."""

    table: str
    partition: Mapping[str, str]
    files: tuple[TableFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One publication, immutable: what went in and what came out."""

    customer: str
    dataset: Dataset
    day: date
    seq: int
    epoch: int
    created_at: datetime
    markers: tuple[MarkerRef, ...]
    inputs: tuple[InputPart, ...]
    refused: tuple[str, ...]
    rows_in: int
    rows: int
    superseded: int
    test_rows: int
    """Rows marked `is_test`, which never enter results."""
    ratios_before: tuple[str, ...]
    """Ratio metrics known from earlier days."""
    ratios: tuple[str, ...]
    """Ratio metrics that this day's own rows show."""
    replaces: int | None = None
    """The publication that this one replaces, None for a day's first."""
    cause: str = ""
    """Why the day was processed again."""
    difference: str | None = None
    """Name of the blob that holds what it changes."""
    outputs: tuple[TableOutput, ...]
    program: str
    config: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStatus:
    """The status document of a day, printed from the stream state and never read back."""

    customer: str
    dataset: Dataset
    day: date
    state: DayState
    seq: int | None
    files: int
    rows: int
    superseded: int
    refused: tuple[str, ...]
    waiting_for: tuple[str, ...]
    history: tuple[Change, ...]
    error: str | None
    late_marker: bool = False
    changed: DayChange | None = None
    """Rows that joined or left since the publication."""
    difference: str | None = None
    """Name of the blob that holds what the last reprocess changed."""
    reprocess_until: date | None = None
    """The last day on which the rows are kept that another processing needs."""


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    # Building one costs more than using it a thousand times.
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_json(record: object) -> bytes:
    """A record of this module as UTF-8 JSON, indented for the people who read it."""
    return _adapter(type(record)).dump_json(record, indent=1)


def from_json(kind: type[T], data: bytes) -> T:
    """The inverse of `to_json`; pydantic.ValidationError when `data` is not one."""
    result: T = _adapter(kind).validate_json(data)
    return result
