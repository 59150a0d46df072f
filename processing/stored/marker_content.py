"""Whether a blob that is called like a marker holds finished dates, which win over its name (contract section 4, signals)."""

from __future__ import annotations

import zlib
from typing import Final

import pyarrow as pa

from processing.domain.errors import CustomerError
from processing.ingest.columns.header import fold
from processing.ingest.readers.formats import FileFormat, Layout, Packing, detect_format

HEAD: Final = 64 * 1024
"""Bytes in which a header must begin, as stored and unpacked."""
_COLUMN: Final = fold("finished_date").encode()
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS


def name_of_dates(name: str, head: bytes) -> str | None:
    """A name by which a blob is read as a file of finished dates; None where its first bytes do not look like one.

    They may look so and be none, a note that speaks of the column, say: whether they have it is seen when they are read.
    """
    head = head[:HEAD]
    found = _format(name, head)
    if found is None:
        # The bytes decide where the name has no ending that says what they are.
        name += ".json" if _unpacked(head).lstrip().startswith(b"{") else ".csv"
        found = _format(name, head)
    if found is None:
        return None
    if found.layout is Layout.PARQUET:
        return name
    return name if _COLUMN in _folded(_unpacked(head)) else None


def _format(name: str, head: bytes) -> FileFormat | None:
    try:
        return detect_format(name, head)
    except CustomerError:
        return None


def _unpacked(head: bytes) -> bytes:
    packing = detect_format("a.csv", head).packing if not head.startswith(b"PAR1") else Packing.PLAIN
    try:
        if packing is Packing.GZIP:
            return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(head, HEAD)
        if packing is Packing.ZSTD:
            with pa.CompressedInputStream(pa.BufferReader(head), "zstd") as plain:
                return bytes(plain.read(HEAD))
    except (zlib.error, OSError):
        return b""  # a damaged archive names no days
    return head


def _folded(text: bytes) -> bytes:
    # NUL stands between the letters of UTF-16.
    return fold(text.replace(b"\0", b"").decode("utf-8", "replace")).encode()
