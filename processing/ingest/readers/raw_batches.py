"""What every reader yields: bounded batches of raw records, and the records that could not even be taken apart.

A reader answers two questions about each record, which number it has and on which line it begins, and nothing about
what its values mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from processing.domain.reasons import WarningCode
from processing.ingest.readers.upload_form import UploadForm
from schemas.rule import Rule

RECORD: Final = "__record"
"""Column of record numbers, Int64, from 1."""
LINE: Final = "__line"
"""Column of physical lines on which records begin, Int64, from 1; null for formats without lines."""
RAW: Final = "__text"
"""Column of whole records as text, String: of broken records, and of formats whose records are text of their own (NDJSON)."""
RULE: Final = "__rule"
"""Column of what a broken record breaks, String."""
HINT: Final = "__hint"
"""Column of how to fix a broken record, String."""
_HEAD_LINES: Final = 30
_BROKEN: Final = {RECORD: pl.Int64, LINE: pl.Int64, RULE: pl.String, HINT: pl.String, RAW: pl.String}


BatchTask = Callable[[], "RawBatch"]
"""Reads one batch."""
Uploaded = Callable[[npt.NDArray[np.int64]], Any]
"""For ascending record numbers of a batch, as the batch has them, the records as uploaded: see `UploadedRecords.rows`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRecord:
    """A record that could not be taken apart into values."""

    record: int
    line: int | None
    rule: str
    hint: str
    raw: str
    """The record as uploaded; bytes that are not UTF-8 are shown as \\xNN."""


class BrokenRecords:
    """The broken records of a batch, column by column, because a bad file has many of them."""

    __slots__ = ("frame",)

    def __init__(self, frame: pl.DataFrame | None = None) -> None:
        self.frame: Final = pl.DataFrame(schema=_BROKEN) if frame is None else frame.select(list(_BROKEN))
        """RECORD and LINE (Int64), RULE, HINT and RAW (String), in the order of the file."""

    @classmethod
    def of(cls, records: Sequence[BrokenRecord]) -> Self:
        """The same as single records."""
        return cls(pl.DataFrame([astuple(each) for each in records], schema=_BROKEN, orient="row") if records else None)

    def __len__(self) -> int:
        return self.frame.height

    def __iter__(self) -> Iterator[BrokenRecord]:
        for record, line, rule, hint, raw in self.frame.iter_rows():
            yield BrokenRecord(record=record, line=line, rule=rule, hint=hint, raw=raw)

    def renumbered(self, records: int, lines: int) -> BrokenRecords:
        """The same with so much added to their numbers."""
        return BrokenRecords(renumbered(self.frame, records, lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBatch:
    """A run of records in the order of the file."""

    frame: pl.DataFrame
    """Columns `0`, `1`, ... in the order of the header and of the reader's dtypes, then RECORD, LINE and maybe RAW."""
    broken: BrokenRecords = field(default_factory=BrokenRecords)
    left_out: Mapping[WarningCode, int] = field(default_factory=dict)
    """Records that are neither in the frame nor broken, and are filtered: how many of which kind."""
    lines: int | None = None
    """Physical lines of a batch whose records and lines are counted from its own beginning; None where they are counted
    from the file's."""
    uploaded: Uploaded | None = None
    """How the records, broken ones too, stand in the file; asked for those alone that are rejected."""

    @property
    def read(self) -> int:
        """Records in this batch, broken ones and those left out included."""
        return self.frame.height + len(self.broken) + sum(self.left_out.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class TextHead:
    """The first lines of a text file, for whoever tells what it looks like."""

    lines: tuple[str, ...]
    """As uploaded, without their ends, from the first on; what is not UTF-8 as \\xNN."""
    delimiter: str
    quote: str
    """Empty where nothing is quoted."""
    has_separator: bool = False
    """Whether the first line tells the delimiter, as Excel writes it."""

    @classmethod
    def of(cls, head: bytes, delimiter: bytes, quote: bytes, *, has_separator: bool = False) -> Self:
        """The lines that `head` holds, of which the last may be cut off."""
        texts = head.split(b"\n", _HEAD_LINES)[:_HEAD_LINES]
        lines = (text.removesuffix(b"\r").decode("utf-8", "backslashreplace") for text in texts)
        return cls(lines=tuple(lines), delimiter=delimiter.decode(), quote=quote.decode(), has_separator=has_separator)


class RawReader(ABC):
    """An upload being read; what stands behind `pieces` a reader says anew where it is otherwise."""

    @property
    @abstractmethod
    def header(self) -> tuple[str, ...]:
        """Column names as uploaded."""

    @property
    @abstractmethod
    def dtypes(self) -> tuple[pl.DataType, ...]:
        """What the columns hold: String where the format has only text, the file's own types otherwise."""

    @property
    @abstractmethod
    def lines_before(self) -> int:
        """Physical lines before the first record; 0 where the batches count from the file's beginning."""

    @property
    @abstractmethod
    def form(self) -> UploadForm:
        """How the file is written."""

    @abstractmethod
    def batch_tasks(self) -> Iterator[BatchTask]:
        """The records, once, in order; a task may be read in any thread, also beside others.

        CustomerError, from the iterator or from a task, when the file as a whole is unreadable.
        """

    @property
    def found(self) -> tuple[str, ...]:
        """The names that are in the file: the first of the header, which may have more that were asked for."""
        return self.header

    @property
    def head(self) -> TextHead | None:
        """The first lines, of a format that has a header of text."""
        return None

    @property
    def has_empty_text(self) -> bool:
        """Whether text may be empty; False where null stands for it throughout."""
        return True

    @property
    def mixes_numbers(self) -> bool:
        """Whether text may come from a number that was no text, as in JSON."""
        return False

    def no_ids(self, position: int) -> pl.Expr | None:  # noqa: ARG002 - for formats that know more than text
        """Which records hold an object, a list or a truth value at this position; None where all is text."""
        return None

    @property
    def used(self) -> Collection[int]:
        """Positions that are no columns of the file to be warned of: not in it, computed, or read by the reader itself."""
        return range(len(self.found), len(self.header))

    @property
    def derived_from(self) -> Mapping[int, frozenset[int]]:
        """Positions of the columns that are computed, each with the uploaded positions that it comes from."""
        return {}

    @property
    def shows_known_alone(self) -> bool:
        """Whether records hold so much that is not read that, where anything is masked, nothing but known names is shown."""
        return False

    @property
    def exposures(self) -> pl.Expr | None:
        """Which records are exposures among those of another dataset, never null; None where no record is."""
        return None

    def wrong_kind(self, named: pl.Expr) -> Rule | None:  # noqa: ARG002 - for those that look
        """The rule against records that do not belong into the file; `named` is what names an event or an exposure of ours."""
        return None

    def narrow(self, positions: Iterable[int]) -> None:  # noqa: B027 - a reader may read all
        """Want only the columns at these positions of the header, for a caller that chooses once it has seen the header."""


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


def renumbered(frame: pl.DataFrame, records: int, lines: int) -> pl.DataFrame:
    """The frame with so much added to its record numbers, and to its line numbers where it has them."""
    if not records and not lines:
        return frame
    by = {RECORD: records, LINE: lines}
    return frame.with_columns(pl.col(name) + by[name] for name in by if name in frame.columns)
