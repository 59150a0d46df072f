"""Staged parts, each of which names the receipt that may hold it in force, so that a day finds the receipts of its own rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from itertools import takewhile
from pathlib import Path

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.errors import EnginePanicError, panics_as_errors
from processing.domain.streams import Stream
from processing.ports import BlobInfo, BlobStore
from processing.stored import name_metadata
from processing.stored.write_once import write_once

_RECEIPT, _ROWS = "receipt", "rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPart:
    """A part as a listing shows it."""

    part: PartName
    size: int
    """Bytes."""
    receipt: str | None
    """Name of the receipt of the upload that it was made of; None for a part that an older program wrote."""
    rows: int | None
    """None likewise."""
    modified: datetime
    """By the service's clock."""


def stage_part(lake: BlobStore, part: PartName, path: Path, receipt: str, rows: int) -> None:
    """Store a part of an attempt."""
    metadata = {_RECEIPT: name_metadata.to_metadata(receipt), _ROWS: str(rows)}
    write_once(lake, blob_names.STAGED_CONTAINER, str(part), path, metadata=metadata)


def list_parts(lake: BlobStore, stream: Stream, day: date) -> list[ListedPart]:
    """The parts of a day that are there now, in force or not."""
    infos = lake.list_blobs(blob_names.STAGED_CONTAINER, blob_names.parts_prefix(stream, day), metadata=True)
    return list(_parts(infos))


def list_parts_of_days(lake: BlobStore, stream: Stream, first: date, last: date) -> Iterator[ListedPart]:
    """The parts of a run of days, by one listing that ends behind them."""
    folder, start = blob_names.parts_prefix(stream), blob_names.parts_prefix(stream, first)
    infos = lake.list_blobs(blob_names.STAGED_CONTAINER, folder, start=start, metadata=True)
    return takewhile(lambda each: each.part.day <= last, _parts(infos))


def _parts(infos: Iterable[BlobInfo]) -> Iterator[ListedPart]:
    for info in infos:
        part = PartName.parse(info.name)
        if part is not None:
            yield ListedPart(
                part=part,
                size=info.size,
                receipt=name_metadata.from_metadata(info.metadata.get(_RECEIPT)),
                rows=int(info.metadata[_ROWS]) if info.metadata.get(_ROWS, "").isdecimal() else None,
                modified=info.last_modified,
            )


def count_staged(parts: Iterable[ListedPart]) -> tuple[int, int]:
    """How many uploads have rows among the parts of a day, and how many rows, by what a listing tells.

    Of an upload that was staged several times its youngest attempt counts. Only its receipt knows whether that is in force;
    this is what a day shows before its publication counts exactly.
    """
    youngest: dict[str, ListedPart] = {}
    rows: Counter[str] = Counter()
    for each in parts:
        rows[each.part.attempt] += each.rows or 0
        key = each.receipt or each.part.attempt
        if key not in youngest or youngest[key].modified < each.modified:
            youngest[key] = each
    return len(youngest), sum(rows[each.part.attempt] for each in youngest.values())


def is_readable(data: bytes, *, rows: int | None = None) -> bool:
    """Whether the bytes of a part are Parquet that can be read to its end, with so many rows where that is known."""
    import polars as pl  # noqa: PLC0415 - for what is damaged, which is not often

    try:
        with panics_as_errors():
            found = pl.read_parquet(BytesIO(data)).height
    except (pl.exceptions.PolarsError, OSError, ValueError, EnginePanicError):
        return False
    return rows is None or rows == found
