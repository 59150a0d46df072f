"""A file that is written from its beginning to its end, and given away in pieces while it grows (contract section 3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

_LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a piece, about."""


class SpilledFile:
    """What is written goes to `path`. Where `spill` is given, a file that has grown to 64 MiB is handed to it and begun anew.

    So scratch disk is bounded whatever is written. `spill` must have moved the file away when it returns.
    """

    def __init__(self, path: Path, spill: Callable[[Path], None] | None = None) -> None:
        self.path: Final = path
        self._spill = spill
        self._file = path.open("wb")
        self.written = 0
        """Bytes so far, those that were handed over included."""

    def write(self, data: bytes) -> int:
        """Write all of it; how many bytes that are."""
        self._file.write(data)
        self.written += len(data)
        if self._spill is not None and self._file.tell() >= _LARGEST:
            self._file.close()
            self._spill(self.path)
            self._file = self.path.open("wb")
        return len(data)

    def close(self) -> None:
        """Close what is not handed over."""
        self._file.close()
