"""How an upload is written, for whoever writes some of its records anew in the same form (contract section 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import polars as pl

from processing.ingest.readers.dialect import Dialect

ERRORS: Final = "_errors"
"""The first column, or key, of a fix file: why the record was rejected."""


def count_columns(names: Iterable[str]) -> int:
    """How many columns a file has, without the one that a fix file has more."""
    return sum(name != ERRORS for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextForm:
    """How text becomes bytes."""

    mark: bytes = b""
    """The byte order mark that it begins with."""
    encoding: str | None = None
    """None where the bytes are UTF-8, or are meant to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvForm:
    """How CSV is written."""

    text: TextForm
    dialect: Dialect
    before: bytes = b""
    """What stands before the header line, each line with its end; what lines hold that are skipped is left out."""
    header: bytes
    """The header line, as wide as the rows are, without its end; of a file without one, what it would be."""
    end: bytes
    """What ends the header line."""
    names: tuple[str, ...]
    """The columns, as the reader has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NdjsonForm:
    """How NDJSON is written."""

    text: TextForm


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetForm:
    """How Parquet is written."""

    names: tuple[str, ...]
    """The columns that are read, by their order in `UploadedRecords.rows`."""
    compression: str
    """Of its first column, as pyarrow calls it."""


UploadForm = CsvForm | NdjsonForm | ParquetForm


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedRecords:
    """Some records of an upload, as they stand there."""

    records: pl.Series
    """Their numbers in the file, Int64, ascending."""
    rows: Any
    """Of text `list[bytes]`, each with what ends its line, in UTF-8 unless it is no text; of Parquet a `pyarrow.Table`
    of the columns that are read."""
    size: int = field(default=0)
    """Bytes in memory, about."""

    def renumbered(self, by: int) -> Self:
        """The same with so much added to their numbers."""
        return replace(self, records=self.records + by)
