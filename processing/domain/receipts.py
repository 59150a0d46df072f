"""Receipts, and what a listing tells of them (contract section 5).

Each is a frozen record whose JSON form `documents` writes and reads. Instants are UTC; ETags carry no quotes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Self

from processing.domain.blob_names import PartName
from processing.domain.datasets import Dataset
from processing.domain.unknown import Unknown, foreign

MASKED: Final = "(masked)"
"""What is shown in place of a value that the config masks."""


class UploadStatus(StrEnum):
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
        return self is not UploadStatus.FAILED

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return foreign(cls, value)


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
class ReceiptWarning:
    """Something that was accepted and may not be meant."""

    code: str
    message: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptError:
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
class EarlierAnswer:
    """An answer that another one took the place of."""

    etag: str
    """The version of the upload that was answered."""
    status: UploadStatus
    finished_at: datetime
    rows: RowCounts
    error: str | None = None
    """Code of the reason why it was refused or ignored."""


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
    status: UploadStatus
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
    fix_blob: str | None = None
    """The fix file: the rejected records in the upload's own form, to be fixed and uploaded under another name; None where
    there are none, and for a file that is refused."""
    fix_from: int | None = None
    """The first rejected record from which on none is in the fix file, which is bounded as well; None when there was room."""
    fix_left_out: int = 0
    """Of the rejected records before that one those that cannot be written in that form."""
    rules: tuple[BrokenRule, ...] = ()
    warnings: tuple[ReceiptWarning, ...] = ()
    error: ReceiptError | None = None
    marks: tuple[str, ...] = ()
    """For a marker: what it marked, as `<dataset or *>/<day>`."""
    takes_effect: datetime | None = None
    """For a marker: when the last of its days is taken for complete, once that has ended and the marker has settled."""
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
    deleted_at: datetime | None = None
    """When the upload was found to be gone, by the service's clock; None while it is there. Its rows stay in force unless the
    config's `on_delete` withdraws them (contract section 5)."""
    earlier_answers: tuple[EarlierAnswer, ...] = ()
    """What was answered to this name before, the newest first; with this answer, or the last one before a `failed` receipt, the
    last 20."""
    unknown: Unknown = field(default_factory=dict)


MOST_ANSWERS: Final = 20
"""Answers to a name that are kept, the one that stands included."""
_MOST_DAYS_IN_METADATA: Final = 60
_MOST_PART_COUNTS_IN_METADATA: Final = 40
_MANY: Final = "many"
PartCounts = Mapping[tuple[Dataset, date], int]
"""How many staged parts, or rows in them, an attempt has of each dataset and day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSummary:
    """What a listing of receipts tells without reading them: the metadata of a receipt."""

    etag: str
    """The version of the upload that the receipt speaks of."""
    status: UploadStatus
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
    part_rows: PartCounts | None = None
    """The rows of these parts, likewise."""
    trace: str | None = None
    """Identity of the span that staged the rows in force."""
    is_deleted: bool = False
    """Whether the upload was found to be gone: a version that comes back, by an undelete, is to be answered again."""

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
            error=str(receipt.error.code) if receipt.error else None,
            md5=receipt.md5,
            parts=part_counts(receipt),
            part_rows=part_rows(receipt),
            trace=receipt.in_force.trace if receipt.in_force else None,
            is_deleted=receipt.deleted_at is not None,
        )

    @property
    def days(self) -> tuple[date, ...] | None:
        """Of which the upload has rows in force, in order; None where the metadata does not tell."""
        return None if self.parts is None else tuple(sorted({day for _, day in self.parts}))

    @property
    def current_for(self) -> str | None:
        """The version that lies there if the receipt is right; None where it says that the upload is gone."""
        return None if self.is_deleted else self.etag

    @classmethod
    def accepted(cls, etag: str) -> ReceiptSummary:
        """Of a version of which no more is known than that it has an answer that is no refusal."""
        return cls(etag=etag, status=UploadStatus.ACCEPTED, attempt=None, in_force_modified=None, next_try=None)

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
            "rows": self._printed_rows(),
            "trace": self.trace,
            "deleted": "1" if self.is_deleted else None,
        }
        return {key: value for key, value in values.items() if value is not None}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> ReceiptSummary:
        """The inverse of `to_metadata`; KeyError or ValueError when it is not ours."""
        return cls(
            etag=metadata["etag"],
            status=UploadStatus(metadata["status"]),
            attempt=metadata.get("attempt"),
            in_force_modified=_instant(metadata.get("modified")),
            next_try=_instant(metadata.get("nexttry")),
            rows_read=int(metadata.get("read", "0")),
            marks=_days(metadata.get("marks", "")),
            error=metadata.get("error"),
            md5=metadata.get("md5"),
            parts=_parsed_parts(metadata),
            part_rows=_parsed_rows(metadata),
            trace=metadata.get("trace"),
            is_deleted="deleted" in metadata,
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

    def _printed_rows(self) -> str | None:
        """In the order of the parts; absent where those are not told."""
        if self.part_rows is None or self._printed_parts() in (None, _MANY):
            return None
        return ",".join(str(rows) for _, rows in sorted(self.part_rows.items()))

    def answers(self, etag: str) -> bool:
        """Whether the receipt is current for this version, and an answer; one that tells of a deletion answers no version."""
        return self.etag == etag and self.status.is_answer and not self.is_deleted


def earlier_answers(receipt: Receipt, current: Receipt | None) -> tuple[EarlierAnswer, ...]:
    """What `receipt` keeps of the answers before it, when it takes the place of `current`."""
    if current is None:
        return ()
    earlier = current.earlier_answers
    if current.status.is_answer:
        answer = EarlierAnswer(
            etag=current.etag,
            status=current.status,
            finished_at=current.finished_at,
            rows=current.rows,
            error=str(current.error.code) if current.error else None,
        )
        earlier = (answer, *earlier)
    # One that is no answer keeps as many as there may be, so that none is lost that may count with the next.
    return earlier[: MOST_ANSWERS - 1 if receipt.status.is_answer else MOST_ANSWERS]


def finished_days(receipt: Receipt) -> tuple[date, ...]:
    """The days that a file with finished dates marks by its version in force; none for other uploads."""
    if receipt.dataset != Dataset.SIGNALS or receipt.in_force is None:
        return ()
    return tuple(sorted(receipt.in_force.days))


def part_counts(receipt: Receipt) -> PartCounts:
    """The staged parts of the version in force."""
    names = (PartName.parse(part.name) for part in (receipt.in_force.parts if receipt.in_force else ()))
    return Counter((name.dataset, name.day) for name in names if name is not None)


def part_rows(receipt: Receipt) -> PartCounts:
    """The rows of the staged parts of the version in force."""
    rows: Counter[tuple[Dataset, date]] = Counter()
    for part in receipt.in_force.parts if receipt.in_force else ():
        name = PartName.parse(part.name)
        if name is not None:
            rows[name.dataset, name.day] += part.rows
    return rows


def _parsed_rows(metadata: Mapping[str, str]) -> PartCounts | None:
    parts, text = _parsed_parts(metadata), metadata.get("rows")
    if not parts:
        return parts
    return None if text is None else dict(zip(sorted(parts), map(int, text.split(",")), strict=True))


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
