"""The files of a day in one table: written on scratch disk, and handed over as soon as they are finished."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from pathlib import Path

import polars as pl

from processing.domain.publications import TableFile, TableOutput, TableSpec
from processing.publication.delta.files import write_table_file
from processing.publication.model import DayRequest, Emit


class DayFiles:
    """Writes the files of a day's publication in one table; in several threads, too, where `emit` can be called so."""

    def __init__(self, request: DayRequest, spec: TableSpec, scratch: Path, emit: Emit) -> None:
        known = {"dataset": str(request.dataset), "pst_date": request.day.isoformat()}
        self._partition = {column: known[column] for column in spec.partition_by}
        self._prefix = request.file_prefix
        self._spec = spec
        self._scratch = scratch
        self._emit = emit
        self._numbers = count()

    def write(self, rows: pl.DataFrame) -> TableFile:
        """Write one file and emit it."""
        name = f"{self._prefix}-{next(self._numbers):05d}.parquet"
        file = write_table_file(rows, self._spec, self._scratch, name=name, partition=self._partition)
        self._emit(f"{self._spec.name}/{file.path}")
        return file

    def output(self, files: Iterable[TableFile]) -> TableOutput:
        """What those of the files come to that the publication holds."""
        return TableOutput(table=self._spec.name, partition=self._partition, files=tuple(files))
