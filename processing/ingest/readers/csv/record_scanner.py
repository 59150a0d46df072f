"""Where the records of a block of CSV begin and end, and which of them are broken.

A record ends at a newline outside quotes. A quote may stand only where a field begins, where it ends, or doubled inside a
quoted field (RFC 4180). A line that breaks this is one broken record, alone: reading starts again at the next line, so a
stray quote costs nothing but its own line, and quoted newlines after it are still understood.

All lines are classified at once, twice: as if they began outside quotes and as if they began inside. Only lines that
leave a quote open need to be followed one after another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from processing.ingest.readers.csv.escapes import Escapes
from processing.ingest.readers.dialect import Dialect

_LF = 10
_CR = 13
_BEYOND_ASCII = 0x80
_FEW = 10_000
_BOM = b"\xef\xbb\xbf"

Offsets = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.uint32]


class Damage(IntEnum):
    """Why a record cannot be taken apart."""

    NONE = 0
    QUOTING = 1
    ENCODING = 2
    FIELD_COUNT = 3
    REPEATED_HEADER = 4
    """It is the header once more, as where files were joined."""


@dataclass(frozen=True, kw_only=True)
class CsvBlock:
    """The records of a run of whole lines."""

    data: bytes
    """Whole lines, each ended by a newline."""
    ends: Offsets | None = None
    """Offsets of the newlines, where they are known already."""
    first: Offsets | None = None
    """The line, from 0, on which each record begins; None when every line is a record."""
    last: Offsets | None = None
    """The line on which each record ends."""
    damage: Codes | None = None
    """A Damage for each record; None when nothing is known to be wrong with any."""

    @cached_property
    def line_ends(self) -> Offsets:
        """Offsets of the newlines."""
        return self.ends if self.ends is not None else np.flatnonzero(np.frombuffer(self.data, np.uint8) == _LF)

    @cached_property
    def line_count(self) -> int:
        """Physical lines."""
        return count_byte(self.data, _LF)

    def __len__(self) -> int:
        return self.line_count if self.first is None else len(self.first)

    @cached_property
    def starts(self) -> Offsets:
        """Offsets at which records begin."""
        starts = np.concatenate((np.zeros(1, np.int64), self.line_ends[:-1] + 1))
        return starts if self.first is None else starts[self.first]

    @cached_property
    def stops(self) -> Offsets:
        """Offsets of the newlines that end records."""
        return self.line_ends if self.last is None else self.line_ends[self.last]

    @cached_property
    def sound(self) -> Flags:
        """Which records are not damaged."""
        return np.ones(len(self), np.bool_) if self.damage is None else self.damage == Damage.NONE

    def longest(self) -> int:
        """Bytes of the longest record that is sound."""
        return int((self.stops - self.starts)[self.sound].max(initial=0))

    def raw(self, records: Offsets) -> list[bytes]:
        """The bytes of some records, without their line ends."""
        places = zip(self.starts[records].tolist(), self.stops[records].tolist(), strict=True)
        return [self.data[start:stop].removesuffix(b"\r") for start, stop in places]

    def whole(self, records: Offsets) -> list[bytes]:
        """The same with their line ends."""
        places = zip(self.starts[records].tolist(), self.stops[records].tolist(), strict=True)
        return [self.data[start : stop + 1] for start, stop in places]

    def sound_data(self, head: bytes) -> bytes:
        """The sound records alone, each with its line end, behind `head`."""
        starts, ends = self.starts[self.sound], self.stops[self.sound] + 1
        if not len(starts):
            return head
        # Neighbours are taken in one piece.
        breaks = np.flatnonzero(starts[1:] != ends[:-1])
        pieces = zip(starts[np.append(0, breaks + 1)].tolist(), ends[np.append(breaks, -1)].tolist(), strict=True)
        return b"".join([head, *(self.data[start:end] for start, end in pieces)])


def count_byte(data: bytes, byte: int) -> int:
    """How often a byte occurs; bytes.count() takes three times as long where it is frequent."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == byte))


def cut_records(data: bytes, dialect: Dialect, *, final: bool, longest: int) -> tuple[CsvBlock, int]:
    """The records of `data`, which ends with a newline, and how many bytes they take; see `with_damage_marked` for the rest.

    A record that is still open at the end stays for the next call, unless this is the `final` one or the record is
    already as long as `longest`; then its first line is broken and reading starts again at the next.
    """
    if dialect.has_quotes(data):
        return _cut_quoted(data, dialect, final=final, longest=longest)
    return CsvBlock(data=data), len(data)


def with_damage_marked(
    block: CsvBlock,
    dialect: Dialect,
    fields: int | None = None,
    *,
    header: bytes | None = None,
    escapes: Escapes | None = None,
) -> CsvBlock:
    """The block without its blank lines, and with all damage marked; of the wrong number of fields only where it is given.

    Records that are the `header` once more are marked as well. Most blocks are sound, and need not be searched: they are
    read without this first.
    """
    block = _mark_bad_text(_without_blank_lines(block, dialect), escapes)
    if header:
        block = _mark_header(block, header)
    return block if fields is None else _mark_field_count(block, dialect, fields)


def fields_of(record: str, dialect: Dialect) -> list[str]:
    """The fields of one sound record, however long they are."""
    delimiter, quote = dialect.delimiter.decode(), dialect.quote.decode()
    fields: list[str] = []
    start = 0
    while True:
        if quote and record.startswith(quote, start):
            end = record.index(quote, start + 1)
            while record.startswith(quote, end + 1):
                end = record.index(quote, end + 2)
            fields.append(record[start + 1 : end].replace(2 * quote, quote))
            end += 1
        else:
            found = record.find(delimiter, start)
            end = len(record) if found < 0 else found
            fields.append(record[start:end])
        if end == len(record):
            return fields
        start = end + len(delimiter)


def _cut_quoted(data: bytes, dialect: Dialect, *, final: bool, longest: int) -> tuple[CsvBlock, int]:
    lines = _Lines(data, dialect)
    stray = lines.broken_outside
    opening: list[int] = []
    closing: list[int] = []
    used_lines = len(lines.ends)
    cursor = 0
    for line in lines.opens.tolist():
        if line < cursor:
            continue
        last = lines.next_stop(line)
        if last is None:
            if not final and len(data) - lines.start(line) < longest:
                used_lines = line
                break
            stray[line] = True
        elif lines.closes[last]:
            opening.append(line)
            closing.append(last)
            cursor = last + 1
        else:
            stray[line] = True
    used = lines.start(used_lines)
    data, ends = data[:used], lines.ends[:used_lines]
    if not opening and not stray[:used_lines].any():
        return CsvBlock(data=data, ends=ends), used
    last_line = np.arange(used_lines)
    last_line[opening] = closing
    depth = np.zeros(used_lines + 1, np.int8)
    depth[np.array(opening, np.int64) + 1] += 1
    depth[np.array(closing, np.int64) + 1] -= 1
    first = np.flatnonzero(np.cumsum(depth[:-1], dtype=np.int8) == 0)
    damage = np.where(stray[first], np.uint8(Damage.QUOTING), np.uint8(Damage.NONE))
    return CsvBlock(data=data, ends=ends, first=first, last=last_line[first], damage=damage), used


class _Lines:
    """The lines of a block, classified by their quotes."""

    def __init__(self, data: bytes, dialect: Dialect) -> None:
        quote, delimiter = dialect.quote[0], dialect.delimiter[0]
        buffer = np.frombuffer(data, np.uint8)
        self.ends: Offsets = np.flatnonzero(buffer == _LF)
        self._starts: Offsets = np.concatenate((np.zeros(1, np.int64), self.ends + 1))
        count = len(self.ends)
        quotes, line = _places(buffer == quote, self._starts[:-1])
        per_line = np.bincount(line, minlength=count)
        rank = np.arange(len(quotes)) - (np.cumsum(per_line) - per_line)[line]

        before = buffer[np.maximum(quotes - 1, 0)]
        after = buffer[quotes + 1]  # the block ends with a newline, so there is one
        after_that = buffer[np.minimum(quotes + 2, len(buffer) - 1)]
        # Of two quotes side by side the first closes and the second opens again: together they are one doubled quote.
        may_open = (quotes == 0) | (before == delimiter) | (before == _LF) | (before == quote)
        may_close = (after == delimiter) | (after == _LF) | (after == quote) | ((after == _CR) & (after_that == _LF))
        odd = rank % 2 == 1
        self.broken_outside: Flags = _any_in(line, ~np.where(odd, may_close, may_open), count)
        broken_inside = _any_in(line, ~np.where(odd, may_open, may_close), count)
        uneven = per_line % 2 == 1
        self.opens: Offsets = np.flatnonzero(uneven & ~self.broken_outside)
        """Lines that begin outside quotes and end inside."""
        self.closes: Flags = uneven & ~broken_inside
        """Whether a line that begins inside quotes ends its record."""
        self._stops: Offsets = np.flatnonzero(uneven | broken_inside)

    def next_stop(self, line: int) -> int | None:
        """The first line after `line` that does not leave an open quote open."""
        index = int(np.searchsorted(self._stops, line + 1))
        return int(self._stops[index]) if index < len(self._stops) else None

    def start(self, line: int) -> int:
        """Offset of the first byte of a line."""
        return int(self._starts[line])


def _any_in(line: Offsets, flags: Flags, count: int) -> Flags:
    result: Flags = np.bincount(line[flags], minlength=count) > 0
    return result


def _without_blank_lines(block: CsvBlock, dialect: Dialect) -> CsvBlock:
    """The block without lines of nothing, or of nothing but delimiters, blanks and pairs of quotes."""
    size = block.stops - block.starts
    is_blank = size == 0
    text = np.frombuffer(block.data, np.uint8)
    begins = np.frombuffer(dialect.blanks + dialect.quote, np.uint8)
    suspects = np.flatnonzero(~is_blank & np.isin(text[block.starts], begins) & block.sound)
    if len(suspects):
        is_blank[suspects] = [_is_blank(raw, dialect) for raw in block.raw(suspects)]
    if not is_blank.any():
        return block
    kept = np.flatnonzero(~is_blank)
    first, last = _lines_of(block)
    damage = None if block.damage is None else block.damage[kept]
    data = _whited_out(block, suspects[is_blank[suspects]])
    return replace(block, data=data, ends=block.line_ends, first=first[kept], last=last[kept], damage=damage)


def _whited_out(block: CsvBlock, records: Offsets) -> bytes:
    """The data with blanks in the place of some records, so that none of their marks is taken for one of the record before."""
    if not len(records):
        return block.data
    data = bytearray(block.data)
    for start, stop in zip(block.starts[records].tolist(), block.stops[records].tolist(), strict=True):
        data[start:stop] = b" " * (stop - start)
    return bytes(data)


def _is_blank(raw: bytes, dialect: Dialect) -> bool:
    rest = raw.strip(dialect.blanks)
    if not rest or not dialect.quote or not rest.startswith(dialect.quote):
        return not rest
    # A quoted field that holds quotes or delimiters alone holds something.
    pair = 2 * dialect.quote
    return all(field.strip() in (b"", pair) for field in rest.split(dialect.delimiter))


def _mark_bad_text(block: CsvBlock, escapes: Escapes | None) -> CsvBlock:
    data = block.data if escapes is None else escapes.as_text(block.data)
    if data.isascii() or _is_text(data):
        return block
    offsets = np.flatnonzero(np.frombuffer(data, np.uint8) >= _BEYOND_ASCII)
    # No byte of a blank line is beyond ASCII, so that each lies in the record that ends next.
    suspects = np.unique(np.searchsorted(block.stops, offsets))
    bad = [not _is_text(raw if escapes is None else escapes.as_text(raw)) for raw in block.raw(suspects)]
    return _with_damage(block, suspects[bad], Damage.ENCODING)


def _mark_header(block: CsvBlock, header: bytes) -> CsvBlock:
    if header not in block.data:
        return block
    size = block.stops - block.starts
    # With a CR before its newline, or a byte order mark before it.
    suspects = np.flatnonzero((size >= len(header)) & (size <= len(header) + len(_BOM) + 1))
    same = [raw.removeprefix(_BOM) == header for raw in block.raw(suspects)]
    return _with_damage(block, suspects[same], Damage.REPEATED_HEADER) if any(same) else block


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _mark_field_count(block: CsvBlock, dialect: Dialect, fields: int) -> CsvBlock:
    if not len(block):
        return block
    wrong = np.flatnonzero(block.sound & (delimiter_counts(block, dialect) != fields - 1))
    return _with_damage(block, wrong, Damage.FIELD_COUNT) if len(wrong) else block


def delimiter_counts(block: CsvBlock, dialect: Dialect) -> Counts:
    """How many delimiters part the fields of each record; of those that are not sound it means nothing. Not for no records."""
    is_delimiter = np.frombuffer(block.data, np.uint8) == dialect.delimiter[0]
    counts: Counts = np.add.reduceat(is_delimiter.view(np.uint8), block.starts, dtype=np.uint32)
    if dialect.has_quotes(block.data):
        counts -= _quoted_delimiters(block, dialect, is_delimiter)
    return counts


def _quoted_delimiters(block: CsvBlock, dialect: Dialect, is_delimiter: Flags) -> Counts:
    """How many delimiters of each sound record stand inside quotes."""
    quotes, record = _places(np.frombuffer(block.data, np.uint8) == dialect.quote[0], block.starts)
    of_sound = block.sound[record]
    # A sound record has its quotes in pairs: what a doubled one divides is two pieces of quoted text.
    opening, closing = quotes[of_sound].reshape(-1, 2).T
    if len(opening) < _FEW:
        pairs = zip(opening.tolist(), closing.tolist(), strict=True)
        inside = np.array([block.data.count(dialect.delimiter, *pair) for pair in pairs], np.uint32)
    else:
        before = np.cumsum(is_delimiter, dtype=np.uint32)
        inside = before[closing] - before[opening]
    return np.bincount(record[of_sound][::2], inside, len(block)).astype(np.uint32)


def _places(flags: Flags, starts: Offsets) -> tuple[Offsets, Offsets]:
    """Offsets of the flagged bytes, and for each of them which of the runs that begin at `starts` it lies in."""
    offsets = np.flatnonzero(flags)
    if len(offsets) < _FEW:
        return offsets, np.searchsorted(starts, offsets, "right") - 1
    counts = np.add.reduceat(flags.view(np.uint8), starts, dtype=np.uint32)
    return offsets, np.repeat(np.arange(len(starts)), counts)


def _with_damage(block: CsvBlock, records: Offsets, damage: Damage) -> CsvBlock:
    found = np.zeros(len(block), np.uint8) if block.damage is None else block.damage.copy()
    found[records] = damage
    first, last = _lines_of(block)
    return replace(block, ends=block.line_ends, first=first, last=last, damage=found)


def _lines_of(block: CsvBlock) -> tuple[Offsets, Offsets]:
    if block.first is not None and block.last is not None:
        return block.first, block.last
    lines = np.arange(len(block))
    return lines, lines
