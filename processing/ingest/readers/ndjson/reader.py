"""NDJSON as raw batches: one JSON object a line, every one numbered, every broken one set aside (contract section 3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Final

import numpy as np
import polars as pl

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.ingest.bounds import LONGEST_RECORD, MOST_COLUMNS
from processing.ingest.columns.header import fold
from processing.ingest.readers.byte_queue import ByteQueue
from processing.ingest.readers.ndjson.end_to_end import FileLines, are_end_to_end, on_lines, without_marks
from processing.ingest.readers.ndjson.hints import hint_of, refuse_other_json
from processing.ingest.readers.ndjson.lines import (
    Flaw,
    are_no_ids,
    columns_of,
    flaws_of,
    joined,
    keys_of,
    lines_of,
    lone_surrogates,
    turned_down,
)
from processing.ingest.readers.ndjson.nesting import Offsets
from processing.ingest.readers.raw_batches import HINT, LINE, RAW, RECORD, RULE, BatchTask, BrokenRecords, RawBatch, RawReader
from processing.ingest.readers.segment import FIELDS, MARKS, late_record
from processing.ingest.readers.text_encoding import without_bom, without_end_mark
from processing.ingest.readers.upload_form import NdjsonForm, TextForm, count_columns
from schemas.rule import Rule

_BLOCK: Final = 4 * 1024 * 1024
_HEADER_RECORDS: Final = 1_000
_BLANKS: Final = b" \t\r\n"
_LF: Final = ord("\n")
_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD]")


class NdjsonReader(RawReader):
    """Reads plain NDJSON bytes; the header is read at once from the first records, the records by `batches`.

    Values are text: strings as they are, numbers without exponent or needless zeros and integers with all their digits,
    `true` and `false`, objects and arrays as written. Blank lines are no records. Of a name that stands twice in a record
    the first value counts, and is the one that a rejected row shows.

    Raises CustomerError for JSON that is not one object a line, too many columns, and a record that is too long.
    """

    def __init__(self, chunks: Iterator[bytes], wanted: Sequence[str], text: TextForm | None = None) -> None:
        self._text = text or TextForm()
        self._bytes = ByteQueue(without_end_mark(chunks))
        self._bytes.fill(_BLOCK)
        head = without_bom(self._bytes.take(_BLOCK))
        refuse_other_json(head, {fold(name) for name in (*wanted, *FIELDS)})
        self._is_end_to_end = are_end_to_end(head)
        """Whether lines are of our own making, and tell by marks which are the file's."""
        if self._is_end_to_end:
            self._bytes = ByteQueue(on_lines(chain([head], self._bytes.rest(_BLOCK))))
        else:
            self._bytes.put_back(head)
        blocks = self._blocks()
        first = next(blocks, b"")
        self._pending = chain([first] if first else [], blocks)
        self._found = _names(without_marks(first)[0] if self._is_end_to_end else first)
        # A wanted name that is there in another spelling is left to the match of names, which tells the customer.
        folded = {fold(name) for name in self._found}
        self._header = tuple(dict.fromkeys([*self._found, *(name for name in wanted if fold(name) not in folded)]))

    @property
    def found(self) -> tuple[str, ...]:
        """Names found in the first 1,000 records, at most 1,024."""
        return self._found

    @property
    def header(self) -> tuple[str, ...]:
        """The names found, then the wanted ones that none of these is, even in another spelling; other names are not read."""
        return self._header

    def want(self, names: Sequence[str]) -> None:
        """Read more fields, also where none of the first records has them; to be asked before `batches`."""
        self._header = tuple(dict.fromkeys([*self._header, *names]))

    def wrong_kind(self, named: pl.Expr) -> Rule | None:
        """A record of Segment's behind the first ones, of which none was; None where the fields that tell were not wanted."""
        return late_record(self._header, named) if set(MARKS).issubset(self._header) else None

    def no_ids(self, position: int) -> pl.Expr | None:
        """Which records hold an object, a list or a truth value in a field, and not a text that looks like one."""
        name = self._header[position]
        value = pl.struct(pl.col(str(position)).alias("text"), pl.col(RAW).alias("record"))
        return value.map_batches(partial(are_no_ids, name=name), return_dtype=pl.Boolean)

    @property
    def dtypes(self) -> tuple[pl.DataType, ...]:
        """All values are text."""
        return (pl.String(),) * len(self._header)

    @property
    def has_empty_text(self) -> bool:
        """An empty text of JSON is read as null."""
        return False

    @property
    def mixes_numbers(self) -> bool:
        """Numbers of JSON are text here."""
        return True

    @property
    def lines_before(self) -> int:
        """NDJSON has no header."""
        return 0

    @property
    def form(self) -> NdjsonForm:
        """How the file is written."""
        return NdjsonForm(text=self._text)

    def batch_tasks(self) -> Iterator[BatchTask]:
        """All records, once, in order."""
        for block in self._pending:
            yield partial(self._batch, block)

    def _blocks(self) -> Iterator[bytes]:
        """Whole lines of about 4 MiB, cut at the same places however the bytes arrive."""
        while True:
            self._bytes.fill(_BLOCK + 1)
            end = self._bytes.rfind(b"\n", _BLOCK) + 1
            if self._bytes.is_all_here and len(self._bytes) <= _BLOCK:
                end = len(self._bytes)
            elif end == 0:
                end = self._end_of_long_record()
            if end == 0:
                return
            yield self._bytes.take(end)

    def _end_of_long_record(self) -> int:
        self._bytes.fill(LONGEST_RECORD + 1)
        end = self._bytes.find(b"\n", LONGEST_RECORD + 1) + 1
        if end == 0 and len(self._bytes) > LONGEST_RECORD:
            raise CustomerError(
                RefusalCode.RECORD_TOO_LONG, "a line is longer than 16 MiB: write one JSON object on each line (NDJSON)"
            )
        return end or len(self._bytes)

    def _batch(self, block: bytes) -> RawBatch:
        if not self._is_end_to_end:
            return self._of_lines(block)
        block, of_file = without_marks(block)
        return _at_lines_of_file(self._of_lines(block), of_file)

    def _of_lines(self, block: bytes) -> RawBatch:
        lines = lines_of(block)
        suspicious = lines is None or _SURROGATE_ESCAPE.search(block) is not None
        frame = None if suspicious else columns_of(block, self._header)
        if lines is None or frame is None or frame.height != len(lines):
            return self._parse_isolating(block, lines)
        places = pl.int_range(len(lines), eager=True)
        numbered = _numbered(frame, lines, places, places)
        return RawBatch(frame=numbered, lines=len(lines), uploaded=partial(_uploaded, block, None))

    def _parse_isolating(self, block: bytes, lines: pl.Series | None) -> RawBatch:
        """A block with blank or broken lines in it."""
        undecodable: set[int] = set()
        if lines is None:
            lines, undecodable = _decode(block)
        at_line = lines.str.contains(r"[^ \t\r]").arg_true()
        records = lines.gather(at_line)
        flaws = dict.fromkeys(lone_surrogates(records), Flaw.SURROGATE)
        if undecodable:
            flaws |= {index: Flaw.ENCODING for index, line in enumerate(at_line) if line in undecodable}
        left = [index for index in range(len(records)) if index not in flaws]
        flaws |= {left[index]: flaw for index, flaw in flaws_of(records.gather(left)).items()}
        sound, frame = self._sound(records, flaws)
        if frame is None:
            left = sound.to_list()
            flaws |= {left[index]: Flaw.LIMITS for index in turned_down(records.gather(left))}
            sound, frame = self._sound(records, flaws)
        if frame is None:
            raise AssertionError("lines that are sound one by one are not sound together")
        numbered = _numbered(frame, records.gather(sound), sound, at_line.gather(sound))
        broken = _broken(records, at_line, flaws)
        uploaded = partial(_uploaded, block, at_line.cast(pl.Int64).to_numpy())
        return RawBatch(frame=numbered, broken=broken, lines=len(lines), uploaded=uploaded)

    def _sound(self, records: pl.Series, flaws: Mapping[int, Flaw]) -> tuple[pl.Series, pl.DataFrame | None]:
        """Which records have no flaw, and their columns; None where the engine turns one of them down."""
        sound = pl.Series([index for index in range(len(records)) if index not in flaws], dtype=pl.Int64)
        frame = columns_of(joined(records.gather(sound)), self._header)
        return sound, frame if frame is not None and frame.height == len(sound) else None


def _at_lines_of_file(batch: RawBatch, of_file: FileLines) -> RawBatch:
    frame, broken = (each.with_columns(of_file.numbers(each.get_column(LINE))) for each in (batch.frame, batch.broken.frame))
    return replace(batch, frame=frame, broken=BrokenRecords(broken), lines=of_file.count)


def _broken(records: pl.Series, at_line: pl.Series, flaws: Mapping[int, Flaw]) -> BrokenRecords:
    """The records with flaws, counted from the beginning of their block."""
    places = pl.Series(sorted(flaws), dtype=pl.Int64)
    found = [flaws[index] for index in places]
    texts = records.gather(places)
    return BrokenRecords(
        pl.DataFrame(
            [
                (places + 1).alias(RECORD),
                (at_line.gather(places).cast(pl.Int64) + 1).alias(LINE),
                pl.Series(RULE, [flaw.value for flaw in found], pl.String),
                pl.Series(HINT, list(map(hint_of, found, texts)), pl.String),
                texts.alias(RAW),
            ]
        )
    )


def _numbered(frame: pl.DataFrame, texts: pl.Series, records: pl.Series, lines: pl.Series) -> pl.DataFrame:
    numbers = [(records.cast(pl.Int64) + 1).alias(RECORD), (lines.cast(pl.Int64) + 1).alias(LINE)]
    # The engine's threads leave several chunks, which each column would put together anew wherever it is looked at.
    return frame.hstack([*numbers, texts.alias(RAW)]).rechunk()


def _uploaded(block: bytes, at_line: Offsets | None, records: Offsets) -> list[bytes]:
    """Records of a block by their numbers, with their line ends; `at_line` tells where each stands, None where each line is."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _LF) + 1
    starts = np.append(0, ends)
    lines = records - 1 if at_line is None else at_line[records - 1]
    # The last line may have no end.
    stops = np.append(ends, len(block))[lines]
    return [block[start:stop] for start, stop in zip(starts[lines].tolist(), stops.tolist(), strict=True)]


def _names(block: bytes) -> tuple[str, ...]:
    names: dict[str, None] = {}
    lines = (line for line in block.split(b"\n") if line.strip(_BLANKS))
    for _, line in zip(range(_HEADER_RECORDS), lines, strict=False):
        names.update(dict.fromkeys(keys_of(line)))
    if count_columns(names) > MOST_COLUMNS:
        raise CustomerError(
            RefusalCode.TOO_MANY_COLUMNS, f"the records have {len(names):,} different names; at most {MOST_COLUMNS:,} are read"
        )
    return tuple(names)


def _decode(block: bytes) -> tuple[pl.Series, set[int]]:
    """The lines of a block that is not UTF-8, and the positions of those that are not."""
    lines = []
    undecodable = set()
    for index, line in enumerate(block.removesuffix(b"\n").split(b"\n")):
        try:
            lines.append(line.removesuffix(b"\r").decode())
        except UnicodeDecodeError:
            lines.append(line.removesuffix(b"\r").decode("utf-8", "backslashreplace"))
            undecodable.add(index)
    return pl.Series(lines, dtype=pl.String), undecodable
