"""Bytes in memory as the source of an upload."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bytes:
    """A RandomAccess over bytes."""

    data: bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length)."""
        return self.data[offset : offset + length]
