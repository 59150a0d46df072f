"""Where the records of a block of CSV begin and end, and which of them are broken.

A record ends at a newline outside quotes. A quote may stand only where a field begins, where it ends, or doubled inside a
quoted field (RFC 4180). A line that breaks this is one broken record, alone: reading starts again at the next line, so a
stray quote costs nothing but its own line, and quoted newlines after it are still understood.

All lines are classified at once, twice: as if they began outside quotes and as if they began inside. Only lines that
leave a quote open need to be followed one after another.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

_LF = 10
_CR = 13

Offsets = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How CSV is written."""

    delimiter: bytes = b","
    """One byte."""
    quote: bytes = b'"'
    """One byte."""
    null_values: tuple[str, ...] = ()
    """Texts that stand for no value, besides an empty field."""


class Damage(StrEnum):
    """Why a record cannot be taken apart."""

    QUOTING = "broken_quoting"
    ENCODING = "not_utf8"


@dataclass(frozen=True, kw_only=True)
class CsvBlock:
    """The records of a run of whole lines."""

    data: bytes
    """Whole lines, each ended by a newline."""
    spans: Sequence[tuple[int, int]] | None = None
    """First and last line (from 0) of each record, blank lines left out; None when every line is a record."""
    damaged: dict[int, Damage] = field(default_factory=dict)
    """Index of a record to what is wrong with it."""

    @cached_property
    def _line_ends(self) -> Offsets:
        return np.flatnonzero(np.frombuffer(self.data, np.uint8) == _LF)

    @cached_property
    def line_count(self) -> int:
        """Physical lines."""
        return count_byte(self.data, _LF)

    def __len__(self) -> int:
        return self.line_count if self.spans is None else len(self.spans)

    def first_line(self, index: int) -> int:
        """The line, from 0, on which record `index` begins."""
        return index if self.spans is None else self.spans[index][0]

    def longest(self) -> int:
        """Bytes of the longest record that is sound."""
        return max((len(self.raw(index)) for index in range(len(self)) if index not in self.damaged), default=0)

    def raw(self, index: int) -> bytes:
        """The bytes of record `index`, without its line end."""
        first, last = (index, index) if self.spans is None else self.spans[index]
        start = 0 if first == 0 else int(self._line_ends[first - 1]) + 1
        text = self.data[start : int(self._line_ends[last])]
        return text.removesuffix(b"\r")


def count_byte(data: bytes, byte: int) -> int:
    """How often a byte occurs; bytes.count() takes three times as long where it is frequent."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == byte))


def cut_records(data: bytes, dialect: Dialect, *, final: bool, longest: int) -> tuple[CsvBlock, int]:
    """The records of `data`, which ends with a newline, and how many bytes they take; see `settled` for what they hold.

    A record that is still open at the end stays for the next call, unless this is the `final` one or the record is
    already as long as `longest`; then its first line is broken and reading starts again at the next.
    """
    if dialect.quote in data:
        return _cut_quoted(data, dialect, final=final, longest=longest)
    return CsvBlock(data=data), len(data)


def settled(block: CsvBlock) -> CsvBlock:
    """The block without its blank lines, and with the records marked that are not UTF-8.

    Most blocks have neither, and need not be searched: they are read without this first.
    """
    return _mark_bad_text(_without_blank_lines(block) if _has_blank_line(block.data) else block)


def fields_of(record: str, dialect: Dialect) -> list[str]:
    """The fields of one sound record, however long they are."""
    delimiter, quote = dialect.delimiter.decode(), dialect.quote.decode()
    fields: list[str] = []
    start = 0
    while True:
        if record.startswith(quote, start):
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
    spans: list[tuple[int, int]] = []
    damaged: dict[int, Damage] = {}
    stray = set(np.flatnonzero(lines.broken_outside).tolist())
    joined: dict[int, int] = {}
    used_lines = len(lines.ends)
    cursor = 0
    for line in lines.opens.tolist():
        if line < cursor:
            continue
        last = lines.next_stop(line)
        if last is None:
            start = lines.start(line)
            if not final and len(data) - start < longest:
                used_lines = line
                break
            stray.add(line)
        elif lines.closes[last]:
            joined[line] = last
            cursor = last + 1
        else:
            stray.add(line)
    used = len(data) if used_lines == len(lines.ends) else lines.start(used_lines)
    if not joined and not stray:
        return CsvBlock(data=data[:used]), used
    line = 0
    while line < used_lines:
        last = joined.get(line, line)
        if line in stray:
            damaged[len(spans)] = Damage.QUOTING
        spans.append((line, last))
        line = last + 1
    return CsvBlock(data=data[:used], spans=spans, damaged=damaged), used


class _Lines:
    """The lines of a block, classified by their quotes."""

    def __init__(self, data: bytes, dialect: Dialect) -> None:
        quote, delimiter = dialect.quote[0], dialect.delimiter[0]
        buffer = np.frombuffer(data, np.uint8)
        self.ends: Offsets = np.flatnonzero(buffer == _LF)
        count = len(self.ends)
        quotes = np.flatnonzero(buffer == quote)
        line = np.searchsorted(self.ends, quotes)
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
        return 0 if line == 0 else int(self.ends[line - 1]) + 1


def _any_in(line: Offsets, flags: Flags, count: int) -> Flags:
    result: Flags = np.bincount(line[flags], minlength=count) > 0
    return result


def _has_blank_line(data: bytes) -> bool:
    return data.startswith((b"\n", b"\r\n")) or b"\n\n" in data or b"\n\r\n" in data


def _without_blank_lines(block: CsvBlock) -> CsvBlock:
    ends = block._line_ends  # noqa: SLF001
    starts = np.concatenate(([0], ends[:-1] + 1))
    size = ends - starts
    blank: Flags = (size == 0) | ((size == 1) & (np.frombuffer(block.data, np.uint8)[starts] == _CR))
    spans = np.column_stack((np.arange(len(ends)),) * 2) if block.spans is None else np.array(block.spans, np.int64)
    kept = np.flatnonzero((spans[:, 0] != spans[:, 1]) | ~blank[spans[:, 0]])
    damaged = {int(np.searchsorted(kept, index)): damage for index, damage in block.damaged.items()}
    firsts, lasts = spans[kept].T.tolist()
    return CsvBlock(data=block.data, spans=list(zip(firsts, lasts, strict=True)), damaged=damaged)


def _mark_bad_text(block: CsvBlock) -> CsvBlock:
    if block.data.isascii():
        return block
    bad_lines: list[int] = []
    view = memoryview(block.data)
    done = line = 0
    while done < len(view):
        try:
            codecs.utf_8_decode(view[done:], "strict", True)
            break
        except UnicodeDecodeError as error:
            bad = done + error.start
        line += block.data.count(b"\n", done, bad)
        bad_lines.append(line)
        done = block.data.index(b"\n", bad) + 1
        line += 1
    if not bad_lines:
        return block
    damaged = dict(block.damaged)
    if block.spans is None:
        damaged.update(dict.fromkeys(bad_lines, Damage.ENCODING))
    else:
        firsts = np.array([first for first, _ in block.spans], np.int64)
        for bad_line in bad_lines:
            index = int(np.searchsorted(firsts, bad_line, side="right")) - 1
            if index >= 0 and block.spans[index][1] >= bad_line:
                damaged[index] = Damage.ENCODING
    return CsvBlock(data=block.data, spans=block.spans, damaged=damaged)
