"""The reader of each layout: bytes to raw batches (contract section 3).

A new format is one reader and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from processing.domain.datasets import Dataset
from processing.ingest.columns.dataset_schemas import columns_of
from processing.ingest.deadlines import NO_DEADLINE, Deadline
from processing.ingest.expressions.compiler import columns_read
from processing.ingest.readers.csv.reader import CsvReader
from processing.ingest.readers.csv.record_scanner import Dialect
from processing.ingest.readers.formats import FileFormat, Layout
from processing.ingest.readers.ndjson.reader import NdjsonReader
from processing.ingest.readers.parquet.reader import ParquetReader
from processing.ingest.readers.random_access import RandomAccess
from processing.ingest.readers.raw_batches import RawReader
from processing.ingest.readers.segment import FIELDS, FOLDERS, MARKS, SegmentReader, is_segment
from processing.ingest.readers.unpacking import unpack
from schemas.customer_config import DatasetConfig

_FIRST_RANGE: Final = 4 * 1024 * 1024
"""Bytes; work begins before a large range is there."""
_RANGE: Final = 16 * 1024 * 1024
_DELIMITERS: Final = {Layout.CSV: ",", Layout.TSV: "\t"}

_Opener = Callable[[FileFormat, RandomAccess, Dataset, DatasetConfig, Deadline], RawReader]


def open_reader(
    found: FileFormat, source: RandomAccess, dataset: Dataset, config: DatasetConfig, deadline: Deadline = NO_DEADLINE
) -> RawReader:
    """The records of an upload; CustomerError when the file as a whole is unreadable, or is not read before the deadline."""
    reader = _OPENERS[found.layout](found, source, dataset, config, deadline)
    if dataset in FOLDERS and is_segment(reader.found):
        return SegmentReader(reader, dataset, config.timestamp.zone or "UTC")
    return reader


def _open_csv(
    found: FileFormat, source: RandomAccess, _dataset: Dataset, config: DatasetConfig, deadline: Deadline
) -> RawReader:
    dialect = Dialect(
        delimiter=(config.csv.delimiter or _DELIMITERS[found.layout]).encode(),
        quote=config.csv.quote.encode(),
        null_values=config.csv.null_values,
    )
    return CsvReader(_plain(found, source, deadline), dialect)


def _open_ndjson(
    found: FileFormat, source: RandomAccess, dataset: Dataset, config: DatasetConfig, deadline: Deadline
) -> RawReader:
    computed = [*config.select.values(), *([config.where] if config.where is not None else [])]
    wanted = [*columns_of(dataset), *config.columns, *(name for sql in computed for name in columns_read(sql))]
    reader = NdjsonReader(_plain(found, source, deadline), list(dict.fromkeys(wanted)))
    if dataset in FOLDERS:
        reader.want(FIELDS if is_segment(reader.found) else MARKS)
    return reader


def _open_parquet(
    _found: FileFormat, source: RandomAccess, _dataset: Dataset, _config: DatasetConfig, deadline: Deadline
) -> RawReader:
    return ParquetReader(source, deadline=deadline)


_OPENERS: Final[Mapping[Layout, _Opener]] = {
    Layout.CSV: _open_csv,
    Layout.TSV: _open_csv,
    Layout.NDJSON: _open_ndjson,
    Layout.PARQUET: _open_parquet,
}


def _plain(found: FileFormat, source: RandomAccess, deadline: Deadline) -> Iterator[bytes]:
    """The unpacked bytes. Little may unpack to much, and much to little, as zeros behind an archive: both are watched."""
    return deadline.checked(unpack(deadline.checked(_chunks(source)), found.packing))


def _chunks(source: RandomAccess) -> Iterator[bytes]:
    offset, size = 0, _FIRST_RANGE
    while offset < source.size:
        yield source.read(offset, min(size, source.size - offset))
        offset, size = offset + size, _RANGE
