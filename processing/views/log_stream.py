"""Rows as they come in, those of the newest uploads first (contract section 7).

Nothing is read without a bound: in one answer so many receipts, parts and rows are looked at, and of each part its first
rows. What is left follows with the next page. Rows over HTTP that are no upload yet stand before all uploads.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import polars as pl

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.documents import from_json
from processing.domain.readiness.marker_manifest import folders_of
from processing.domain.receipts import Receipt
from processing.ingest.ingest_file import IngestRequest, ingest_file
from processing.ingest.readers.random_access import InMemoryFile
from processing.ingest.staging import LocalPart
from processing.ports import BlobInfo
from processing.stored.context import JobContext
from processing.stored.customer_config import for_plain_rows
from processing.stored.journal import has_journal, read_tails
from processing.stored.staged_rows import first_rows
from processing.views.log_rows import COLUMNS, LogFilter, LogRow, rows_of
from schemas.customer_config import CustomerConfig

ROWS_OF_PART: Final = 10_000
"""Of one day of an upload, or of a million rows of it, so many are shown."""
BEHIND: Final = 1_000_000_000
"""The position of a part that no upload has: behind all of them."""
_LISTED: Final = 100_000
_RECEIPTS: Final = 50
_PARTS: Final = 50
_ROWS: Final = 100_000
"""What one answer looks at."""
_SEGMENTS: Final = 20
_TAIL: Final = 128 * 1024
"""Bytes at the end of each."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where a page ends: behind this row. Later uploads come first, and rows as they stand in them."""

    changed: datetime
    """When the upload's receipt was written."""
    receipt: str
    part: int = 0
    """Its position among the upload's parts."""
    row: int = 0
    """How many rows of the part stand before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Part of the stream."""

    rows: list[LogRow]
    following: Place | None
    """Where the next page goes on; None at the end."""
    is_complete: bool
    """Whether all receipts were listed: of very many, a part is."""


NEWEST: Final = Place(changed=datetime.max.replace(tzinfo=UTC), receipt="")
"""Before all uploads."""


def log_page(
    context: JobContext, customer: str, config: CustomerConfig, shown: LogFilter, *, after: Place | None, limit: int
) -> LogPage:
    """At most `limit` rows, fewer where what may be looked at is used up first."""
    rows: list[LogRow] = []
    if after is None:
        arriving = filter(shown.takes, _arriving(context, customer, config, shown.dataset))
        rows += islice(arriving, limit)
        after = NEWEST
        if len(rows) == limit:
            return LogPage(rows=rows, following=after, is_complete=True)
    listed, is_complete = _newest(context, customer, shown.dataset, after)
    looked = _Look(context=context, customer=customer, shown=shown)
    for info in listed[:_RECEIPTS]:
        is_begun = (info.last_modified, info.name) == (after.changed, after.receipt)
        begin = after if is_begun else Place(changed=info.last_modified, receipt=info.name)
        for row, place in looked.rows(begin):
            after = place
            if row is not None:
                rows.append(row)
            if len(rows) == limit or looked.is_over:
                return LogPage(rows=rows, following=after, is_complete=is_complete)
        after = Place(changed=info.last_modified, receipt=info.name, part=BEHIND)
    following = after if len(listed) > _RECEIPTS else None
    return LogPage(rows=rows, following=following, is_complete=is_complete)


@dataclass(slots=True, kw_only=True)
class _Look:
    """What one answer reads."""

    context: JobContext
    customer: str
    shown: LogFilter
    parts: int = 0
    examined: int = 0

    @property
    def is_over(self) -> bool:
        return self.parts >= _PARTS or self.examined >= _ROWS

    def rows(self, begin: Place) -> Iterator[tuple[LogRow | None, Place]]:
        """The rows of an upload from a place on that are shown, each with the place behind it; None for the end of a part."""
        found = self.context.drop.get(blob_names.receipts_container(self.customer), begin.receipt)
        receipt = None if found is None else from_json(Receipt, found[0])
        if receipt is None or receipt.in_force is None:
            return
        parts = [part for each in receipt.in_force.parts if (part := PartName.parse(each.name)) is not None]
        parts.sort(key=lambda part: (-part.day.toordinal(), part.dataset, part.number))
        for number, part in list(enumerate(parts))[begin.part :]:
            if self.shown.dataset not in (None, part.dataset):
                continue
            self.parts += 1
            skip = begin.row if number == begin.part else 0
            frames = first_rows(self.context.lake, str(part), COLUMNS[part.dataset], skip=skip, most=ROWS_OF_PART)
            for frame in frames:
                for row in rows_of(frame, part.dataset, receipt.in_force.last_modified, receipt.blob):
                    skip += 1
                    self.examined += 1
                    if self.shown.takes(row):
                        yield row, _at(begin, number, skip)
                if self.is_over:
                    yield None, _at(begin, number, skip)
            yield None, _at(begin, number + 1, 0)


def _at(place: Place, part: int, row: int) -> Place:
    return Place(changed=place.changed, receipt=place.receipt, part=part, row=row)


def _newest(context: JobContext, customer: str, dataset: Dataset | None, after: Place) -> tuple[list[BlobInfo], bool]:
    """The receipts that changed last, up to a place, the newest first; and whether these are the newest of all."""
    datasets = DATA_DATASETS if dataset is None else (dataset,)
    folders = sorted({folder for each in datasets for folder in folders_of(each)})
    container = blob_names.receipts_container(customer)
    infos = (info for folder in folders for info in context.drop.list_blobs(container, folder))
    listed = 0

    def receipts() -> Iterator[BlobInfo]:
        nonlocal listed
        for info in islice(infos, _LISTED):
            listed += 1
            if blob_names.is_receipt(info.name) and _is_left(info, after):
                yield info

    newest = heapq.nlargest(_RECEIPTS + 1, receipts(), key=lambda info: (info.last_modified, info.name))
    return newest, listed < _LISTED


def _is_left(info: BlobInfo, after: Place) -> bool:
    """Whether an upload, by its receipt, has something behind a place, as far as that is known."""
    key, end = (info.last_modified, info.name), (after.changed, after.receipt)
    return key < end or (key == end and after.part < BEHIND)


def _arriving(context: JobContext, customer: str, config: CustomerConfig, dataset: Dataset | None) -> Iterator[LogRow]:
    """The last rows over HTTP that are no upload yet, the newest first; read by the engine that reads the upload."""
    if not has_journal(context, customer):
        return
    for segment, info, data in read_tails(context, customer, dataset, segments=_SEGMENTS, length=_TAIL):
        frames: list[tuple[Dataset, pl.DataFrame]] = []

        def emit(own: Dataset, part: LocalPart, frames: list[tuple[Dataset, pl.DataFrame]] = frames) -> None:
            frames.append((own, pl.read_parquet(part.path)))

        request = IngestRequest(
            name="rows.ndjson",
            dataset=segment.dataset,
            uploaded_at=info.last_modified,
            zone=context.zone,
            config=for_plain_rows(config),
            are_answered=True,
        )
        with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch:
            ingest_file(request, InMemoryFile(data), scratch=Path(scratch), emit=emit)
        for own, frame in frames:
            yield from reversed(list(rows_of(frame, own, info.last_modified, None)))
