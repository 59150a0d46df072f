"""CSV as raw batches: every record numbered, every broken one set aside, none lost (contract sections 3 and 5).

Blocks of about 4 MiB are cut at record ends. A block in which nothing is unusual proves itself sound by its number of
delimiters; from any other the broken records are taken out first, so that the engine reads the rest at once.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final, NoReturn

import numpy as np
import polars as pl

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode, WarningCode
from processing.frames.text_heads import Kinds, TextHeads
from processing.ingest.bounds import LONGEST_RECORD, MOST_COLUMNS
from processing.ingest.readers.byte_queue import ByteQueue
from processing.ingest.readers.csv.escapes import Escapes
from processing.ingest.readers.csv.fix_header import header_for, is_fix
from processing.ingest.readers.csv.hints import hints_for, separator_line, special_hints, unreadable_header
from processing.ingest.readers.csv.record_scanner import (
    CsvBlock,
    Damage,
    Offsets,
    count_byte,
    cut_records,
    delimiter_counts,
    fields_of,
    with_damage_marked,
)
from processing.ingest.readers.dialect import Dialect
from processing.ingest.readers.raw_batches import (
    HINT,
    LINE,
    RAW,
    RECORD,
    RULE,
    BatchTask,
    BrokenRecords,
    RawBatch,
    RawReader,
    TextHead,
)
from processing.ingest.readers.text_encoding import BOM, without_bom, without_end_mark
from processing.ingest.readers.upload_form import CsvForm, TextForm, count_columns
from schemas.rule_codes import RuleCode

_BLOCK: Final = 4 * 1024 * 1024
_HEADER_BLOCK: Final = 64 * 1024
_HEAD: Final = 64 * 1024
_SAMPLE: Final = 64 * 1024
"""Bytes of the first records that tell how wide rows are."""
_ARCHIVES: Final = tuple(b"x" + bytes([second]) for second in (0x01, 0x5E, 0x9C, 0xDA))
"""What the engine takes for the beginning of a zlib archive."""
_MAGIC: Final = 4
"""Bytes that tell the other archives that the engine knows; none of them is ASCII."""

_RULES: Final = {
    Damage.QUOTING: RuleCode.BROKEN_QUOTING.value,
    Damage.ENCODING: RuleCode.NOT_UTF8.value,
    Damage.FIELD_COUNT: RuleCode.WRONG_FIELD_COUNT.value,
}
_BEGIN_BLANK: Final = Kinds.beginning(*range(ord("!")))
_BLANKS: Final = " \t\r"
_BARE_CR: Final = re.compile(rb"\r(?!\n)")


class CsvReader(RawReader):
    """Reads plain CSV bytes; the header is read at once, the records by `batches`.

    Raises CustomerError for an empty file, a header that is not UTF-8 or has too many columns, and a record that is too
    long.
    """

    def __init__(self, chunks: Iterator[bytes], dialect: Dialect | None = None, text: TextForm | None = None) -> None:
        self._dialect = dialect or Dialect()
        self._text = text or TextForm()
        self._escapes = Escapes(self._dialect) if self._dialect.escape else None
        self._bytes = ByteQueue(without_end_mark(self._escapes.marked(chunks) if self._escapes else chunks))
        self._lines = 0
        self._opening = TextHead.of(b"", self._dialect.delimiter, self._dialect.quote)
        self._header_line = b""
        """The header as a record that comes again would be written."""
        self._before = b""
        self._header_end = b"\n"
        self._has_header = False
        self._header = self._read_header()
        first, _, _ = self._header_line.partition(self._dialect.delimiter)
        # Where files are joined, a byte order mark may stand before it.
        self._header_begins = Kinds([*((len(first), byte) for byte in first[:1]), (len(BOM) + len(first), BOM[0])])
        self._lines_before = self._lines
        self._first = next(self._blocks(_BLOCK), None)
        self._fit_width()
        self._nulls = self._dialect.null_values + ((self._dialect.escape.decode() + "N",) if self._dialect.escape else ())
        self._hints = hints_for(self._dialect, len(self._header))

    @property
    def header(self) -> tuple[str, ...]:
        """Column names as uploaded; empty for a column without a name."""
        return self._header

    @property
    def dtypes(self) -> tuple[pl.DataType, ...]:
        """CSV holds text."""
        return (pl.String(),) * len(self._header)

    @property
    def lines_before(self) -> int:
        """Physical lines up to the end of the header."""
        return self._lines_before

    @property
    def has_empty_text(self) -> bool:
        """What is put back where bytes were escaped may be empty."""
        return self._escapes is not None

    @property
    def head(self) -> TextHead:
        """The first lines, and how they were read."""
        return self._opening

    @property
    def form(self) -> CsvForm:
        """How the file is written."""
        header = header_for(self._header_line if self._has_header else None, self._header, self._dialect)
        return CsvForm(
            text=self._text,
            dialect=self._dialect,
            before=self._before,
            header=header if self._escapes is None else self._escapes.as_uploaded(header),
            end=self._header_end,
            names=self._header,
        )

    def batch_tasks(self) -> Iterator[BatchTask]:
        """All records, once, in order."""
        first, self._first = self._first, None
        if first is not None:
            yield partial(self._batch, first)
        for block in self._blocks(_BLOCK):
            yield partial(self._batch, block)

    def _read_header(self) -> tuple[str, ...]:
        self._open()
        if self._dialect.columns and not self._is_fix():
            self._header_line = self._dialect.delimiter.join(name.encode() for name in self._dialect.columns)
            return self._dialect.columns
        # Reading a block at a time finds the header even behind blank lines and with quoted newlines in it.
        for cut in self._blocks(_HEADER_BLOCK):
            block = with_damage_marked(cut, self._dialect, escapes=self._escapes)
            if len(block) == 0:
                continue
            (raw,) = block.raw(np.zeros(1, np.int64))
            if not block.sound[0]:
                damage = Damage.NONE if block.damage is None else Damage(block.damage[0])
                raise CustomerError(RefusalCode.UNREADABLE_HEADER, unreadable_header(raw, damage, self._dialect))
            last_line = 0 if block.last is None else int(block.last[0])
            self._bytes.put_back(cut.data[int(block.stops[0]) + 1 :])
            self._lines += last_line + 1 - block.line_count
            names = self._names(raw)
            if count_columns(names) > MOST_COLUMNS:
                raise CustomerError(
                    RefusalCode.TOO_MANY_COLUMNS, f"the header has {len(names):,} columns; at most {MOST_COLUMNS:,} are read"
                )
            self._header_line, self._has_header = raw, True
            if cut.data[: int(block.stops[0])].endswith(b"\r"):
                self._header_end = b"\r\n"
            return tuple(names)
        raise CustomerError(RefusalCode.EMPTY_FILE, "the file has no header line")

    def _is_fix(self) -> bool:
        """Whether a file that has no header has one all the same, as a fix file has that was written for one without."""
        self._bytes.fill(_HEAD)
        head = self._bytes.take(_HEAD)
        self._bytes.put_back(head)
        return is_fix(head, self._dialect)

    def _open(self) -> None:
        """Take what stands before the header, and keep the first lines for whoever must be told of them."""
        self._bytes.fill(_HEAD)
        head = self._bytes.take(_HEAD)
        text = without_bom(head)
        separator = separator_line(text)
        if separator is not None:
            self._dialect = replace(self._dialect, delimiter=separator)
            self._escapes = Escapes(self._dialect) if self._dialect.escape else None
        shown = text if self._escapes is None else self._escapes.as_uploaded(text)
        self._opening = TextHead.of(shown, self._dialect.delimiter, self._dialect.quote, has_separator=separator is not None)
        self._bytes.put_back(text)
        skipped = max(self._dialect.skip_lines, 0 if separator is None else 1)
        line = b"" if separator is None else b"sep=" + (rb"\t" if separator == b"\t" else separator)
        self._before = (line + skipped * b"\n") if skipped else b""
        for _ in range(skipped):
            self._skip_line()

    def _skip_line(self) -> None:
        self._bytes.fill(LONGEST_RECORD)
        end = self._bytes.find(b"\n", LONGEST_RECORD) + 1
        if end == 0 and not self._bytes.is_all_here:
            self._refuse_long()
        if self._bytes.take(end or len(self._bytes)):
            self._lines += 1

    def _names(self, raw: bytes) -> list[str]:
        if b"\r" in raw:
            raise CustomerError(
                RefusalCode.UNREADABLE_HEADER,
                "end lines with LF or CRLF: the first line holds a bare CR (carriage return), as old Mac files end lines",
            )
        if self._escapes is None:
            return fields_of(raw.decode("utf-8"), self._dialect)
        return self._escapes.restored(fields_of(raw.decode("utf-8", "surrogateescape"), self._dialect))

    def _fit_width(self) -> None:
        """Whether every row ends with one delimiter more than the header, or the header with one more than every row.

        The first records tell, most of them: a program that writes so does it in every row.
        """
        if self._first is None:
            return
        cut = self._first.data[: self._first.data.rfind(b"\n", 0, _SAMPLE) + 1] or self._first.data
        sample, _ = cut_records(cut, self._dialect, final=True, longest=LONGEST_RECORD)
        block = with_damage_marked(sample, self._dialect, header=self._header_line, escapes=self._escapes)
        if not len(block) or not block.sound.any():
            return
        counts = delimiter_counts(block, self._dialect)
        width = len(self._header) - 1
        sound = block.sound
        longer = np.flatnonzero(sound & (counts == width + 1))
        ends = sum(
            raw.endswith((self._dialect.delimiter, self._dialect.delimiter + 2 * self._dialect.quote))
            for raw in block.raw(longer)
        )
        same = int(np.count_nonzero(sound & (counts == width)))
        if ends > same:
            self._header = (*self._header, "")
        elif width and not self._header[-1].strip() and int(np.count_nonzero(sound & (counts == width - 1))) > same:
            self._header = self._header[:-1]

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
        frame = frame.with_columns(numbers.alias(RECORD), numbers.alias(LINE))
        return RawBatch(frame=frame, lines=frame.height, uploaded=partial(_uploaded, block, self._escapes))

    def _parse_fast(self, block: CsvBlock) -> pl.DataFrame | None:
        """The block as the engine reads it, where that proves that every line is one sound record; else None.

        The engine fails on a record with too many fields and on bytes that are not UTF-8, and fills up a record with too few.
        So a block is sound when it has as many delimiters as its records must have; blank lines have none. Where fields are
        quoted this proves nothing: a delimiter inside one may stand in for one that is missing elsewhere.
        """
        data, delimiters = block.data, len(self._header) - 1
        if delimiters == 0 or self._dialect.has_quotes(data) or _has_bare_cr(data):
            return None
        if data.startswith(_ARCHIVES) or not data[:_MAGIC].isascii():
            return None
        if count_byte(data, self._dialect.delimiter[0]) != block.line_count * delimiters:
            return None
        try:
            frame = self._read(data)
        except pl.exceptions.PolarsError:
            return None
        return frame if frame.height == block.line_count and not self._may_hold_odd_records(frame, data) else None

    def _may_hold_odd_records(self, frame: pl.DataFrame, data: bytes) -> bool:
        """Whether a record may be the header once more, of nothing but delimiters, or of blanks."""
        first = frame.get_column("0")
        nulls = first.null_count()
        heads = TextHeads(first.drop_nulls() if nulls else first)
        if heads.any(_BEGIN_BLANK) or ((nulls or heads.any(self._header_begins)) and self._header_line in data):
            return True
        if not nulls:
            return False
        is_blank = pl.all().is_null() | (pl.all().str.strip_chars(_BLANKS) == "")
        return bool(frame.filter(first.is_null()).select(pl.all_horizontal(is_blank).any()).item())

    def _parse_isolating(self, cut: CsvBlock) -> RawBatch:
        """A block with anything unusual in it."""
        block = with_damage_marked(cut, self._dialect, len(self._header), header=self._header_line, escapes=self._escapes)
        # A header of our own keeps bytes of the file from being taken for an archive.
        head = self._dialect.delimiter.join(b"%d" % number for number in range(len(self._header))) + b"\n"
        frame = self._read_sound(block.sound_data(head))
        sound, broken = np.flatnonzero(block.sound), np.flatnonzero(~block.sound)
        again = 0
        if block.damage is not None:
            again = int(np.count_nonzero(block.damage == Damage.REPEATED_HEADER))
            broken = np.flatnonzero(~block.sound & (block.damage != Damage.REPEATED_HEADER))
        if frame.height != len(sound):
            raise AssertionError("records that are sound one by one are not sound together")
        hidden = None if self._escapes is None else self._escapes.hidden_newlines(block.data)
        lines = block.line_count + (0 if hidden is None else len(hidden))
        return RawBatch(
            frame=frame.with_columns(_places(block, sound, hidden)),
            broken=self._broken(block, broken, hidden),
            lines=lines,
            left_out={WarningCode.REPEATED_HEADER: again} if again else {},
            uploaded=partial(_uploaded, block, self._escapes),
        )

    def _read_sound(self, data: bytes) -> pl.DataFrame:
        """Sound records below a header, as text columns `0`, `1`, ..."""
        data, stands_for = (data, {}) if self._escapes is None else self._escapes.readable(data)
        carriage = _stand_in(data) if _has_bare_cr(data) else None
        if carriage is not None:
            data = _BARE_CR.sub(carriage, data)  # a CR before an LF belongs to it, also inside quotes
        frame = self._read(data, has_header=True)
        if carriage is not None:
            frame = frame.with_columns(pl.all().str.replace_all(carriage.decode(), "\r", literal=True))
        if self._escapes is not None:
            frame = self._escapes.put_back(frame, stands_for)
        # The engine tells an empty field in quotes from one without.
        return frame.with_columns(pl.when(pl.all() != "").then(pl.all())) if self._dialect.has_quotes(data) else frame

    def _read(self, data: bytes, *, has_header: bool = False) -> pl.DataFrame:
        frame = pl.read_csv(
            data,
            has_header=has_header,
            schema={str(number): pl.String for number in range(len(self._header))},
            separator=self._dialect.delimiter.decode(),
            quote_char=self._dialect.quote.decode() or None,
            # Even an empty list of them slows the engine down by half.
            null_values=list(self._nulls) or None,
        )
        # The engine's threads leave several chunks, which each column would put together anew wherever it is looked at.
        return frame.rechunk()

    def _broken(self, block: CsvBlock, records: Offsets, hidden: Offsets | None) -> BrokenRecords:
        if not len(records) or block.damage is None:
            return BrokenRecords()
        kinds = pl.Series(block.damage[records])
        own = block.raw(records)
        raws = own if self._escapes is None else [self._escapes.as_uploaded(raw) for raw in own]
        texts = [raw.decode("utf-8", "backslashreplace") for raw in raws]
        hints = special_hints(self._dialect, kinds.to_list(), raws, self._hints)
        return BrokenRecords(
            pl.DataFrame(
                [
                    *_places(block, records, hidden),
                    kinds.replace_strict(_RULES, return_dtype=pl.String).alias(RULE),
                    pl.Series(HINT, hints, pl.String),
                    pl.Series(RAW, texts, pl.String),
                ]
            )
        )


def _places(block: CsvBlock, records: Offsets, hidden: Offsets | None) -> list[pl.Series]:
    """RECORD and LINE of some records of a block, from its beginning; `hidden` are newlines that end no line of the block's."""
    lines = records if block.first is None else block.first[records]
    if hidden is not None and len(hidden):
        lines = lines + np.searchsorted(hidden, block.starts[records])
    return [pl.Series(RECORD, records + 1, pl.Int64), pl.Series(LINE, lines + 1, pl.Int64)]


def _uploaded(block: CsvBlock, escapes: Escapes | None, records: Offsets) -> list[bytes]:
    """Records of a block by their numbers, as they stand in the file, with their line ends."""
    whole = block.whole(records - 1)
    return whole if escapes is None else [escapes.as_uploaded(raw) for raw in whole]


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
