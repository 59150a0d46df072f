"""CSV as raw batches: every record numbered, every broken one set aside, none lost (contract sections 3 and 5).

Blocks of about 4 MiB are cut at record ends. To each record a last field is added that no record can contain; after the
engine's own parse it stands in its place exactly where the record had as many fields as the header.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Final, NoReturn

import polars as pl

from processing.domain.errors import CustomerError
from processing.tables.batches import LINE, RECORD, BrokenRecord, Piece, RawBatch
from processing.tables.csv_records import CsvBlock, Damage, Dialect, count_byte, cut_records, fields_of, settled

LONGEST_RECORD: Final = 16 * 1024 * 1024
"""Bytes."""
MOST_COLUMNS: Final = 1_024
_BLOCK: Final = 4 * 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_ARCHIVES: Final = tuple(b"x" + bytes([second]) for second in (0x01, 0x5E, 0x9C, 0xDA))
"""What the engine takes for the beginning of a zlib archive."""
_MAGIC: Final = 4
"""Bytes that tell the other archives that the engine knows; none of them is ASCII."""
_SENTINEL_COLUMN: Final = "__end"
# Control characters that text has no use for; the first that a block does not contain marks its record ends.
_SENTINELS: Final = tuple(bytes([code]) for code in (31, 30, 29, 28, *range(1, 9), *range(14, 28)))

_HINTS: Final = {
    Damage.QUOTING: "quote the whole field, and write a quote inside it twice",
    Damage.ENCODING: "save the file as UTF-8",
}


class CsvReader:
    """Reads plain CSV bytes; the header is read at once, the records by `batches`.

    Raises CustomerError for an empty file, a header that is not UTF-8 or has too many columns, and a record that is too
    long.
    """

    def __init__(self, chunks: Iterator[bytes], dialect: Dialect | None = None) -> None:
        self._dialect = dialect or Dialect()
        self._chunks = chunks
        self._buffer = bytearray()
        self._ended = False
        self._lines = 0
        self._header = self._read_header()
        self._lines_before = self._lines

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

    def pieces(self) -> Iterator[Piece]:
        """All records, once, in order."""
        for block in self._blocks():
            yield partial(self._batch, block)

    def _read_header(self) -> tuple[str, ...]:
        self._fill(len(_BOM))
        if self._buffer.startswith(_BOM):
            del self._buffer[: len(_BOM)]
        # Reading a block at a time finds the header even behind blank lines and with quoted newlines in it.
        for cut in self._blocks():
            block = settled(cut)
            if len(block) == 0:
                continue
            if 0 in block.damaged:
                raise CustomerError("unreadable_header", f"the first line is not a CSV header: {_HINTS[block.damaged[0]]}")
            raw = block.raw(0)
            last_line = block.spans[0][1] if block.spans is not None else 0
            offset = _offset_of_line(block.data, last_line + 1)
            self._buffer[:0] = block.data[offset:]
            self._lines += last_line + 1 - block.line_count
            names = self._names(raw.decode("utf-8"))
            if len(names) > MOST_COLUMNS:
                raise CustomerError(
                    "too_many_columns", f"the header has {len(names):,} columns; at most {MOST_COLUMNS:,} are read"
                )
            return tuple(names)
        raise CustomerError("empty_file", "the file has no header line")

    def _names(self, line: str) -> list[str]:
        if "\r" in line:
            raise CustomerError("unreadable_header", "end lines with LF or CRLF: the first line holds a bare CR")
        return fields_of(line, self._dialect)

    def _blocks(self) -> Iterator[CsvBlock]:
        wanted = _BLOCK
        while True:
            self._fill(wanted)
            final = self._ended
            if final and self._buffer and not self._buffer.endswith(b"\n"):
                self._buffer += b"\n"
            # No more than was asked for, however much has arrived, so that the same bytes always give the same blocks.
            end = self._buffer.rfind(b"\n", 0, wanted) + 1
            if end == 0 and len(self._buffer) > wanted:
                wanted *= 2
                if wanted > 2 * LONGEST_RECORD:
                    self._refuse_long()
                continue
            if end == 0:
                if final:
                    return
                if len(self._buffer) > LONGEST_RECORD:
                    self._refuse_long()
                wanted *= 2
                continue
            data = bytes(self._buffer[:end])
            whole = final and end == len(self._buffer)
            block, used = cut_records(data, self._dialect, final=whole, longest=LONGEST_RECORD)
            if used == 0:
                wanted *= 2
                continue
            if used > LONGEST_RECORD and block.longest() > LONGEST_RECORD:
                self._refuse_long()
            del self._buffer[:used]
            wanted = _BLOCK
            self._lines += block.line_count
            yield block

    def _refuse_long(self) -> NoReturn:
        raise CustomerError(
            "record_too_long", f"a record from line {self._lines + 1:,} on is longer than 16 MiB: is this CSV with newlines?"
        )

    def _fill(self, size: int) -> None:
        while len(self._buffer) < size and not self._ended:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
            else:
                self._buffer += chunk

    def _batch(self, block: CsvBlock) -> RawBatch:
        """The records of a block, counted from its beginning."""
        frame = self._plainly(block)
        if frame is None:
            return self._carefully(settled(block))
        numbers = pl.int_range(1, frame.height + 1, eager=True)
        return RawBatch(frame=frame.with_columns(numbers.alias(RECORD), numbers.alias(LINE)), lines=frame.height)

    def _plainly(self, block: CsvBlock) -> pl.DataFrame | None:
        """The block as the engine reads it, where that proves that every line is one sound record; else None.

        The engine fails on a record with too many fields and on bytes that are not UTF-8, and fills up a record with too few.
        So a block is sound when it has as many delimiters as its records must have; blank lines have none. Where fields are
        quoted this proves nothing: a delimiter inside one may stand in for one that is missing elsewhere.
        """
        data = block.data
        if len(self._header) == 1 or self._dialect.quote in data or _has_bare_cr(data):
            return None
        if data.startswith(_ARCHIVES) or not data[:_MAGIC].isascii():
            return None
        try:
            frame = self._read(data, [str(number) for number in range(len(self._header))], has_header=False)
        except pl.exceptions.PolarsError:
            return None
        delimiters = count_byte(data, self._dialect.delimiter[0])
        is_sound = frame.height == block.line_count and delimiters == frame.height * (len(self._header) - 1)
        return frame if is_sound else None

    def _carefully(self, block: CsvBlock) -> RawBatch:
        """A block with anything unusual in it."""
        sound = [index for index in range(len(block)) if index not in block.damaged] if block.damaged else None
        frame, sentinel = self._marked(block, sound)
        index = pl.Series("index", sound, pl.Int64) if sound is not None else pl.int_range(frame.height, eager=True)
        lines = index if block.spans is None else pl.Series([block.spans[i][0] for i in index], dtype=pl.Int64)
        frame = frame.with_columns((index + 1).alias(RECORD), (lines + 1).alias(LINE))
        broken = [_broken(block, i, rule.value, _HINTS[rule]) for i, rule in block.damaged.items()]
        complete = pl.col(_SENTINEL_COLUMN).eq_missing(sentinel.decode())
        ragged = frame.filter(~complete).get_column(RECORD)
        if len(ragged):
            frame = frame.filter(complete)
            broken += [self._ragged(block, record - 1) for record in ragged]
        return RawBatch(
            frame=frame.drop(_SENTINEL_COLUMN),
            broken=tuple(sorted(broken, key=lambda each: each.record)),
            lines=block.line_count,
        )

    def _marked(self, block: CsvBlock, sound: list[int] | None) -> tuple[pl.DataFrame, bytes]:
        """The sound records as text columns `0`, `1`, ... and the sentinel column, and the sentinel."""
        delimiter = self._dialect.delimiter
        names = [*(str(number) for number in range(len(self._header))), _SENTINEL_COLUMN]
        if block.spans is None and sound is None:
            sentinel = _absent_from(block.data)
            body = block.data.replace(b"\r\n", b"\n").replace(b"\n", delimiter + sentinel + b"\n")
        else:
            records = [block.raw(index) for index in (range(len(block)) if sound is None else sound)]
            # What is set aside must not keep a mark from the others.
            sentinel = _absent_from(b"\n".join(records))
            body = b"".join([record + delimiter + sentinel + b"\n" for record in records])
        carriage = _stand_in(body) if _has_bare_cr(body) else None
        if carriage is not None:
            body = body.replace(b"\r", carriage)
        # A header of our own keeps bytes of the file from being taken for an archive.
        head = delimiter.join(name.encode() for name in names) + b"\n"
        frame = self._read(head + body, names, has_header=True, truncate_ragged_lines=True)
        if carriage is not None:
            frame = frame.with_columns(pl.all().str.replace_all(carriage.decode(), "\r", literal=True))
        return frame, sentinel

    def _read(self, data: bytes, names: list[str], *, has_header: bool, truncate_ragged_lines: bool = False) -> pl.DataFrame:
        return pl.read_csv(
            data,
            has_header=has_header,
            schema=dict.fromkeys(names, pl.String),
            separator=self._dialect.delimiter.decode(),
            quote_char=self._dialect.quote.decode(),
            truncate_ragged_lines=truncate_ragged_lines,
            null_values=["", *self._dialect.null_values],
        )

    def _ragged(self, block: CsvBlock, index: int) -> BrokenRecord:
        return _broken(
            block,
            index,
            "wrong_field_count",
            f"write {len(self._header)} fields, as the header does, and quote fields that hold a delimiter",
        )


def _broken(block: CsvBlock, index: int, rule: str, hint: str) -> BrokenRecord:
    return BrokenRecord(
        record=index + 1,
        line=block.first_line(index) + 1,
        rule=rule,
        hint=hint,
        raw=block.raw(index).decode("utf-8", "backslashreplace"),
    )


def _absent_from(data: bytes) -> bytes:
    """A mark that does not occur in `data`: a control character, or several where all of them occur."""
    found = next((byte for byte in _SENTINELS if byte not in data), None)
    if found is not None:
        return found
    return next(mark for number in count() if (mark := b"\x1f%d\x1f" % number) not in data)


def _has_bare_cr(data: bytes) -> bool:
    """Whether a CR stands elsewhere than before LF; the engine would drop it from the end of an unquoted field."""
    return b"\r" in data and data.count(b"\r") > data.count(b"\r\n")


def _stand_in(data: bytes) -> bytes:
    """A mark that does not occur in `data` and, as it ends otherwise than it begins, not even across others of its kind."""
    return next(mark for number in count() if (mark := b"\x1f%d\x1e" % number) not in data)


def _offset_of_line(data: bytes, line: int) -> int:
    offset = 0
    for _ in range(line):
        offset = data.index(b"\n", offset) + 1
    return offset
