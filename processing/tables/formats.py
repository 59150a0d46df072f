"""Which format an upload has, by its name and its first bytes; the content type is never asked (contract section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from processing.domain.errors import CustomerError

_GZIP = b"\x1f\x8b"


class Layout(StrEnum):
    """How records lie in the unpacked bytes."""

    CSV = "csv"


class Packing(StrEnum):
    """How the bytes are compressed."""

    PLAIN = ""
    GZIP = "gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """A layout and its packing."""

    layout: Layout
    packing: Packing

    def __str__(self) -> str:
        return f"{self.layout}.{self.packing}" if self.packing else self.layout.value


_PACKING_ENDINGS = (".gz",)


def detect_format(name: str, head: bytes) -> FileFormat:
    """The format of an upload; CustomerError when no known one fits.

    The name tells the layout; the first bytes tell whether it is compressed, because tools rename and unpack on the way.
    """
    stem = name.lower()
    for ending in _PACKING_ENDINGS:
        stem = stem.removesuffix(ending)
    packing = Packing.GZIP if head.startswith(_GZIP) else Packing.PLAIN
    ending = stem.rpartition(".")[2]
    if ending not in list(Layout):
        raise CustomerError(
            "unknown_format", "no known format: name the file .csv, or .csv.gz when it is compressed, and upload it again"
        )
    return FileFormat(layout=Layout(ending), packing=packing)
