"""Reads and validates the pieces of an upload beside each other, and gives their results in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from processing.frames.ordered_pool import WORKERS, in_order
from processing.ingest.notices import Noticed, notice
from processing.ingest.readers.raw_batches import BrokenRecords, Numbering, Piece, RawReader, moved
from processing.ingest.routes import Lane, divided
from processing.ingest.staging import DayRows, divide

_IN_FLIGHT: Final = WORKERS + 1
"""Pieces that are held at once, so that no reader waits for the next to be cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSplit:
    """What one lane made of a batch."""

    lane: Lane
    accepted: DayRows
    rejected: pl.DataFrame
    filtered: int
    """Records that `where` dropped."""
    noticed: Noticed


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A batch, split into accepted and rejected rows."""

    read: int
    broken: BrokenRecords
    lanes: tuple[LaneSplit, ...]


def splits(reader: RawReader, lanes: Sequence[Lane], pool: ThreadPoolExecutor | None) -> Iterator[Split]:
    """Every batch of the upload, in order, with record and line numbers of the file; without a pool in this thread alone."""
    numbering = Numbering(reader.lines_before)

    def work(piece: Piece) -> tuple[Split, tuple[int, int] | None]:
        batch = piece()
        split = Split(read=batch.read, broken=batch.broken, lanes=tuple(_split(*each) for each in divided(batch.frame, lanes)))
        return split, None if batch.lines is None else (batch.read, batch.lines)

    for split, counts in in_order(work, reader.pieces(), pool, most=_IN_FLIGHT):
        yield split if counts is None else _moved(split, *numbering.next(*counts))


def _split(lane: Lane, kept: pl.DataFrame, filtered: int) -> LaneSplit:
    accepted, rejected = lane.validator.split(kept)
    return LaneSplit(
        lane=lane,
        accepted=divide(accepted, lane.day),
        rejected=rejected,
        filtered=filtered,
        noticed=notice(lane, kept, accepted),
    )


def _moved(split: Split, records: int, lines: int) -> Split:
    parts = (replace(part, rejected=moved(part.rejected, records, lines)) for part in split.lanes)
    return replace(split, broken=split.broken.moved(records, lines), lanes=tuple(parts))
