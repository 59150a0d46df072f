"""Rows of Parquet in a file of their own types, with their errors as the first column (contract section 5)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from processing.domain.receipts import MASKED
from processing.ingest.columns.header import HeaderNames
from processing.ingest.fixes.fix_file import WORDS, FixFile, Masks
from processing.ingest.readers.parquet.rows_at import rows_at
from processing.ingest.readers.raw_batches import RECORD
from processing.ingest.readers.upload_form import ERRORS, ParquetForm, UploadedRecords
from processing.ingest.spilled_file import SpilledFile

_TEXT: Final = pa.string()


class ParquetFixes(FixFile):
    """Writes the columns that are read of rows into `file`, as many as have room in `most` bytes; None for any number."""

    def __init__(self, file: SpilledFile, form: ParquetForm, masks: Masks | None = None, *, most: int | None = None) -> None:
        super().__init__(file.path)
        self._file = file
        self._form = form
        self._masks = masks
        self._room = most
        self._held: list[UploadedRecords] = []
        self._writer: Any = None

    @property
    def held(self) -> int:
        """Bytes of the rows that are held."""
        return sum(each.size for each in self._held)

    def take(self, uploaded: UploadedRecords) -> None:
        """Hold rows."""
        self._held.append(uploaded)

    def put(self, rejected: pl.DataFrame) -> None:
        """Write those that are named, with their words."""
        if not rejected.height or not self._held:
            self.left_out += rejected.height
            return
        held = pa.concat_tables([each.rows for each in self._held]).unify_dictionaries()
        numbers = np.concatenate([each.records.to_numpy() for each in self._held])
        wanted = rejected.get_column(RECORD).to_numpy()
        places = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
        is_there = numbers[places] == wanted
        self.left_out += int(np.count_nonzero(~is_there))
        named = rejected.filter(pl.Series(is_there))
        rows = self._fitting(rows_at(held, places[is_there]), named)
        if rows.num_rows:
            self._write(rows, named.get_column(WORDS).head(rows.num_rows).to_list())

    def forget(self) -> None:
        """Hold nothing any longer."""
        self._held = []

    def close(self) -> None:
        """End the file."""
        if self._writer is not None:
            self._writer.close()
        self._file.close()

    def _fitting(self, rows: Any, named: pl.DataFrame) -> Any:
        """The rows for which there is room, counted as they lie in memory."""
        if self._room is None or not rows.num_rows:
            return rows
        words = int(named.get_column(WORDS).str.len_bytes().sum())
        each = max(1, (rows.nbytes + words) // rows.num_rows)
        count = min(rows.num_rows, self._room // each)
        self._room -= count * each
        if count < rows.num_rows:
            self.unwritten_from = int(named.item(count, RECORD))
        return rows.slice(0, count)

    def _write(self, rows: Any, words: Sequence[str]) -> None:
        names = list(self._form.names)
        shown = names if self._masks is None else _shown(names, self._masks)
        columns = [pa.array(words, _TEXT)]
        fields = [pa.field(ERRORS, _TEXT)]
        for name, called, field, column in zip(names, shown, rows.schema, rows.columns, strict=True):
            if name == ERRORS:
                continue  # of a fix file that was not fixed
            if self._masks is not None and self._masks.hides(name):
                values = pc.if_else(column.is_valid(), pa.scalar(MASKED, _TEXT), pa.scalar(None, _TEXT))
                columns.append(values)
                fields.append(pa.field(called, _TEXT))
            else:
                columns.append(column)
                fields.append(field.with_name(called))
        table = pa.Table.from_arrays(columns, schema=pa.schema(fields))
        if self._writer is None:
            sink = pa.PythonFile(_Sink(self._file), mode="w")
            self._writer = pq.ParquetWriter(sink, table.schema, compression=self._form.compression)
        self._writer.write_table(table)
        self.is_empty = False


def _shown(names: Sequence[str], masks: Masks) -> list[str]:
    called = HeaderNames(names, masks.known)
    return [called.shown(index) if not called.may_show(name) else name for index, name in enumerate(names)]


class _Sink(io.RawIOBase):
    """The file as Parquet's writer takes it, which asks where it is in all that was written."""

    def __init__(self, file: SpilledFile) -> None:
        super().__init__()
        self._own = file

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._own.written

    def write(self, data: Any, /) -> int:
        return self._own.write(bytes(data))
