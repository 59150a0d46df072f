"""What kind of file an upload is: its name and its bytes decide, the content type is never asked (contract section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode

HEAD: Final = 4
"""Bytes from the start of a file that tell what it is, all of them when it has fewer."""

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
# A zstd file may also begin with a frame to be skipped, whose first byte is any of sixteen.
_ZSTD_SKIPPED: Final = b"\x2a\x4d\x18"
_ZSTD_SKIPPED_FIRST: Final = range(0x50, 0x60)
_PARQUET: Final = b"PAR1"


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
    lower case, tells one text layout from another.
    """
    if head.startswith(_PARQUET):
        return FileFormat(layout=Layout.PARQUET, packing=Packing.PLAIN)
    endings = name.lower().rpartition("/")[2].split(".")[1:]
    if endings and endings[-1] in (Packing.GZIP, Packing.ZSTD):
        endings.pop()
    layout = _LAYOUTS.get(endings[-1]) if endings else None
    if layout is None:
        raise CustomerError(
            RefusalCode.UNKNOWN_FORMAT,
            "no known format: name the file .csv, .tsv, .ndjson or .parquet (text also .gz or .zst), and upload it again",
        )
    if layout is Layout.PARQUET:
        raise CustomerError(
            RefusalCode.DAMAGED_PARQUET,
            "the file does not begin as Parquet does (PAR1): write it again, do not compress it, and upload it",
        )
    return FileFormat(layout=layout, packing=_packing(head))


def _packing(head: bytes) -> Packing:
    if head.startswith(_GZIP):
        return Packing.GZIP
    if head.startswith(_ZSTD) or (head[1:4] == _ZSTD_SKIPPED and head[0] in _ZSTD_SKIPPED_FIRST):
        return Packing.ZSTD
    return Packing.PLAIN
