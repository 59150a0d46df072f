"""The documents that are stored: receipts, stream state, manifests, day status (contract sections 5 and 6).

Each is a frozen record whose JSON form `documents` writes and reads. Instants are UTC; ETags carry no quotes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Literal, Self, TypeVar

from processing.domain.blob_names import PartName
from processing.domain.datasets import Dataset

_Enum = TypeVar("_Enum", bound=StrEnum)
Unknown = Mapping[str, Any]
"""Keys of a stored document that this program does not know: a newer one wrote them, and they are written back."""


class Status(StrEnum):
    """What a receipt says of an upload; a status that a newer program wrote counts as an answer."""

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

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return _foreign(cls, value)


class DayState(StrEnum):
    """Where a day of a stream stands; a state that a newer program wrote is kept as it is written."""

    OPEN = "open"
    READY = "ready"
    WAITING = "waiting"
    PROCESSING = "processing"
    PROCESSED = "processed"
    PROCESSED_EMPTY = "processed_empty"
    CHANGED = "changed"
    FAILED = "failed"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return _foreign(cls, value)


def _foreign(cls: type[_Enum], value: object) -> _Enum | None:
    """A member for a word that only a newer program knows: equal to none of ours, and written back as it was read."""
    if not isinstance(value, str):
        return None
    member = str.__new__(cls, value)
    member._name_ = member._value_ = value
    return member


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
    meaning: str | None = None
    """Digest of what that config says of the upload's rows; None in receipts of older programs."""
    trace: str | None = None
    """Identity of the span that staged the rows (W3C traceparent); None without telemetry."""
    unknown: Unknown = field(default_factory=dict)


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
    rejected_from: int | None = None
    """The first rejected record that is counted and not among those in that blob, which is bounded; None when all are."""
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
    md5: str | None = None
    """Of the bytes as uploaded, 32 hexadecimal digits; None where they were not all read."""
    trace: str | None = None
    """Identity of the span that wrote the receipt (W3C traceparent); None without telemetry."""
    unknown: Unknown = field(default_factory=dict)


_MOST_DAYS_IN_METADATA: Final = 60
_MOST_PART_COUNTS_IN_METADATA: Final = 40
_MANY: Final = "many"
PartCounts = Mapping[tuple[Dataset, date], int]
"""How many staged parts an attempt has of each dataset and day."""


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
    error: str | None = None
    """Code of the reason why it was refused, or not answered yet."""
    md5: str | None = None
    """Of the bytes of that version, where they were all read."""
    parts: PartCounts | None = None
    """Of the attempt in force; None where the metadata does not tell, and the receipt itself must be read."""
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
            error=receipt.error.code if receipt.error else None,
            md5=receipt.md5,
            parts=part_counts(receipt),
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
            "error": self.error,
            "md5": self.md5,
            "parts": self._printed_parts(),
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
            error=metadata.get("error"),
            md5=metadata.get("md5"),
            parts=_parsed_parts(metadata),
            trace=metadata.get("trace"),
        )

    def _printed_marks(self) -> str | None:
        if self.marks is None or len(self.marks) > _MOST_DAYS_IN_METADATA:
            return _MANY
        return ",".join(day.isoformat() for day in self.marks) or None

    def _printed_parts(self) -> str | None:
        if self.attempt is None:
            return None
        if self.parts is None or len(self.parts) > _MOST_PART_COUNTS_IN_METADATA:
            return _MANY
        return ",".join(f"{dataset}/{day.isoformat()}:{count}" for (dataset, day), count in sorted(self.parts.items()))

    def answers(self, etag: str) -> bool:
        """Whether the receipt is current for this version, and an answer."""
        return self.etag == etag and self.status.is_answer


def finished_days(receipt: Receipt) -> tuple[date, ...]:
    """The days that a file with finished dates marks by its version in force; none for other uploads."""
    if receipt.dataset != Dataset.SIGNALS or receipt.in_force is None:
        return ()
    return tuple(sorted(receipt.in_force.days))


def part_counts(receipt: Receipt) -> PartCounts:
    """The staged parts of the version in force."""
    names = (PartName.parse(part.name) for part in (receipt.in_force.parts if receipt.in_force else ()))
    return Counter((name.dataset, name.day) for name in names if name is not None)


def _parsed_parts(metadata: Mapping[str, str]) -> PartCounts | None:
    if "attempt" not in metadata:
        return {}
    text = metadata.get("parts", _MANY)
    if text == _MANY:
        return None
    counts = {}
    for each in filter(None, text.split(",")):
        stream, _, count = each.partition(":")
        dataset, _, day = stream.partition("/")
        counts[Dataset(dataset), date.fromisoformat(day)] = int(count)
    return counts


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
    ratios: int = 0
    """Metrics that the day's own rows show to be ratios: bit n stands for position n in the stream's `ratio_names`."""
    overflowed: int = 0
    """Totals that are beyond all floats, and so are null."""
    unknown: Unknown = field(default_factory=dict)


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
    stamp: str = ""
    """Drawn at random with every change, as revisions come again after a restore."""
    markers: tuple[MarkerRef, ...] = ()
    """Every marker that has been in effect for the day, each in the version that was seen last."""
    marked_at: datetime | None = None
    """When the first of them was written, by the service's clock."""
    round: int = 0
    """Rises with every cut, so that a publication knows whether the day was cut again while it was computed."""
    cut: tuple[str, ...] | None = None
    """Uploads that the day still waits for; None until its cut is taken. Days that one look cut share one list."""
    cut_at: datetime | None = None
    awaited: tuple[ExpectedFile, ...] = ()
    """Files of manifests that are not in as the manifest says: all of them, or the first where `expected_in` has all."""
    expected_in: str | None = None
    """Name of the blob that holds a long list of expected files; None for a short one."""
    awaited_count: int = 0
    """How many files `expected_in` has that are not in yet."""
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
    attempt: str | None = None
    """Id of the attempt that has the day in hand, or had it last."""
    tries: int = 0
    """Attempts at the day that were begun and have not ended; those whose workers died never do."""
    failures: int = 0
    next_try: datetime | None = None
    error: str | None = None
    history: tuple[Change, ...] = ()
    """The last 50."""
    unknown: Unknown = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The uploads that must be answered before the first day of a stream is fixed: a cut like that of a day."""

    markers: str
    """Digest of the markers that decide; another one means that it must be taken anew."""
    cut: tuple[str, ...]
    """Uploads that were there before those markers and have no answer yet."""
    at: datetime
    """When it was taken, or last looked at without finding a first day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """Rows before the first day that retention gave up, so that nobody takes them for lost."""

    before: date
    """They are of days before this one."""
    arrived: datetime
    """They came in uploads that were written at this instant or earlier."""


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
    opening: Opening | None = None
    """What the first day waits for; None when it is known, or no marker asks for it yet."""
    pending: date | None = None
    """The day whose publication `seq` is committed and not yet in every table."""
    compared_at: datetime | None = None
    """When published days were last compared with the rows in force, by the service's clock."""
    own_markers: bool = False
    """Of `exposures`: whether a marker for it alone was ever used, so that those of `events` mark it no more."""
    closed_through: date | None = None
    """The staged rows of published days up to this one are given up: none of these days can be processed again."""
    given_up: GivenUp | None = None
    """Which rows of days before the first are given up, too."""
    stopped: str | None = None
    """Why the stream stands still until an operator has mended something; None while it does not."""
    ratio_names: tuple[str, ...] = ()
    """The metrics that any published day showed to be ratios; days refer to them by position."""
    days: Mapping[date, DayRecord] = field(default_factory=dict)
    unknown: Unknown = field(default_factory=dict)

    def is_closed(self, day: date) -> bool:
        """Whether a day is published and its staged rows are given up."""
        if self.closed_through is None or day > self.closed_through:
            return False
        record = self.days.get(day)
        return record is not None and record.published is not None

    def closed_days(self) -> frozenset[date]:
        """All closed days."""
        return frozenset(day for day in self.days if self.is_closed(day))


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
    overflowed: int = 0
    """Totals that are beyond all floats, and so are null."""


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
    tries: int = 0
    """Attempts that ended their worker without a word."""
    overflowed: int = 0
    """Totals of the publication that are beyond all floats, and so are null."""
