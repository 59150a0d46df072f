"""Where the columns of a Parquet file lie, read from its footer by our own hand.

The engine's accessors for these few numbers end the process on some damaged footers, and believe whatever counts one claims.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from processing.ingest.readers.parquet.thrift import LIST, STRUCT, BrokenThriftError, Cursor

_MOST_ELEMENTS: Final = 4_000_000
"""List elements of a footer, all lists together."""
_MOST_CHUNKS: Final = 250_000
_CODECS: Final = ("none", "snappy", "gzip", "LZO", "brotli", "lz4", "zstd", "lz4_raw")
_READ_CODECS: Final = frozenset(_CODECS) - {"LZO"}
_CHUNK_FIELDS: Final = frozenset({4, 5, 6, 7, 9, 11})


class BadFooterError(ValueError):
    """The footer is no footer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChunk:
    """One column in one row group."""

    codec: str
    """Name of the compression."""
    start: int
    """Offset in the file."""
    packed: int
    """Bytes in the file."""
    unpacked: int
    """Bytes, as claimed."""
    values: int
    """Values, nulls included."""

    @property
    def end(self) -> int:
        """Offset of the first byte behind it."""
        return self.start + self.packed

    @property
    def is_readable(self) -> bool:
        """Whether its compression is one that is read."""
        return self.codec in _READ_CODECS


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """A run of rows that is stored column by column."""

    rows: int
    chunks: tuple[ColumnChunk | None, ...]
    """In the order of the schema's leaves; None for one that is encrypted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """What a Parquet file says of its layout."""

    rows: int
    groups: tuple[RowGroup, ...]


def read_footer(data: bytes, *, body: int) -> Footer:
    """The layout in a footer of a file whose footer begins at offset `body`; BadFooterError when it cannot be true."""
    cursor = Cursor(data, most_elements=_MOST_ELEMENTS)
    rows: int | None = None
    groups: list[RowGroup] = []
    chunks = 0
    try:
        for number, kind in cursor.fields():
            if number == 3 and kind not in (LIST, STRUCT):  # noqa: PLR2004 - field numbers of parquet.thrift
                rows = cursor.integer()
            elif number == 4 and kind == LIST:  # noqa: PLR2004
                for _ in range(_count_of_structs(cursor)):
                    groups.append(_row_group(cursor, body))
                    chunks += len(groups[-1].chunks)
                    if chunks > _MOST_CHUNKS:
                        raise BadFooterError
            else:
                cursor.skip(kind)
    except (BrokenThriftError, IndexError) as error:
        raise BadFooterError from error
    if rows is None or rows != sum(group.rows for group in groups):
        raise BadFooterError
    return Footer(rows=rows, groups=tuple(groups))


def _row_group(cursor: Cursor, body: int) -> RowGroup:
    rows = -1
    chunks: list[ColumnChunk | None] = []
    for number, kind in cursor.fields():
        if number == 1 and kind == LIST:
            chunks = [_chunk(cursor, body) for _ in range(_count_of_structs(cursor))]
        elif number == 3 and kind not in (LIST, STRUCT):  # noqa: PLR2004
            rows = cursor.integer()
        else:
            cursor.skip(kind)
    if rows < 0:
        raise BadFooterError
    return RowGroup(rows=rows, chunks=tuple(chunks))


def _chunk(cursor: Cursor, body: int) -> ColumnChunk | None:
    found: dict[int, int] | None = None
    for number, kind in cursor.fields():
        if number == 3 and kind == STRUCT:  # noqa: PLR2004
            found = cursor.integers(_CHUNK_FIELDS)
        else:
            cursor.skip(kind)
    if found is None:
        return None
    try:
        codec, values, unpacked, packed, start = (found[number] for number in (4, 5, 6, 7, 9))
    except KeyError as error:
        raise BadFooterError from error
    # Some writers put 0 for "no dictionary page".
    if found.get(11, 0) > 0:
        start = min(start, found[11])
    if min(codec, values, unpacked, packed) < 0 or start < 0 or start + packed > body:
        raise BadFooterError
    return ColumnChunk(
        codec=_CODECS[codec] if codec < len(_CODECS) else f"number {codec}",
        start=start,
        packed=packed,
        unpacked=unpacked,
        values=values,
    )


def _count_of_structs(cursor: Cursor) -> int:
    count, kind = cursor.elements()
    if count and kind != STRUCT:
        raise BadFooterError
    return count
