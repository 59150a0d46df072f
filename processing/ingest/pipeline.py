"""Reads and validates the batches of an upload beside each other, and gives their results in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from processing.frames.ordered_pool import WORKERS, in_order
from processing.ingest.readers.raw_batches import BatchTask, BrokenRecords, Numbering, RawReader, renumbered
from processing.ingest.receipt_warnings import WarningCounts, warning_counts
from processing.ingest.routes import Route, routed
from processing.ingest.staging import DayRows, divide

_IN_FLIGHT: Final = WORKERS + 1
"""Batches that are held at once, so that no reader waits for the next to be cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSplit:
    """What one route made of a batch."""

    route: Route
    accepted: DayRows
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


def splits(reader: RawReader, routes: Sequence[Route], pool: ThreadPoolExecutor | None) -> Iterator[Split]:
    """Every batch of the upload, in order, with record and line numbers of the file; without a pool in this thread alone."""
    numbering = Numbering(reader.lines_before)

    def work(task: BatchTask) -> tuple[Split, tuple[int, int] | None]:
        batch = task()
        split = Split(read=batch.read, broken=batch.broken, routes=tuple(_split(*each) for each in routed(batch.frame, routes)))
        return split, None if batch.lines is None else (batch.read, batch.lines)

    for split, counts in in_order(work, reader.batch_tasks(), pool, most=_IN_FLIGHT):
        yield split if counts is None else _renumbered(split, *numbering.next(*counts))


def _split(route: Route, kept: pl.DataFrame, filtered: int) -> RouteSplit:
    accepted, rejected = route.validator.split(kept)
    return RouteSplit(
        route=route,
        accepted=divide(accepted, route.day),
        rejected=rejected,
        filtered=filtered,
        warning_counts=warning_counts(route, kept, accepted),
    )


def _renumbered(split: Split, records: int, lines: int) -> Split:
    parts = (replace(part, rejected=renumbered(part.rejected, records, lines)) for part in split.routes)
    return replace(split, broken=split.broken.renumbered(records, lines), routes=tuple(parts))
