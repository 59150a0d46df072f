"""CSV as raw batches: every record numbered, every broken one set aside, none lost (contract sections 3 and 5).

Blocks of about 4 MiB are cut at record ends. A block in which nothing is unusual proves itself sound by its number of
delimiters; from any other the broken records are taken out first, so that the engine reads the rest at once.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from functools import partial
from typing import Final, NoReturn

import numpy as np
import polars as pl

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.ingest.bounds import LONGEST_RECORD, MOST_COLUMNS
from processing.ingest.readers.byte_queue import ByteQueue
from processing.ingest.readers.csv.record_scanner import (
    CsvBlock,
    Damage,
    Dialect,
    Offsets,
    count_byte,
    cut_records,
    fields_of,
    with_damage_marked,
)
from processing.ingest.readers.raw_batches import HINT, LINE, RAW, RECORD, RULE, BatchTask, BrokenRecords, RawBatch, RawReader
from schemas.rule_codes import RuleCode

_BLOCK: Final = 4 * 1024 * 1024
_HEADER_BLOCK: Final = 64 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_ARCHIVES: Final = tuple(b"x" + bytes([second]) for second in (0x01, 0x5E, 0x9C, 0xDA))
"""What the engine takes for the beginning of a zlib archive."""
_MAGIC: Final = 4
"""Bytes that tell the other archives that the engine knows; none of them is ASCII."""

_RULES: Final = {
    Damage.QUOTING: RuleCode.BROKEN_QUOTING.value,
    Damage.ENCODING: RuleCode.NOT_UTF8.value,
    Damage.FIELD_COUNT: RuleCode.WRONG_FIELD_COUNT.value,
}
_HINTS: Final = {
    Damage.QUOTING: "quote the whole field, and write a quote inside it twice",
    Damage.ENCODING: "save the file as UTF-8",
}
_BARE_CR: Final = re.compile(rb"\r(?!\n)")


class CsvReader(RawReader):
    """Reads plain CSV bytes; the header is read at once, the records by `batches`.

    Raises CustomerError for an empty file, a header that is not UTF-8 or has too many columns, and a record that is too
    long.
    """

    def __init__(self, chunks: Iterator[bytes], dialect: Dialect | None = None) -> None:
        self._dialect = dialect or Dialect()
        self._bytes = ByteQueue(chunks)
        self._lines = 0
        self._header = self._read_header()
        self._lines_before = self._lines
        fields = f"write {len(self._header)} fields, as the header does, and quote fields that hold a delimiter"
        self._hints = {**_HINTS, Damage.FIELD_COUNT: fields}

    @property
    def header(self) -> tuple[str, ...]:
        """Column names as uploaded."""
        return self._header

    @property
    def dtypes(self) -> tuple[pl.DataType, ...]:
        """CSV holds text."""
        return (pl.String(),) * len(self._header)

    @property
    def lines_before(self) -> int:
        """Physical lines up to the end of the header."""
        return self._lines_before

    def batch_tasks(self) -> Iterator[BatchTask]:
        """All records, once, in order."""
        for block in self._blocks(_BLOCK):
            yield partial(self._batch, block)

    def _read_header(self) -> tuple[str, ...]:
        self._bytes.fill(len(_BOM))
        mark = self._bytes.take(len(_BOM))
        if mark != _BOM:
            self._bytes.put_back(mark)
        # Reading a block at a time finds the header even behind blank lines and with quoted newlines in it.
        for cut in self._blocks(_HEADER_BLOCK):
            block = with_damage_marked(cut, self._dialect)
            if len(block) == 0:
                continue
            if not block.sound[0]:
                hint = _HINTS[Damage(block.damage[0])] if block.damage is not None else ""
                raise CustomerError(RefusalCode.UNREADABLE_HEADER, f"the first line is not a CSV header: {hint}")
            (raw,) = block.raw(np.zeros(1, np.int64))
            last_line = 0 if block.last is None else int(block.last[0])
            self._bytes.put_back(block.data[int(block.stops[0]) + 1 :])
            self._lines += last_line + 1 - block.line_count
            names = self._names(raw.decode("utf-8"))
            if len(names) > MOST_COLUMNS:
                raise CustomerError(
                    RefusalCode.TOO_MANY_COLUMNS, f"the header has {len(names):,} columns; at most {MOST_COLUMNS:,} are read"
                )
            return tuple(names)
        raise CustomerError(RefusalCode.EMPTY_FILE, "the file has no header line")

    def _names(self, line: str) -> list[str]:
        if "\r" in line:
            raise CustomerError(RefusalCode.UNREADABLE_HEADER, "end lines with LF or CRLF: the first line holds a bare CR")
        return fields_of(line, self._dialect)

    def _blocks(self, size: int) -> Iterator[CsvBlock]:
        wanted = size
        while True:
            self._bytes.fill(wanted + 1)
            final = self._bytes.is_all_here
            held = len(self._bytes)
            if final and held and self._bytes.rfind(b"\n", held) < held - 1:
                self._bytes.append(b"\n")
                held += 1
            # No more than was asked for, however much has arrived, so that the same bytes always give the same blocks.
            end = self._bytes.rfind(b"\n", wanted) + 1
            if end == 0:
                if final and not held:
                    return
                if min(held, wanted) > LONGEST_RECORD:
                    self._refuse_long()
                wanted *= 2
                continue
            data = self._bytes.take(end)
            block, used = cut_records(data, self._dialect, final=final and end == held, longest=LONGEST_RECORD)
            self._bytes.put_back(data[used:])
            if used == 0:
                wanted *= 2
                continue
            if used > LONGEST_RECORD and block.longest() > LONGEST_RECORD:
                self._refuse_long()
            wanted = size
            self._lines += block.line_count
            yield block

    def _refuse_long(self) -> NoReturn:
        raise CustomerError(
            RefusalCode.RECORD_TOO_LONG,
            f"a record from line {self._lines + 1:,} on is longer than 16 MiB: is this CSV with newlines?",
        )

    def _batch(self, block: CsvBlock) -> RawBatch:
        """The records of a block, counted from its beginning."""
        frame = self._parse_fast(block)
        if frame is None:
            return self._parse_isolating(block)
        numbers = pl.int_range(1, frame.height + 1, eager=True)
        return RawBatch(frame=frame.with_columns(numbers.alias(RECORD), numbers.alias(LINE)), lines=frame.height)

    def _parse_fast(self, block: CsvBlock) -> pl.DataFrame | None:
        """The block as the engine reads it, where that proves that every line is one sound record; else None.

        The engine fails on a record with too many fields and on bytes that are not UTF-8, and fills up a record with too few.
        So a block is sound when it has as many delimiters as its records must have; blank lines have none. Where fields are
        quoted this proves nothing: a delimiter inside one may stand in for one that is missing elsewhere.
        """
        data, delimiters = block.data, len(self._header) - 1
        if delimiters == 0 or self._dialect.quote in data or _has_bare_cr(data):
            return None
        if data.startswith(_ARCHIVES) or not data[:_MAGIC].isascii():
            return None
        if count_byte(data, self._dialect.delimiter[0]) != block.line_count * delimiters:
            return None
        try:
            frame = self._read(data)
        except pl.exceptions.PolarsError:
            return None
        return frame if frame.height == block.line_count else None

    def _parse_isolating(self, cut: CsvBlock) -> RawBatch:
        """A block with anything unusual in it."""
        block = with_damage_marked(cut, self._dialect, len(self._header))
        # A header of our own keeps bytes of the file from being taken for an archive.
        head = self._dialect.delimiter.join(b"%d" % number for number in range(len(self._header))) + b"\n"
        frame = self._read_sound(block.sound_data(head))
        sound, broken = np.flatnonzero(block.sound), np.flatnonzero(~block.sound)
        if frame.height != len(sound):
            raise AssertionError("records that are sound one by one are not sound together")
        return RawBatch(
            frame=frame.with_columns(_places(block, sound)), broken=self._broken(block, broken), lines=block.line_count
        )

    def _read_sound(self, data: bytes) -> pl.DataFrame:
        """Sound records below a header, as text columns `0`, `1`, ..."""
        carriage = _stand_in(data) if _has_bare_cr(data) else None
        if carriage is not None:
            data = _BARE_CR.sub(carriage, data)  # a CR before an LF belongs to it, also inside quotes
        frame = self._read(data, has_header=True)
        if carriage is not None:
            frame = frame.with_columns(pl.all().str.replace_all(carriage.decode(), "\r", literal=True))
        # The engine tells an empty field in quotes from one without.
        return frame.with_columns(pl.when(pl.all() != "").then(pl.all())) if self._dialect.quote in data else frame

    def _read(self, data: bytes, *, has_header: bool = False) -> pl.DataFrame:
        return pl.read_csv(
            data,
            has_header=has_header,
            schema={str(number): pl.String for number in range(len(self._header))},
            separator=self._dialect.delimiter.decode(),
            quote_char=self._dialect.quote.decode(),
            # Even an empty list of them slows the engine down by half.
            null_values=list(self._dialect.null_values) or None,
        )

    def _broken(self, block: CsvBlock, records: Offsets) -> BrokenRecords:
        if not len(records) or block.damage is None:
            return BrokenRecords()
        kinds = pl.Series(block.damage[records])
        texts = [raw.decode("utf-8", "backslashreplace") for raw in block.raw(records)]
        return BrokenRecords(
            pl.DataFrame(
                [
                    *_places(block, records),
                    kinds.replace_strict(_RULES, return_dtype=pl.String).alias(RULE),
                    kinds.replace_strict(self._hints, return_dtype=pl.String).alias(HINT),
                    pl.Series(RAW, texts, pl.String),
                ]
            )
        )


def _places(block: CsvBlock, records: Offsets) -> list[pl.Series]:
    """RECORD and LINE of some records of a block, from its beginning."""
    lines = records if block.first is None else block.first[records]
    return [pl.Series(RECORD, records + 1, pl.Int64), pl.Series(LINE, lines + 1, pl.Int64)]


def _has_bare_cr(data: bytes) -> bool:
    """Whether a CR stands elsewhere than before LF; the engine would drop it from the end of an unquoted field."""
    return b"\r" in data and data.count(b"\r") > data.count(b"\r\n")


def _stand_in(data: bytes) -> bytes:
    """A mark that does not occur in `data` and, as it ends otherwise than it begins, not even across others of its kind.

    Drawn anew for each block: whoever could foresee it would fill the file with marks, each of which costs a look at all of it.
    """
    while True:
        # Of the private planes, as no delimiter and no quote is beyond ASCII.
        mark = (chr(0xF0000 + secrets.randbelow(0xFFFE)) + chr(0x100000 + secrets.randbelow(0xFFFE))).encode()
        if mark not in data:
            return mark
