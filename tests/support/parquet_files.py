"""Parquet files in memory, for the tests of their reader."""

from __future__ import annotations

import io
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from processing.ingest.readers.parquet.reader import ParquetReader
from processing.ingest.readers.raw_batches import LINE, RECORD, BrokenRecord
from tests.support.batches import batches_of


class BytesSource:
    """Bytes as a RandomAccess that remembers what was asked of it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self.requests: list[tuple[int, int]] = []

    def read(self, offset: int, length: int) -> bytes:
        self.requests.append((offset, length))
        return self._data[offset : offset + length]


def parquet(table: Any, **options: Any) -> bytes:
    """A table as the bytes of a Parquet file."""
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def read_all(reader: ParquetReader) -> tuple[pl.DataFrame, list[BrokenRecord]]:
    """All records of a reader, and the broken ones."""
    schema = {str(index): dtype for index, dtype in enumerate(reader.dtypes) if dtype != pl.Null}
    frames = [pl.DataFrame(schema=schema | {RECORD: pl.Int64(), LINE: pl.Int64()})]
    broken: list[BrokenRecord] = []
    for batch in batches_of(reader):
        frames.append(batch.frame)
        broken += batch.broken
    return pl.concat(frames), broken
