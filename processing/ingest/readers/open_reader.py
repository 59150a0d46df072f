"""The reader of each layout: bytes to raw batches (contract section 3).

A new format is one reader and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.ingest.columns.dataset_schemas import columns_of
from processing.ingest.deadlines import NO_DEADLINE, Deadline
from processing.ingest.expressions.compiler import columns_read
from processing.ingest.readers.csv.reader import CsvReader
from processing.ingest.readers.dialect import Dialect
from processing.ingest.readers.foreign_formats import foreign_format, unmarked_utf16
from processing.ingest.readers.formats import HEAD, FileFormat, Layout
from processing.ingest.readers.ndjson.reader import NdjsonReader
from processing.ingest.readers.parquet.reader import ParquetReader
from processing.ingest.readers.random_access import RandomAccess
from processing.ingest.readers.raw_batches import RawReader
from processing.ingest.readers.segment import FIELDS, FOLDERS, MARKS, SegmentReader, is_segment
from processing.ingest.readers.text_encoding import LONGEST_MARK, as_utf8, form_of, marked_encoding
from processing.ingest.readers.unpacking import unpack
from processing.ingest.readers.upload_form import TextForm
from schemas.customer_config import DatasetConfig

_FIRST_RANGE: Final = 4 * 1024 * 1024
"""Bytes; work begins before a large range is there."""
_RANGE: Final = 16 * 1024 * 1024
_DELIMITERS: Final = {Layout.CSV: ",", Layout.TSV: "\t"}
_CALLED: Final = {Layout.CSV: "CSV", Layout.TSV: "TSV", Layout.NDJSON: "NDJSON"}

_Opener = Callable[[FileFormat, RandomAccess, Dataset, DatasetConfig, Deadline], RawReader]


def open_reader(
    found: FileFormat, source: RandomAccess, dataset: Dataset, config: DatasetConfig, deadline: Deadline = NO_DEADLINE
) -> RawReader:
    """The records of an upload; CustomerError when the file as a whole is unreadable, or is not read before the deadline."""
    reader = _OPENERS[found.layout](found, source, dataset, config, deadline)
    if dataset in FOLDERS and is_segment(reader.found):
        return SegmentReader(reader, dataset, config)
    return reader


def _open_csv(
    found: FileFormat, source: RandomAccess, _dataset: Dataset, config: DatasetConfig, deadline: Deadline
) -> RawReader:
    written = config.csv
    dialect = Dialect(
        delimiter=(written.delimiter or _DELIMITERS[found.layout]).encode(),
        quote=written.quote.encode(),
        # Doubled quotes need no escape.
        escape=written.escape.encode() if written.escape and written.escape != written.quote else b"",
        null_values=written.null_values,
        columns=written.columns,
        skip_lines=written.skip_lines,
        encoding=written.encoding,
    )
    chunks, text = _text(found, source, deadline, written.encoding)
    return CsvReader(chunks, dialect, text)


def _open_ndjson(
    found: FileFormat, source: RandomAccess, dataset: Dataset, config: DatasetConfig, deadline: Deadline
) -> RawReader:
    computed = [*config.select.values(), *([config.where] if config.where is not None else [])]
    named = [*config.columns, *(name for sql in computed for name in columns_read(sql))]
    # What has dots may be a path, of which the first name alone stands in a record.
    wanted = [*columns_of(dataset), *(name for name in named if "." not in name)]
    chunks, text = _text(found, source, deadline, None)
    reader = NdjsonReader(chunks, list(dict.fromkeys(wanted)), text)
    reader.want([name if name in reader.found else name.partition(".")[0] for name in named if "." in name])
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


def _text(
    found: FileFormat, source: RandomAccess, deadline: Deadline, encoding: str | None
) -> tuple[Iterator[bytes], TextForm]:
    """The text in UTF-8, and how it is written; CustomerError where the bytes are none, or where there are none at all."""
    chunks = _plain(found, source, deadline)
    first = next(chunks, b"")
    if not first:
        raise CustomerError(RefusalCode.EMPTY_FILE, "the file is empty once it is unpacked: nothing is in it")
    while len(first) < LONGEST_MARK and (more := next(chunks, b"")):
        first += more
    _refuse_foreign(found, first[:HEAD], encoding)
    return as_utf8(chain([first], chunks), encoding), form_of(first[:LONGEST_MARK], encoding)


def _refuse_foreign(found: FileFormat, head: bytes, encoding: str | None) -> None:
    code = RefusalCode.UNKNOWN_FORMAT if found.layout is Layout.NDJSON else RefusalCode.UNREADABLE_HEADER
    foreign = foreign_format(head)
    if foreign is not None:
        raise CustomerError(code, f"the file is not {_CALLED[found.layout]}; {foreign}")
    unmarked = unmarked_utf16(head) if encoding is None and marked_encoding(head) is None else None
    if unmarked is not None:
        raise CustomerError(
            code,
            f"the text looks like UTF-16 without a byte order mark ({unmarked}): save the file as UTF-8 (in Excel: CSV UTF-8), "
            f"or have the operator set csv.encoding to {unmarked} in the config",
        )


def _plain(found: FileFormat, source: RandomAccess, deadline: Deadline) -> Iterator[bytes]:
    """The unpacked bytes. Little may unpack to much, and much to little, as zeros behind an archive: both are watched."""
    return deadline.checked(unpack(deadline.checked(_chunks(source)), found.packing))


def _chunks(source: RandomAccess) -> Iterator[bytes]:
    offset, size = 0, _FIRST_RANGE
    while offset < source.size:
        yield source.read(offset, min(size, source.size - offset))
        offset, size = offset + size, _RANGE
