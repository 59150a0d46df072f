"""The first rows of a staged part, without reading more of it than they need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet, OperatorError
from processing.ingest.readers.random_access import RangeFile
from processing.ports import BlobStore

_AT_ONCE = 1_000
"""Rows that are decoded together."""
_BUFFER = 256 * 1024
"""Bytes of a column that are read ahead."""


def first_rows(lake: BlobStore, part: str, columns: Sequence[str], *, skip: int, most: int) -> Iterator[pl.DataFrame]:
    """Those of the first `most` rows that stand behind the first `skip`, some at a time, with the columns that are there.

    Nothing of a part that is gone, as one is that was replaced. OperatorError for one that is damaged.
    """
    info = lake.head(blob_names.STAGED_CONTAINER, part)
    if info is None:
        return
    source = RangeFile(_Staged(lake=lake, name=part, etag=info.etag, size=info.size))
    at = 0
    try:
        with pq.ParquetFile(pa.PythonFile(source, mode="r"), buffer_size=_BUFFER, pre_buffer=False) as file:
            there = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=min(_AT_ONCE, most), columns=there, use_threads=False):
                start = max(skip - at, 0)
                rows = batch.slice(start, max(min(batch.num_rows, most - at) - start, 0))
                at += batch.num_rows
                if rows.num_rows:
                    yield pl.DataFrame(pl.from_arrow(rows))
                if at >= most:
                    return
    except (pa.ArrowException, OSError) as error:
        if isinstance(source.error, ConditionNotMet):
            return  # it was replaced this moment
        if source.error is not None:
            raise source.error from error
        raise OperatorError(f"staged part {part} is damaged: reingest its upload while it is there") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    """A version of a part, as something that is read at any offset."""

    lake: BlobStore
    name: str
    etag: str
    size: int

    def read(self, offset: int, length: int) -> bytes:
        return self.lake.get_range(blob_names.STAGED_CONTAINER, self.name, etag=self.etag, offset=offset, length=length)
