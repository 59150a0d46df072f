"""What a fix file is to whoever writes rejected rows, whatever its format (contract section 5)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from processing.ingest.readers.upload_form import UploadedRecords

WORDS: Final = "words"
"""Column of why a record was rejected, in words (String)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Masks:
    """What may not be shown of records, where anything is masked."""

    hides: Callable[[str], bool]
    """Whether no value is shown of the column that is called so."""
    known: frozenset[str] | None
    """The names that may be told; None for all of the header."""
    masked: Callable[[str], dict[str, Any] | None]
    """A record that is JSON as it may be shown; None where that cannot be told."""


class FixFile(ABC):
    """Takes records as they are read, and writes them once it is known why they were rejected."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.left_out = 0
        """Records that cannot be written in this form."""
        self.unwritten_from: int | None = None
        """The first record for which there was no room, behind which none is written; None while there is."""
        self.is_empty = True
        """Whether no record is written so far."""

    @property
    @abstractmethod
    def held(self) -> int:
        """Bytes of the records that are held, about."""

    @abstractmethod
    def take(self, uploaded: UploadedRecords) -> None:
        """Hold records, which stand behind all others so far."""

    @abstractmethod
    def put(self, rejected: pl.DataFrame) -> None:
        """Write those of the held records that are named, with their words, until there is no more room.

        `rejected` has RECORD (Int64), ascending, and WORDS.
        """

    @abstractmethod
    def forget(self) -> None:
        """Hold nothing any longer."""

    @abstractmethod
    def close(self) -> None:
        """End the file."""
