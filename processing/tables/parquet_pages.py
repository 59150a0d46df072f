"""Looks at every Parquet page header before the engine acts on it, so that a false claim is refused, not allocated.

A page header says how many bytes its page unpacks to, and the engine believes it. All bytes of a column pass through here
in order on their way to the engine; each header is found by the compressed size in the one before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from processing.domain.errors import CustomerError

LARGEST_PAGE: Final = 128 * 1024 * 1024
"""Bytes, unpacked; writers make pages of about a megabyte."""
MOST_VALUES: Final = 32 * 1024 * 1024
"""Values in one page of a column that repeats within a row."""
_HEADER_SIZES: Final = (64 * 1024, 16 * 1024 * 1024)
_DEEPEST: Final = 8


class DamagedPage(CustomerError):
    """A page header that cannot be, or must not be, believed."""

    def __init__(self, what: str) -> None:
        super().__init__("damaged_parquet", f"the Parquet file {what}: write it again and upload it")


@dataclass(slots=True, kw_only=True)
class Chunk:
    """The pages of one column in one row group."""

    start: int
    """Offset in the file."""
    end: int
    """Offset of the first byte behind it."""
    repeated: bool
    """Whether a row may hold many values."""
    next_header: int = 0

    def __post_init__(self) -> None:
        """The first header stands at the start."""
        self.next_header = self.start


class PageGuard:
    """Follows the reads of a set of column chunks and raises DamagedPage before a false header does harm."""

    def __init__(self, chunks: Sequence[Chunk], peek: Callable[[int, int], bytes]) -> None:
        self._chunks = sorted(chunks, key=lambda chunk: chunk.start)
        self._starts = [chunk.start for chunk in self._chunks]
        self._peek = peek

    def saw(self, offset: int, data: bytes) -> None:
        """Check the page headers that begin in `data`."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0:
            return
        chunk = self._chunks[index]
        end = min(offset + len(data), chunk.end)
        while offset <= chunk.next_header < end:
            self._check(chunk, data, offset)

    def reach(self, offset: int, end: int, *, most: int, small: int) -> int:
        """How far to fetch with a read that ends a chunk: over the chunks behind it that are `small`, `most` bytes in all."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0 or end < self._chunks[index].end:
            return end
        reached = end
        for chunk in self._chunks[index + 1 :]:
            if chunk.end - offset > most or chunk.end - chunk.start > small or chunk.start - reached > small:
                break
            reached = chunk.end
        return reached

    def _check(self, chunk: Chunk, data: bytes, offset: int) -> None:
        at = chunk.next_header
        tail = data[at - offset : at - offset + 256]
        try:
            header, length = read_page_header(tail)
        except IndexError:
            header, length = self._long_header(at)
        if not 0 <= header.packed <= chunk.end - at:
            raise DamagedPage("has a page that reaches beyond its column")
        if not 0 <= header.unpacked <= LARGEST_PAGE:
            raise DamagedPage(f"has a page of {header.unpacked:,} bytes, more than {LARGEST_PAGE:,}")
        if header.values < 0 or (chunk.repeated and header.values > MOST_VALUES):
            raise DamagedPage(f"has a page of {header.values:,} values, more than {MOST_VALUES:,}")
        chunk.next_header = at + length + header.packed

    def _long_header(self, at: int) -> tuple[PageHeader, int]:
        for size in _HEADER_SIZES:
            try:
                return read_page_header(self._peek(at, size))
            except IndexError:
                continue
        raise DamagedPage("has a broken page header")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHeader:
    """What a page claims of itself."""

    unpacked: int
    """Bytes."""
    packed: int
    """Bytes."""
    values: int
    """Values, nulls included; 0 for pages without."""


def read_page_header(data: bytes) -> tuple[PageHeader, int]:
    """The Thrift compact page header at the start of `data`, and its length.

    IndexError when `data` ends before the header does; DamagedPage for what is no header.
    """
    cursor = _Cursor(data)
    fields: dict[int, int] = {}
    values = 0
    for number, kind in cursor.fields():
        if number in (1, 2, 3) and kind == _I32:
            fields[number] = cursor.zigzag()
        elif kind == _STRUCT:
            # Field 1 of each kind of page header is its count of values.
            for inner, inner_kind in cursor.fields():
                if inner == 1 and inner_kind == _I32:
                    values = cursor.zigzag()
                else:
                    cursor.skip(inner_kind, 1)
        else:
            cursor.skip(kind, 0)
    if fields.keys() != {1, 2, 3}:
        raise DamagedPage("has a broken page header")
    return PageHeader(unpacked=fields[2], packed=fields[3], values=values), cursor.at


_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(13)
_LONGEST_VARINT: Final = 10


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def fields(self) -> _Fields:
        return _Fields(self)

    def byte(self) -> int:
        value = self._data[self.at]
        self.at += 1
        return value

    def varint(self) -> int:
        value = 0
        for place in range(_LONGEST_VARINT):
            byte = self.byte()
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:  # noqa: PLR2004 - the continuation bit
                return value
        raise DamagedPage("has a broken page header")

    def zigzag(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def skip(self, kind: int, depth: int) -> None:
        if depth > _DEEPEST:
            raise DamagedPage("has a broken page header")
        if kind in (_TRUE, _FALSE):
            return
        if kind == _BYTE:
            self._pass(1)
        elif kind in (_I16, _I32, _I64):
            self.varint()
        elif kind == _DOUBLE:
            self._pass(8)
        elif kind == _BINARY:
            self._pass(self.varint())
        elif kind == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        else:
            # No page header has lists, sets or maps.
            raise DamagedPage("has a broken page header")

    def _pass(self, size: int) -> None:
        self.at += size
        if self.at > len(self._data):
            raise IndexError


class _Fields:
    """The fields of the struct at the cursor; the values are left for the caller to read."""

    def __init__(self, cursor: _Cursor) -> None:
        self._cursor = cursor
        self._number = 0

    def __iter__(self) -> _Fields:
        return self

    def __next__(self) -> tuple[int, int]:
        head = self._cursor.byte()
        kind = head & 0x0F
        if kind == _STOP:
            raise StopIteration
        step = head >> 4
        self._number = self._number + step if step else self._cursor.zigzag()
        return self._number, kind
