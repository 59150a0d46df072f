"""CSV as raw batches: every record numbered, every broken one set aside, none lost (contract sections 3 and 5).

Blocks of about 4 MiB are cut at record ends. To each record a last field is added that no record can contain; after the
engine's own parse it stands in its place exactly where the record had as many fields as the header.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Final

import polars as pl

from processing.domain.errors import CustomerError
from processing.tables.batches import LINE, RECORD, BrokenRecord, RawBatch
from processing.tables.csv_records import CsvBlock, Damage, Dialect, cut_records

LONGEST_RECORD: Final = 16 * 1024 * 1024
"""Bytes."""
MOST_COLUMNS: Final = 1_024
_BLOCK: Final = 4 * 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"
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
        self._records = 0
        self._lines = 0
        self._header = self._read_header()

    @property
    def header(self) -> tuple[str, ...]:
        """Column names as uploaded."""
        return self._header

    @property
    def dtypes(self) -> tuple[pl.DataType, ...]:
        """CSV holds text."""
        return (pl.String(),) * len(self._header)

    def batches(self) -> Iterator[RawBatch]:
        """All records, once, in order."""
        for block in self._blocks():
            yield self._batch(block)
            self._records += len(block)
            self._lines += block.line_count

    def _read_header(self) -> tuple[str, ...]:
        self._fill(len(_BOM))
        if self._buffer.startswith(_BOM):
            del self._buffer[: len(_BOM)]
        # Reading a block at a time finds the header even behind blank lines and with quoted newlines in it.
        for block in self._blocks():
            if len(block) == 0:
                self._lines += block.line_count
                continue
            if 0 in block.damaged:
                raise CustomerError("unreadable_header", f"the first line is not a CSV header: {_HINTS[block.damaged[0]]}")
            raw = block.raw(0)
            last_line = block.spans[0][1] if block.spans is not None else 0
            offset = _offset_of_line(block.data, last_line + 1)
            self._buffer[:0] = block.data[offset:]
            self._lines += last_line + 1
            names = next(
                csv.reader(
                    [raw.decode("utf-8")],
                    delimiter=self._dialect.delimiter.decode(),
                    quotechar=self._dialect.quote.decode(),
                    strict=True,
                )
            )
            if len(names) > MOST_COLUMNS:
                raise CustomerError(
                    "too_many_columns", f"the header has {len(names):,} columns; at most {MOST_COLUMNS:,} are read"
                )
            return tuple(names)
        raise CustomerError("empty_file", "the file has no header line")

    def _blocks(self) -> Iterator[CsvBlock]:
        wanted = _BLOCK
        while True:
            self._fill(wanted)
            final = self._ended
            if final and self._buffer and not self._buffer.endswith(b"\n"):
                self._buffer += b"\n"
            end = self._buffer.rfind(b"\n") + 1
            if end == 0:
                if final:
                    return
                if len(self._buffer) > LONGEST_RECORD:
                    raise CustomerError(
                        "record_too_long", f"line {self._lines + 1:,} is longer than 16 MiB: is this a CSV file with newlines?"
                    )
                wanted = 2 * len(self._buffer)
                continue
            data = bytes(self._buffer[:end])
            block, used = cut_records(data, self._dialect, final=final, longest=LONGEST_RECORD)
            if used == 0:
                wanted = 2 * len(self._buffer)
                continue
            del self._buffer[:used]
            wanted = _BLOCK
            yield block

    def _fill(self, size: int) -> None:
        while len(self._buffer) < size and not self._ended:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
            else:
                self._buffer += chunk

    def _batch(self, block: CsvBlock) -> RawBatch:
        sentinel = next((byte for byte in _SENTINELS if byte not in block.data), None)
        if sentinel is None:
            # Text with every control character in it is no text; the block is given up record by record.
            return self._all_broken(block)
        sound = [index for index in range(len(block)) if index not in block.damaged] if block.damaged else None
        frame = self._parse(block, sound, sentinel)
        index = pl.Series("index", sound, pl.Int64) if sound is not None else pl.int_range(frame.height, eager=True)
        lines = index if block.spans is None else pl.Series([block.spans[i][0] for i in index], dtype=pl.Int64)
        frame = frame.with_columns((index + (self._records + 1)).alias(RECORD), (lines + (self._lines + 1)).alias(LINE))
        broken = [self._broken(block, i, rule.value, _HINTS[rule]) for i, rule in block.damaged.items()]
        complete = pl.col(_SENTINEL_COLUMN).eq_missing(sentinel.decode())
        ragged = frame.filter(~complete).get_column(RECORD)
        if len(ragged):
            frame = frame.filter(complete)
            broken += [self._ragged(block, record - self._records - 1) for record in ragged]
        return RawBatch(frame=frame.drop(_SENTINEL_COLUMN), broken=tuple(sorted(broken, key=lambda each: each.record)))

    def _parse(self, block: CsvBlock, sound: list[int] | None, sentinel: bytes) -> pl.DataFrame:
        """The sound records as text columns `0`, `1`, ... and the sentinel column."""
        delimiter = self._dialect.delimiter
        names = [*(str(number) for number in range(len(self._header))), _SENTINEL_COLUMN]
        head = delimiter.join(name.encode() for name in names) + b"\n"
        record_end = delimiter + sentinel + b"\n"
        if block.is_plain:
            body = block.data.replace(b"\n", record_end)
        elif block.spans is None and sound is None:
            body = block.data.replace(b"\r\n", b"\n").replace(b"\n", record_end)
        else:
            kept = range(len(block)) if sound is None else sound
            body = b"".join([block.raw(index) + record_end for index in kept])
        return pl.read_csv(
            head + body,
            schema=dict.fromkeys(names, pl.String),
            separator=delimiter.decode(),
            quote_char=self._dialect.quote.decode(),
            truncate_ragged_lines=True,
            null_values=["", *self._dialect.null_values],
        )

    def _all_broken(self, block: CsvBlock) -> RawBatch:
        names = [*(str(number) for number in range(len(self._header)))]
        empty = pl.DataFrame(schema={**dict.fromkeys(names, pl.String), RECORD: pl.Int64, LINE: pl.Int64})
        return RawBatch(
            frame=empty,
            broken=tuple(
                self._broken(block, index, "control_characters", "remove the control characters") for index in range(len(block))
            ),
        )

    def _ragged(self, block: CsvBlock, index: int) -> BrokenRecord:
        return self._broken(
            block,
            index,
            "wrong_field_count",
            f"write {len(self._header)} fields, as the header does, and quote fields that hold a delimiter",
        )

    def _broken(self, block: CsvBlock, index: int, rule: str, hint: str) -> BrokenRecord:
        return BrokenRecord(
            record=self._records + index + 1,
            line=self._lines + block.first_line(index) + 1,
            rule=rule,
            hint=hint,
            raw=block.raw(index).decode("utf-8", "backslashreplace"),
        )


def _offset_of_line(data: bytes, line: int) -> int:
    offset = 0
    for _ in range(line):
        offset = data.index(b"\n", offset) + 1
    return offset
