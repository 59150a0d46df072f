"""What every reader yields: bounded batches of raw records, and the records that could not even be taken apart.

A reader answers two questions about each record, which number it has and on which line it begins, and nothing about
what its values mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import polars as pl

RECORD: Final = "__record"
"""Column of record numbers, Int64, from 1."""
LINE: Final = "__line"
"""Column of physical lines on which records begin, Int64, from 1; null for formats without lines."""
RAW: Final = "__text"
"""Column of whole records as text, String; only for formats whose records are text of their own (NDJSON)."""


Piece = Callable[[], "RawBatch"]
"""Reads one batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRecord:
    """A record that could not be taken apart into values."""

    record: int
    line: int | None
    rule: str
    hint: str
    raw: str
    """The record as uploaded; bytes that are not UTF-8 are shown as \\xNN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBatch:
    """A run of records in the order of the file."""

    frame: pl.DataFrame
    """Columns `0`, `1`, ... in the order of the header and of the reader's dtypes, then RECORD, LINE and maybe RAW."""
    broken: tuple[BrokenRecord, ...] = ()
    lines: int | None = None
    """Physical lines of a batch whose records and lines are counted from its own beginning; None where they are counted
    from the file's."""

    @property
    def read(self) -> int:
        """Records in this batch, broken ones included."""
        return self.frame.height + len(self.broken)


class RawReader(Protocol):
    """An upload being read."""

    @property
    def header(self) -> tuple[str, ...]:
        """Column names as uploaded."""
        ...

    @property
    def dtypes(self) -> tuple[pl.DataType, ...]:
        """What the columns hold: String where the format has only text, the file's own types otherwise."""
        ...

    @property
    def lines_before(self) -> int:
        """Physical lines before the first record; 0 where the batches count from the file's beginning."""
        ...

    def pieces(self) -> Iterator[Piece]:
        """The records, once, in order; a piece may be read in any thread, also beside others.

        CustomerError, from the iterator or from a piece, when the file as a whole is unreadable.
        """
        ...


@dataclass(slots=True)
class Numbering:
    """Counts records and lines from one batch to the next, for those that count from their own beginning."""

    lines: int = 0
    """Physical lines so far."""
    records: int = field(default=0, init=False)

    def next(self, records: int, lines: int) -> tuple[int, int]:
        """What must be added to the numbers of the next batch in the file, which has so many records and lines."""
        before = (self.records, self.lines)
        self.records += records
        self.lines += lines
        return before


def moved(frame: pl.DataFrame, records: int, lines: int) -> pl.DataFrame:
    """The frame with so much added to its record numbers, and to its line numbers where it has them."""
    if not records and not lines:
        return frame
    by = {RECORD: records, LINE: lines}
    return frame.with_columns(pl.col(name) + by[name] for name in by if name in frame.columns)


def moved_broken(broken: tuple[BrokenRecord, ...], records: int, lines: int) -> tuple[BrokenRecord, ...]:
    """Broken records with so much added to their numbers."""
    if not records and not lines:
        return broken
    return tuple(
        replace(each, record=each.record + records, line=None if each.line is None else each.line + lines) for each in broken
    )
