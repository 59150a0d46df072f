"""Publications: what went in and what came out, table by table (contract sections 6 and 8).

Each is a frozen record whose JSON form `documents` writes and reads. Instants are UTC; ETags carry no quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from processing.domain.datasets import Dataset
from processing.domain.stream_state import MarkerRef

TYPES = Literal["string", "double", "long", "boolean", "date", "timestamp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """One Delta table: its folder, columns and partition columns."""

    name: str
    """Folder of the table inside `results-<customer>`."""
    columns: Mapping[str, TYPES]
    """Column names and primitive Delta types, partition columns included."""
    partition_by: tuple[str, ...]
    added: tuple[str, ...] = ()
    """Columns that tables of older programs lack; they are given them when they are opened."""
    is_younger: bool = False
    """Whether older programs published days without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """One Parquet file of a Delta table; the partition columns are not in the file."""

    path: str
    """From the table's folder."""
    size: int
    """Bytes."""
    rows: int
    partition: Mapping[str, str]
    """Partition column to its value as text."""
    statistics: str
    """Delta's JSON statistics: numRecords, minValues, maxValues, nullCount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPart:
    """A staged part that went into a publication."""

    part: str
    blob: str
    """The upload that it came from."""
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOutput:
    """What a publication puts into one table."""

    table: str
    partition: Mapping[str, str]
    files: tuple[TableFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One publication, immutable: what went in and what came out."""

    customer: str
    dataset: Dataset
    day: date
    seq: int
    epoch: int
    created_at: datetime
    markers: tuple[MarkerRef, ...]
    inputs: tuple[InputPart, ...]
    refused: tuple[str, ...]
    rows_in: int
    rows: int
    superseded: int
    test_rows: int
    """Rows marked `is_test`, which never enter results."""
    ratios_before: tuple[str, ...]
    """Ratio metrics known from earlier days."""
    ratios: tuple[str, ...]
    """Ratio metrics that this day's own rows show."""
    replaces: int | None = None
    """The publication that this one replaces, None for a day's first."""
    cause: str = ""
    """Why the day was processed again."""
    difference: str | None = None
    """Name of the blob that holds what it changes."""
    outputs: tuple[TableOutput, ...]
    program: str
    config: str | None = None
    """Version of the customer's config by which it was computed; None where none speaks of its rows."""
    overflowed: int = 0
    """Totals that are beyond all floats, and so are null."""
    kept: tuple[TableOutput, ...] = ()
    """Files beside the tables, that only this program reads."""
    definitions: Mapping[str, str] = field(default_factory=dict)
    """Of results: each experiment with the digest of what its unit totals are made by."""
    warnings: tuple[str, ...] = ()
    """Of results: what the config says of experiments that nothing was found for, in sentences."""
    merged: int = 0
    """Rows of aggregated metrics that went into another row."""

    def names_in(self, table: str) -> list[str]:
        """The names of its files in a table, or beside the tables, from the root of the customer's results."""
        outputs = (each for each in (*self.outputs, *self.kept) if each.table == table)
        return [f"{table}/{file.path}" for output in outputs for file in output.files]
