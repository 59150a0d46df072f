"""What kind of file an upload is: its name and its bytes decide, the content type is never asked (contract section 3)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pyarrow as pa

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.ingest.readers.foreign_formats import foreign_format, is_binary
from processing.ingest.readers.text_encoding import marked_encoding, without_bom

HEAD: Final = 16 * 1024
"""Bytes from the start of a file that tell what it is, all of them when it has fewer."""

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
# A zstd file may also begin with a frame to be skipped, whose first byte is any of sixteen.
_ZSTD_SKIPPED: Final = b"\x2a\x4d\x18"
_ZSTD_SKIPPED_FIRST: Final = range(0x50, 0x60)
_PARQUET: Final = b"PAR1"
_DELIMITERS: Final = (b",", b"\t", b";", b"|", b"\x01")
"""What stands between the fields of text that may be CSV."""
_LINE: Final = 256
"""Bytes that are unpacked at a time, where what follows may be cut off."""


class Layout(StrEnum):
    """How records lie in the unpacked bytes."""

    CSV = "csv"
    TSV = "tsv"
    NDJSON = "ndjson"
    PARQUET = "parquet"


class Packing(StrEnum):
    """How the bytes are compressed."""

    PLAIN = ""
    GZIP = "gz"
    ZSTD = "zst"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """A layout and its packing."""

    layout: Layout
    packing: Packing

    def __str__(self) -> str:
        return f"{self.layout}.{self.packing}" if self.packing else self.layout.value


_LAYOUTS: Final = {
    "csv": Layout.CSV,
    "tsv": Layout.TSV,
    "ndjson": Layout.NDJSON,
    "jsonl": Layout.NDJSON,
    "json": Layout.NDJSON,
    "parquet": Layout.PARQUET,
}


def detect_format(name: str, head: bytes) -> FileFormat:
    """The format of an upload from its name and its first bytes (HEAD or more); CustomerError when no known one fits.

    The bytes tell Parquet and compression, because tools rename and unpack on the way; the name's ending, in upper or
    lower case, tells one text layout from another. Where it is none that is known, as warehouses write names, the bytes
    tell that too.
    """
    if head.startswith(_PARQUET):
        return FileFormat(layout=Layout.PARQUET, packing=Packing.PLAIN)
    # Names that people type, or paste, end in blanks that nobody sees.
    endings = [ending.strip() for ending in name.lower().rpartition("/")[2].split(".")[1:]]
    if endings and endings[-1] in (Packing.GZIP, Packing.ZSTD):
        endings.pop()
    layout = _LAYOUTS.get(endings[-1]) if endings else None
    packing = _packing(head)
    if layout is Layout.PARQUET:
        found = foreign_format(plain_head(head, packing))
        what = ": write it again, do not compress it, and upload it" if found is None else f"; {found}"
        raise CustomerError(RefusalCode.DAMAGED_PARQUET, f"the file does not begin as Parquet does (PAR1){what}")
    if layout is None:
        layout = _layout_of(plain_head(head, packing), packing)
    return FileFormat(layout=layout, packing=packing)


def is_packed(head: bytes) -> bool:
    """Whether bytes that begin so may be far more once they are unpacked."""
    return head.startswith(_PARQUET) or _packing(head) is not Packing.PLAIN


def plain_head(head: bytes, packing: Packing) -> bytes:
    """The first bytes of what is packed, as far as its own first bytes tell; fewer, or none, where it is broken."""
    if packing is Packing.GZIP:
        try:
            return zlib.decompressobj(wbits=31).decompress(head, HEAD)
        except zlib.error:
            return b""
    if packing is Packing.ZSTD:
        found = b""
        try:
            with pa.CompressedInputStream(pa.BufferReader(head), "zstd") as plain:
                while len(found) < HEAD and (piece := plain.read(_LINE)):
                    found += piece
        except (OSError, pa.ArrowException):
            pass  # it is cut off here
        return found
    return head


def _layout_of(head: bytes, packing: Packing) -> Layout:
    """The layout of text that no ending tells."""
    found = foreign_format(head)
    if found is not None:
        raise CustomerError(RefusalCode.UNKNOWN_FORMAT, f"no known format; {found}")
    encoding = marked_encoding(head)
    text = head.decode(encoding, "replace").encode() if encoding else head
    text = without_bom(text).lstrip()
    if not text and packing is not Packing.PLAIN:
        return Layout.CSV  # of no bytes at all any layout makes no rows
    if text.startswith((b"{", b"[")):
        return Layout.NDJSON
    line = text.partition(b"\n")[0]
    if not is_binary(text) and any(mark in line for mark in _DELIMITERS):
        return Layout.TSV if line.count(b"\t") > line.count(b",") else Layout.CSV
    raise CustomerError(
        RefusalCode.UNKNOWN_FORMAT,
        "no known format: the bytes look neither like CSV nor like JSON; "
        "name the file .csv, .tsv, .ndjson or .parquet (text also .gz or .zst), and upload it again",
    )


def _packing(head: bytes) -> Packing:
    if head.startswith(_GZIP):
        return Packing.GZIP
    if head.startswith(_ZSTD) or (head[1:4] == _ZSTD_SKIPPED and head[0] in _ZSTD_SKIPPED_FIRST):
        return Packing.ZSTD
    return Packing.PLAIN
