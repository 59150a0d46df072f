"""Reads and validates the batches of an upload beside each other, and gives their results in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum, auto
from typing import Final

import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.reasons import WarningCode
from processing.frames.ordered_pool import WORKERS, in_order
from processing.ingest.readers.raw_batches import RECORD, BatchTask, BrokenRecords, Numbering, RawBatch, RawReader, renumbered
from processing.ingest.readers.upload_form import UploadedRecords
from processing.ingest.receipt_warnings import WarningCounts, warning_counts
from processing.ingest.routes import Route, routed
from processing.ingest.same_keys import accepted_records
from processing.ingest.staging import DayRows, divide
from processing.ingest.wide_tables import long_rows

_IN_FLIGHT: Final = WORKERS + 1
"""Batches that are held at once, so that no reader waits for the next to be cut."""
_ROW: Final = 100
"""Bytes of a record in memory, besides its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSplit:
    """What one route made of a batch."""

    route: Route
    accepted: DayRows
    """Its rows, of which a record of a wide table may be several."""
    days: Mapping[date, int]
    """The records that they come from, by day."""
    rejected: pl.DataFrame
    filtered: int
    """Records that `where` dropped."""
    warning_counts: WarningCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A batch, split into accepted and rejected rows."""

    read: int
    broken: BrokenRecords
    routes: tuple[RouteSplit, ...]
    left_out: Mapping[WarningCode, int] = field(default_factory=dict)
    """Records that the reader itself filtered, by the warning that tells of them."""
    uploaded: UploadedRecords | None = None
    """The rejected records as they stand in the upload, where they are asked for."""


class Wanted(Enum):
    """Which rejected records are wanted as they stand in the upload."""

    NONE = auto()
    SOUND = auto()
    """Those that can be taken apart."""
    ALL = auto()


def splits(
    reader: RawReader, routes: Sequence[Route], pool: ThreadPoolExecutor | None, wanted: Wanted = Wanted.NONE
) -> Iterator[Split]:
    """Every batch of the upload, in order, with record and line numbers of the file; without a pool in this thread alone."""
    numbering = Numbering(reader.lines_before)

    def work(task: BatchTask) -> tuple[Split, tuple[int, int] | None]:
        batch = task()
        parts = tuple(_split(*each) for each in routed(batch.frame, routes))
        uploaded = None if wanted is Wanted.NONE else _uploaded(batch, parts, with_broken=wanted is Wanted.ALL)
        split = Split(read=batch.read, broken=batch.broken, routes=parts, left_out=batch.left_out, uploaded=uploaded)
        return split, None if batch.lines is None else (batch.read, batch.lines)

    for split, counts in in_order(work, reader.batch_tasks(), pool, most=_IN_FLIGHT):
        yield split if counts is None else _renumbered(split, *numbering.next(*counts))


def _uploaded(batch: RawBatch, parts: Sequence[RouteSplit], *, with_broken: bool) -> UploadedRecords | None:
    """The records that were rejected, and no others: a batch without any costs nothing here."""
    numbers = [part.rejected.get_column(RECORD) for part in parts if part.rejected.height]
    if with_broken and len(batch.broken):
        numbers.append(batch.broken.frame.get_column(RECORD))
    if not numbers or batch.uploaded is None:
        return None
    records = pl.concat(numbers).sort()
    rows = batch.uploaded(records.to_numpy())
    size = sum(map(len, rows)) + _ROW * len(rows) if isinstance(rows, list) else rows.nbytes
    return UploadedRecords(records=records, rows=rows, size=size)


def _split(route: Route, kept: pl.DataFrame, filtered: int) -> RouteSplit:
    accepted, rejected = route.validator.split(kept)
    records = accepted_records(kept, rejected) if route.dataset is Dataset.METRICS else None
    rows = accepted
    if route.values and records is not None:
        rows, records = long_rows(accepted, records, route.values)
    divided = divide(rows, route.day)
    # A record counts once, however many values it has.
    of_records = divide(accepted, route.day) if route.values else divided
    return RouteSplit(
        route=route,
        accepted=divided,
        days={day: frame.height for day, frame in of_records.frames.items()},
        rejected=rejected,
        filtered=filtered,
        warning_counts=warning_counts(route, kept, rows, records),
    )


def _renumbered(split: Split, records: int, lines: int) -> Split:
    parts = (
        replace(
            part,
            rejected=renumbered(part.rejected, records, lines),
            warning_counts=part.warning_counts.renumbered(records),
        )
        for part in split.routes
    )
    uploaded = None if split.uploaded is None else split.uploaded.renumbered(records)
    return replace(split, broken=split.broken.renumbered(records, lines), routes=tuple(parts), uploaded=uploaded)
