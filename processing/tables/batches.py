"""What every reader yields: bounded batches of raw records, and the records that could not even be taken apart.

A reader answers two questions about each record, which number it has and on which line it begins, and nothing about
what its values mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import polars as pl

RECORD: Final = "__record"
"""Column of record numbers, Int64, from 1."""
LINE: Final = "__line"
"""Column of physical lines on which records begin, Int64, from 1; null for formats without lines."""
RAW: Final = "__text"
"""Column of whole records as text, String; only for formats whose records are text of their own (NDJSON)."""


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

    def batches(self) -> Iterator[RawBatch]:
        """The records, once; CustomerError when the file as a whole is unreadable."""
        ...
