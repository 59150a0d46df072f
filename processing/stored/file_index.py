"""The index of a customer's files: every upload that a sweep listed and what it was answered (protocol, Index of files).

The newest files stand in one blob, which names the segments that hold the others; nobody writes a segment again. So whoever
reads that blob sees the index as one sweep left it. It is a cache of the listings of uploads and receipts: it may be old, lost
or written by two at once, and is made anew from them.

ROWS are the columns: `name`; `etag` of the upload, without quotes; `size` in bytes; `uploaded_at`, UTC; `status` of the receipt
that is current for it, null while there is none; `rows`, the records that were read of it; `days` of which it holds rows in
force, by whichever version, null where only its receipt tells. The newest row stands first.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet
from processing.domain.receipts import UploadStatus
from processing.ports import IF_ABSENT, Condition
from processing.stored.context import JobContext
from processing.stored.write_once import write_once

ROWS: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "name": pl.String,
    "etag": pl.String,
    "size": pl.Int64,
    "uploaded_at": pl.Datetime("us", "UTC"),
    "status": pl.String,
    "rows": pl.Int64,
    "days": pl.List(pl.Date),
}
NEWEST_FIRST: Final = ("uploaded_at", "name")
UNANSWERED: Final = pl.col("status").is_null() | (pl.col("status") == UploadStatus.FAILED.value)
"""Rows of files of which an answer is still to come."""
_SEGMENTS: Final = "dropzone_segments"
"""Key in the metadata of the blob of the newest files."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """By which it is seen, without reading them, that some rows are those of a listing."""

    files: int
    versions: int
    """Of their names and ETags; another version of the engine may come to another one for the same, which costs a read."""
    open: int
    """Those of which it is to be asked again: that have no answer, or whose days are not known."""

    @classmethod
    def of(cls, rows: pl.DataFrame) -> Digest:
        """The digest of rows."""
        is_open = UNANSWERED | pl.col("days").is_null()
        return cls(files=rows.height, versions=digest_of_versions(rows), open=rows.filter(is_open).height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Some of the older files, in a blob that nobody writes again."""

    name: str
    until: datetime
    """Each of its files was uploaded before this; none that was belongs to a newer segment."""
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIndex:
    """What is stored of a customer."""

    newest: pl.DataFrame
    segments: tuple[Segment, ...]
    """The newest first."""
    digest: Digest
    """Of the newest."""
    listed_at: datetime
    """What was there at this time, by the service's clock, is in it."""
    etag: str | None = None
    """Of the blob that names them all; None where there was none."""

    @property
    def files(self) -> int:
        """How many there are."""
        return self.newest.height + sum(each.digest.files for each in self.segments)


def load_file_index(context: JobContext, customer: str) -> FileIndex | None:
    """The index with its newest rows; None where there is none that can be read."""
    found = context.lake.get(blob_names.STATE_CONTAINER, blob_names.newest_files_name(customer))
    rows = None if found is None else _parsed(found[0])
    if found is None or rows is None:
        return None
    try:
        tree = json.loads(pl.read_parquet_metadata(io.BytesIO(found[0]))[_SEGMENTS])
        segments = tuple(_segment(each) for each in tree["segments"])
        digest, listed_at = Digest(**tree["digest"]), _instant(tree["listed_at"])
    except (pl.exceptions.PolarsError, KeyError, TypeError, ValueError):
        return None  # another program wrote it: it is made anew
    return FileIndex(newest=rows, segments=segments, digest=digest, listed_at=listed_at, etag=found[1].etag)


def read_segment(context: JobContext, segment: Segment) -> pl.DataFrame | None:
    """The rows of a segment; None where it is gone or cannot be read."""
    found = context.lake.get(blob_names.STATE_CONTAINER, segment.name)
    return None if found is None else _parsed(found[0])


def write_segment(context: JobContext, customer: str, rows: pl.DataFrame, until: datetime) -> Segment:
    """Write rows as a segment, which is nobody's until a blob of newest files names it."""
    name = blob_names.file_segment_name(customer, blob_names.new_attempt())
    write_once(context.lake, blob_names.STATE_CONTAINER, name, _printed(rows))
    return Segment(name=name, until=until, digest=Digest.of(rows))


def store_file_index(context: JobContext, customer: str, index: FileIndex) -> bool:
    """Write the index, unless somebody wrote it since it was read with its ETag; whether it was written."""
    tree = {
        "listed_at": _microseconds(index.listed_at),
        "digest": _digest_tree(index.digest),
        "segments": [
            {"name": each.name, "until": _microseconds(each.until), "digest": _digest_tree(each.digest)}
            for each in index.segments
        ],
    }
    data = _printed(index.newest, {_SEGMENTS: json.dumps(tree)})
    when = IF_ABSENT if index.etag is None else Condition.unchanged(index.etag)
    try:
        context.lake.put(blob_names.STATE_CONTAINER, blob_names.newest_files_name(customer), data, when=when)
    except ConditionNotMet:
        return False
    return True


def stored_etag(context: JobContext, customer: str) -> str | None:
    """ETag of the blob of newest files, whether or not it can be read; None while there is none."""
    info = context.lake.head(blob_names.STATE_CONTAINER, blob_names.newest_files_name(customer))
    return None if info is None else info.etag


def forget_file_index(context: JobContext, customer: str) -> None:
    """Have the next sweep tell it anew."""
    context.lake.delete(blob_names.STATE_CONTAINER, blob_names.newest_files_name(customer))


def no_rows() -> pl.DataFrame:
    """An index of nothing."""
    return pl.DataFrame(schema=ROWS)


def joined_rows(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Rows of several places, the newest first."""
    return pl.concat([no_rows(), *frames]).sort(NEWEST_FIRST, descending=True)


def digest_of_versions(rows: pl.DataFrame) -> int:
    """The digest of names and ETags, whatever their order."""
    return int(rows.select(pl.concat_str("name", "etag", separator="\n").hash(0).sum()).item() or 0)


def _segment(tree: dict[str, Any]) -> Segment:
    return Segment(name=tree["name"], until=_instant(tree["until"]), digest=Digest(**tree["digest"]))


def _digest_tree(digest: Digest) -> dict[str, int]:
    return {"files": digest.files, "versions": digest.versions, "open": digest.open}


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _printed(rows: pl.DataFrame, metadata: dict[str, str] | None = None) -> bytes:
    data = io.BytesIO()
    rows.write_parquet(data, compression="lz4", metadata=metadata)
    return data.getvalue()


def _parsed(data: bytes) -> pl.DataFrame | None:
    try:
        rows = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, ValueError):
        return None
    return rows if rows.schema == pl.Schema(ROWS) else None
