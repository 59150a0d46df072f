"""Footers without what the engine knows no type for, so that one column that is not read does not cost the file.

The engine makes types for all columns at once, and gives up where one says that its bytes are whole numbers of more than 64
bits: in Parquet's schema, or in the schema of Arrow that some programs keep beside it. Without these remarks the bytes are
bytes; the column itself must not be read.
"""

from __future__ import annotations

from typing import Final

from processing.ingest.readers.parquet.footer import BadFooterError
from processing.ingest.readers.parquet.thrift import BYTE, LIST, STRUCT, BrokenThriftError, Cursor
from processing.ingest.readers.random_access import RandomAccess

_SCHEMA: Final = 2
_CHILDREN: Final = 5
_LOGICAL_TYPE: Final = 10
_INTEGER: Final = 10
_BIT_WIDTH: Final = 1
_WIDEST: Final = 64
_MOST_ELEMENTS: Final = 4_000_000
_ARROW_SCHEMA: Final = b"ARROW:schema"
_OTHER_KEY: Final = b"other:schema"
_MAGIC: Final = b"PAR1"


def without_wide_integers(footer: bytes) -> tuple[bytes, frozenset[int]]:
    """The footer without the remark that leaves are integers of more than 64 bits, and which leaves had it, from 0.

    BadFooterError when it is no footer.
    """
    cursor = Cursor(footer, most_elements=_MOST_ELEMENTS)
    spans: list[tuple[int, int]] = []
    leaves: set[int] = set()
    try:
        for number, kind in cursor.fields():
            if number == _SCHEMA and kind == LIST:
                count, _ = cursor.elements()
                leaf = 0
                for _ in range(count):
                    is_leaf, span = _element(cursor, footer)
                    if span is not None:
                        spans.append(span)
                        leaves.add(leaf)
                    leaf += is_leaf
            else:
                cursor.skip(kind)
    except (BrokenThriftError, IndexError) as error:
        raise BadFooterError from error
    kept: list[bytes] = []
    done = 0
    for start, end in spans:
        kept.append(footer[done:start])
        done = end
    # Under another name of the same length nobody looks for it.
    return b"".join([*kept, footer[done:]]).replace(_ARROW_SCHEMA, _OTHER_KEY), frozenset(leaves)


def _element(cursor: Cursor, footer: bytes) -> tuple[bool, tuple[int, int] | None]:
    """Whether an element of the schema is a leaf, and where the remark stands that is to go."""
    is_leaf = True
    span = None
    before = cursor.at
    for number, kind in cursor.fields():
        # The field's own head stands before its value.
        start = before
        if number == _CHILDREN and kind != STRUCT:
            is_leaf = cursor.integer() == 0
        elif number == _LOGICAL_TYPE and kind == STRUCT:
            is_wide = _is_wide(cursor, footer)
            # It is the last field of an element, so that no later one is counted from it.
            if is_wide and footer[cursor.at] == 0:
                span = (start, cursor.at)
        else:
            cursor.skip(kind)
        before = cursor.at
    return is_leaf, span


def _is_wide(cursor: Cursor, footer: bytes) -> bool:
    is_wide = False
    for number, kind in cursor.fields():
        if number == _INTEGER and kind == STRUCT:
            for inner, inner_kind in cursor.fields():
                if inner == _BIT_WIDTH and inner_kind == BYTE:
                    # A byte with a sign, of which 128 is beyond.
                    is_wide = footer[cursor.at] > _WIDEST
                cursor.skip(inner_kind)
        else:
            cursor.skip(kind)
    return is_wide


class WithFooter:
    """A file with another footer in the place of its own, which is as if it had been written so."""

    def __init__(self, source: RandomAccess, body: int, footer: bytes) -> None:
        self._source = source
        self._body = body
        self._tail = footer + len(footer).to_bytes(4, "little") + _MAGIC

    @property
    def size(self) -> int:
        """Bytes."""
        return self._body + len(self._tail)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length), fewer only at the end of the file."""
        end = min(offset + length, self.size)
        data = self._source.read(offset, min(end, self._body) - offset) if offset < self._body else b""
        return data + self._tail[max(0, offset - self._body) : max(0, end - self._body)]
