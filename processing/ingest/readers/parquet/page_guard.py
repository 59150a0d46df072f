"""Looks at every Parquet page before the engine acts on it, so that a false or monstrous claim costs nothing.

A page header says how many bytes its page unpacks to, and the engine believes it. A page may also name one long text a
million times. All bytes of a column pass through here in order on their way to the engine; each header is found by the
compressed size in the one before.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.ingest.readers.parquet.footer import ColumnChunk
from processing.ingest.readers.parquet.thrift import I32, STRUCT, BrokenThriftError, Cursor

LARGEST_PAGE: Final = 128 * 1024 * 1024
"""Bytes, unpacked; writers make pages of about a megabyte."""
MOST_VALUES: Final = 32 * 1024 * 1024
"""Values in one page of a column that repeats within a row."""
LARGEST_BATCH: Final = 64 * 1024 * 1024
"""Bytes that repeated texts of one column may take in a batch."""
_HEADER_SIZES: Final = (256, 64 * 1024, 16 * 1024 * 1024)
_FIRST_AND_ENCODINGS: Final = frozenset({1, 2, 4})
_DATA_PAGE, _INDEX_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_V2 = range(4)
# Where the header of each kind of data page names its encoding.
_ENCODING_FIELD: Final = {_DATA_PAGE: 2, _DATA_PAGE_V2: 4}
_DELTA_BYTE_ARRAY: Final = 7
_LENGTH_BYTES: Final = 4


class DamagedPage(CustomerError):
    """A page that cannot be, or must not be, believed."""

    def __init__(self, what: str) -> None:
        super().__init__(RefusalCode.DAMAGED_PARQUET, f"the Parquet file {what}: write it again and upload it")


class SmallerBatches(Exception):
    """The row group can be read, in batches of at most `rows`: a text of one of its columns stands in many rows."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


@dataclass(slots=True, kw_only=True)
class Watched:
    """A column chunk on its way to the engine."""

    chunk: ColumnChunk
    repeated: bool
    """Whether a row may hold many values."""
    text: bool
    """Whether its values may have any length."""
    values_per_row: int
    next_header: int
    values_left: int


class PageGuard:
    """Follows the reads of a set of column chunks.

    Raises DamagedPage before a false header does harm, and SmallerBatches before batches of `rows` rows do.
    """

    def __init__(self, chunks: Sequence[Watched], peek: Callable[[int, int], bytes], rows: int) -> None:
        self._chunks = sorted(chunks, key=lambda watched: watched.chunk.start)
        self._starts = [watched.chunk.start for watched in self._chunks]
        self._peek = peek
        self._rows = rows

    def saw(self, offset: int, data: bytes) -> None:
        """Check the pages that begin in `data`."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0:
            return
        watched = self._chunks[index]
        end = min(offset + len(data), watched.chunk.end)
        while offset <= watched.next_header < end:
            self._check(watched)

    def reach(self, offset: int, end: int, *, most: int, small: int) -> int:
        """How far to fetch with a read that ends a chunk: over the `small` chunks behind it, `most` bytes in all."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0 or end < self._chunks[index].chunk.end:
            return end
        reached = end
        for watched in self._chunks[index + 1 :]:
            chunk = watched.chunk
            if chunk.end - offset > most or chunk.packed > small or chunk.start - reached > small:
                break
            reached = chunk.end
        return reached

    def _check(self, watched: Watched) -> None:
        at, end = watched.next_header, watched.chunk.end
        header, length = self._header(at, end)
        if not 0 <= header.packed <= end - at - length:
            raise DamagedPage("has a page that reaches beyond its column")
        if not 0 <= header.unpacked <= LARGEST_PAGE:
            raise DamagedPage(f"has a page of {header.unpacked:,} bytes, more than {LARGEST_PAGE:,}")
        if header.values < 0 or (watched.repeated and header.values > MOST_VALUES):
            raise DamagedPage(f"has a page of {header.values:,} values, more than {MOST_VALUES:,}")
        if header.kind in _ENCODING_FIELD:
            watched.values_left -= header.values
            if watched.values_left < 0:
                raise DamagedPage("has more values than its footer says")
        watched.next_header = at + length + header.packed
        if watched.text and (header.kind == _DICTIONARY_PAGE or header.encoding == _DELTA_BYTE_ARRAY):
            self._check_texts(watched, header, at + length)

    def _check_texts(self, watched: Watched, header: PageHeader, body: int) -> None:
        longest = header.unpacked
        if header.kind == _DICTIONARY_PAGE and longest * self._rows * watched.values_per_row > LARGEST_BATCH:
            longest = _longest_text(self._peek(body, header.packed), watched.chunk.codec, header)
        rows = LARGEST_BATCH // max(1, longest * watched.values_per_row)
        if rows == 0:
            raise DamagedPage("has rows of more than 64 MiB")
        if rows < self._rows:
            raise SmallerBatches(rows)

    def _header(self, at: int, end: int) -> tuple[PageHeader, int]:
        for size in _HEADER_SIZES:
            try:
                return read_page_header(self._peek(at, min(size, end - at)))
            except IndexError:
                if size >= end - at:
                    break
        raise DamagedPage("has a broken page header")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHeader:
    """What a page claims of itself."""

    kind: int
    unpacked: int
    """Bytes."""
    packed: int
    """Bytes."""
    values: int
    """Values, nulls included; 0 for pages without."""
    encoding: int | None
    """Of the values; None for other than data pages."""


def read_page_header(data: bytes) -> tuple[PageHeader, int]:
    """The page header at the start of `data`, and its length.

    IndexError when `data` ends before the header does; DamagedPage for what is no header.
    """
    cursor = Cursor(data)
    fields: dict[int, int] = {}
    inner: dict[int, int] = {}
    try:
        for number, kind in cursor.fields():
            if kind == I32:
                fields[number] = cursor.integer()
            elif kind == STRUCT:
                # Field 1 of each kind of page header is its count of values.
                inner = cursor.integers(_FIRST_AND_ENCODINGS)
            else:
                cursor.skip(kind)
        page = fields[1]
        encoding = inner.get(_ENCODING_FIELD[page]) if page in _ENCODING_FIELD else None
        header = PageHeader(kind=page, unpacked=fields[2], packed=fields[3], values=inner.get(1, 0), encoding=encoding)
    except (BrokenThriftError, KeyError) as error:
        raise DamagedPage("has a broken page header") from error
    return header, cursor.at


def _longest_text(page: bytes, codec: str, header: PageHeader) -> int:
    """Bytes of the longest text of a dictionary page; all of the page's where it cannot be looked into."""
    try:
        if codec != "none":
            page = pa.Codec(codec).decompress(page, header.unpacked, asbytes=True)
        return min(max(_sizes(page, header.values), default=0), header.unpacked)
    except (pa.ArrowException, OSError, ValueError, struct.error):
        return header.unpacked


def _sizes(page: bytes, count: int) -> Iterator[int]:
    """The sizes of the texts of a plain page, each of which begins with its own."""
    size_at = struct.Struct("<I").unpack_from
    at = 0
    if count:
        (size,) = size_at(page)
        # Ids are mostly of one length, and then need no walk from each to the next.
        if len(page) == count * (_LENGTH_BYTES + size):
            heads = np.frombuffer(page, np.uint8).reshape(count, -1)[:, :_LENGTH_BYTES]
            if bool(np.all(heads == heads[0])):
                yield size
                return
    for _ in range(count):
        (size,) = size_at(page, at)
        at += _LENGTH_BYTES + size
        yield size
