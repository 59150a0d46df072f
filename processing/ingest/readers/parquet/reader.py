"""Parquet as raw batches, whatever the size of the file and of its row groups (contract section 3).

Only the columns that are wanted are fetched, each through a buffer of its own, so that memory does not grow with row groups.
What the file claims of itself is checked before it is believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.frames.casts import as_text
from processing.ingest.bounds import LARGEST_UNPACKED, LONGEST_RECORD, MOST_COLUMNS, refuse_too_many_rows
from processing.ingest.deadlines import NO_DEADLINE, Deadline
from processing.ingest.readers.parquet.annotations import WithFooter, without_wide_integers
from processing.ingest.readers.parquet.columns import ParquetColumn, column_dtype, to_column
from processing.ingest.readers.parquet.footer import BadFooterError, ColumnChunk, Footer, read_footer
from processing.ingest.readers.parquet.page_guard import LARGEST_BATCH, PageGuard, SmallerBatches, Watched
from processing.ingest.readers.parquet.rows_at import rows_at
from processing.ingest.readers.random_access import WINDOW, RandomAccess, RangeFile
from processing.ingest.readers.raw_batches import HINT, LINE, RAW, RECORD, RULE, BatchTask, BrokenRecords, RawBatch, RawReader
from processing.ingest.readers.upload_form import ParquetForm, count_columns
from processing.ingest.shown_rows import LONGEST_VALUE
from schemas.rule_codes import RuleCode

LARGEST_FOOTER: Final = 32 * 1024 * 1024
"""Bytes; about 200,000 column chunks, more than any 10 GB file needs."""
_BATCH_ROWS: Final = 262_144
_BATCH_BYTES: Final = 32 * 1024 * 1024
_ENOUGH_ROWS: Final = 16_384
_ENOUGH_BYTES: Final = 32 * 1024 * 1024
_BUFFERS: Final = 96 * 1024 * 1024
_SMALLEST_BUFFER: Final = 256 * 1024
_RUN_BYTES: Final = 16 * 1024 * 1024
_LIKELY_FOOTER: Final = 64 * 1024
_MAGIC: Final = b"PAR1"
_ENCRYPTED: Final = b"PARE"
_TAIL: Final = 8
_AGAIN: Final = "write it again and upload it"


_WIDE: Final = 32
"""Bits."""


class ParquetReader(RawReader):
    """Reads a Parquet file; the footer is read at once, the records by `batches`.

    Frames hold the wanted columns alone, under their positions in the header; without `wanted` all columns. `header` and
    `dtypes` speak of every column, with pl.Null for the type of one that is not wanted.

    Raises CustomerError for a file that is damaged, encrypted or written with what is not supported, and for too many
    columns. Errors of the source pass through.
    """

    def __init__(self, source: RandomAccess, wanted: Sequence[str] | None = None, *, deadline: Deadline = NO_DEADLINE) -> None:
        self._deadline = deadline
        self._file = RangeFile(source)
        self._size = source.size
        self._unread: frozenset[int] = frozenset()
        """Leaves of a type that the engine does not know, which cannot be read."""
        with self._damage():
            self._footer = self._read_footer()
            try:
                self._parquet = self._open(buffer_size=_SMALLEST_BUFFER)
            except pa.ArrowNotImplementedError:
                self._file = self._without_unknown_types(source)
                self._parquet = self._open(buffer_size=_SMALLEST_BUFFER)
            self._fields = list(self._parquet.schema_arrow)
            schema = self._parquet.schema
            self._leaf_schemas = [schema.column(leaf) for leaf in range(len(schema))]
            self._header = tuple(str(field.name) for field in self._fields)
        if count_columns(self._header) > MOST_COLUMNS:
            raise CustomerError(
                RefusalCode.TOO_MANY_COLUMNS, f"the file has {len(self._header):,} columns; at most {MOST_COLUMNS:,} are read"
            )
        self._leaves = self._leaves_of_fields()
        self._positions: tuple[int, ...] = ()
        self._dtypes: tuple[pl.DataType, ...] = ()
        # A column that is not read never refuses a file, whatever it holds.
        readable = [index for index in range(len(self._header)) if self._is_readable(index)]
        self.narrow(index for index in readable if wanted is None or self._header[index] in wanted)

    @property
    def header(self) -> tuple[str, ...]:
        """Names of all top-level columns as uploaded, twice where they stand twice."""
        return self._header

    @property
    def dtypes(self) -> tuple[pl.DataType, ...]:
        """What the wanted columns hold in frames; pl.Null for the others."""
        return self._dtypes

    def no_ids(self, position: int) -> pl.Expr | None:
        """All values of a column of objects, lists or truth values; None of any other."""
        kind = self._fields[position].type
        while isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        return pl.col(str(position)).is_not_null() if pa.types.is_nested(kind) or pa.types.is_boolean(kind) else None

    def narrow(self, positions: Iterable[int]) -> None:
        """Want only the columns at these positions of the header, for a caller that chooses once it has seen the header."""
        self._positions = tuple(sorted(set(positions)))
        wanted = set(self._positions)
        for index in wanted:
            if not self._unread.isdisjoint(self._leaves[index]):
                raise CustomerError(
                    RefusalCode.UNSUPPORTED_PARQUET,
                    f"column {self._header[index][:64]!r} holds whole numbers of more than 64 bits, which are not read: "
                    "write it as text",
                )
        self._dtypes = tuple(
            column_dtype(field.type) if index in wanted else pl.Null() for index, field in enumerate(self._fields)
        )

    @property
    def lines_before(self) -> int:
        """Parquet has no lines."""
        return 0

    @property
    def form(self) -> ParquetForm:
        """How the file is written: compressed as the first of its columns that is."""
        codecs = [chunk.codec for group in self._footer.groups[:1] for chunk in group.chunks if chunk and chunk.is_readable]
        codec = next((codec for codec in codecs if codec != "none"), "none")
        compression = "lz4" if codec == "lz4_raw" else codec
        return ParquetForm(names=tuple(self._header[position] for position in self._positions), compression=compression)

    def batch_tasks(self) -> Iterator[BatchTask]:
        """All records, once, in order."""
        done = unpacked = 0
        for batch in self._arrow_batches():
            unpacked += batch.nbytes
            if unpacked > LARGEST_UNPACKED:
                raise _too_large()
            if batch.num_rows:
                yield partial(self._read_batch, batch, done)
                done += batch.num_rows
        if done != self._footer.rows:
            raise _damaged(f"holds {done:,} records where its footer says {self._footer.rows:,}")

    def _read_batch(self, batch: Any, done: int) -> RawBatch:
        with self._damage():
            return self._batch(batch, done)

    def _read_footer(self) -> Footer:
        if self._size < _TAIL + len(_MAGIC):
            raise _damaged("is too short to be one")
        # More than the footer's length: most footers come along.
        near_end = max(0, self._size - _LIKELY_FOOTER)
        tail = self._file.peek(near_end, self._size - near_end)[-_TAIL:]
        head = self._file.peek(0, len(_MAGIC))
        if _ENCRYPTED in (head, tail[-4:]):
            raise _encrypted()
        if head != _MAGIC or tail[-4:] != _MAGIC:
            raise _damaged("does not begin and end as one: it is truncated or another format")
        footer = int.from_bytes(tail[:4], "little")
        if footer > self._size - _TAIL - len(_MAGIC):
            raise _damaged("has a footer larger than itself")
        if footer > LARGEST_FOOTER:
            raise CustomerError(
                RefusalCode.UNSUPPORTED_PARQUET,
                f"the footer has {footer:,} bytes, more than {LARGEST_FOOTER:,}: write row groups of 100,000 rows or more",
            )
        body = self._size - _TAIL - footer
        try:
            layout = read_footer(self._file.peek(body, footer), body=body)
        except BadFooterError as error:
            raise _damaged("has a broken footer") from error
        refuse_too_many_rows(layout.rows)
        return layout

    def _without_unknown_types(self, source: RandomAccess) -> RangeFile:
        """The file as if the columns that the engine has no type for held bytes."""
        tail = self._file.peek(self._size - _TAIL, _TAIL)
        length = int.from_bytes(tail[:4], "little")
        body = self._size - _TAIL - length
        footer, self._unread = without_wide_integers(self._file.peek(body, length))
        changed = WithFooter(source, body, footer)
        self._size = changed.size
        return RangeFile(changed)

    def _is_readable(self, index: int) -> bool:
        try:
            column_dtype(self._fields[index].type)
        except CustomerError:
            return False
        return self._unread.isdisjoint(self._leaves[index])

    def _open(self, *, buffer_size: int) -> Any:
        return pq.ParquetFile(
            pa.PythonFile(self._file, mode="r"),
            # Neither whole row groups ahead nor whole columns at once: either grows with the row group.
            pre_buffer=False,
            buffer_size=buffer_size,
            # Nanoseconds since 1970 cannot hold the years that INT96 can; no writer of it is finer than microseconds.
            coerce_int96_timestamp_unit="us",
            thrift_string_size_limit=LARGEST_FOOTER,
            thrift_container_size_limit=1_000_000,
            page_checksum_verification=True,
        )

    def _leaves_of_fields(self) -> list[range]:
        """For each top-level column the Parquet columns that it is made of."""
        leaves: list[range] = []
        start = 0
        for field in self._fields:
            count = _leaf_count(field.type)
            leaves.append(range(start, start + count))
            start += count
        if start != len(self._leaf_schemas):
            raise CustomerError(
                RefusalCode.UNSUPPORTED_PARQUET, "the nesting of columns is not understood: write plain columns"
            )
        return leaves

    def _arrow_batches(self) -> Iterator[Any]:
        columns = [leaf for position in self._positions for leaf in self._leaves[position]]
        buffer_size = max(_SMALLEST_BUFFER, min(WINDOW, _BUFFERS // max(1, len(columns))))
        with self._damage():
            self._parquet = self._open(buffer_size=buffer_size)
        for run in self._runs(columns):
            yield from _gathered(self._run_batches(run, columns, buffer_size), self._named(run, columns))

    def _run_batches(self, run: Sequence[int], columns: Sequence[int], buffer_size: int) -> Iterator[Any]:
        most, done = _BATCH_ROWS, 0
        while True:
            skip = done
            try:
                with self._damage():
                    rows = self._prepare(run, columns, buffer_size, most)
                    batches = self._parquet.reader.iter_batches(rows, row_groups=run, column_indices=columns, use_threads=True)
                while True:
                    # Here, as rows that are read again give no batch.
                    self._deadline.check()
                    with self._damage():
                        batch = next(batches, None)
                    if batch is None:
                        return
                    passed = min(skip, batch.num_rows)
                    skip -= passed
                    if passed < batch.num_rows:
                        yield _with_wide_keys(batch.slice(passed))
                        done += batch.num_rows - passed
            except SmallerBatches as smaller:
                self._file.error = None
                most = smaller.rows

    def _runs(self, columns: Sequence[int]) -> Iterator[list[int]]:
        """Row groups to be read together: small ones in runs, large ones alone."""
        run: list[int] = []
        rows = size = 0
        for index, group in enumerate(self._footer.groups):
            group_size = sum(chunk.packed for chunk in self._chunks(index, columns))
            if run and (size + group_size > _RUN_BYTES or rows + group.rows > _BATCH_ROWS):
                yield run
                run, rows, size = [], 0, 0
            run.append(index)
            rows += group.rows
            size += group_size
        if run:
            yield run

    def _chunks(self, group: int, columns: Sequence[int]) -> list[ColumnChunk]:
        all_chunks = self._footer.groups[group].chunks
        if len(all_chunks) != len(self._leaf_schemas):
            raise _damaged("has a row group without some of its columns")
        chunks: list[ColumnChunk] = []
        for column in columns:
            chunk = all_chunks[column]
            if chunk is None:
                raise _encrypted()
            if not chunk.is_readable:
                raise CustomerError(
                    RefusalCode.UNSUPPORTED_PARQUET, f"compression {chunk.codec} is not read: write snappy, gzip or zstd"
                )
            chunks.append(chunk)
        return chunks

    def _prepare(self, run: Sequence[int], columns: Sequence[int], buffer_size: int, most: int) -> int:
        """Set a guard on the pages of some row groups and return how many of their rows, `most` or less, make a batch."""
        pages: list[Watched] = []
        total = unpacked = 0
        for index in run:
            rows = self._footer.groups[index].rows
            total += rows
            for column, chunk in zip(columns, self._chunks(index, columns), strict=True):
                unpacked += chunk.unpacked
                leaf = self._leaf_schemas[column]
                pages.append(
                    Watched(
                        chunk=chunk,
                        repeated=leaf.max_repetition_level > 0,
                        text=leaf.physical_type == "BYTE_ARRAY",
                        values_per_row=max(1, chunk.values // max(1, rows)),
                        next_header=chunk.start,
                        values_left=chunk.values,
                    )
                )
        fixed = max((self._leaf_schemas[column].length for column in columns), default=0)
        width = max(1, unpacked // max(1, total)) + self._named(run, columns)
        batch_rows = max(1, min(most, _BATCH_BYTES // width, LARGEST_BATCH // max(1, fixed)))
        guard = PageGuard(pages, self._file.peek, batch_rows)
        self._file.on_read = guard.saw
        self._file.reach = lambda offset, end: guard.reach(offset, end, most=WINDOW, small=buffer_size)
        return batch_rows

    def _named(self, run: Sequence[int], columns: Sequence[int]) -> int:
        """Bytes of names in a row: as text, a member of a struct stands behind its name, each time anew."""
        leaves = [self._leaf_schemas[column] for column in columns]
        named = sum(
            chunk.values * len(leaf.path)
            for index in run
            for leaf, chunk in zip(leaves, self._chunks(index, columns), strict=True)
            if leaf.path != leaf.name
        )
        return int(named) // max(1, sum(self._footer.groups[index].rows for index in run))

    def _batch(self, batch: Any, done: int) -> RawBatch:
        columns = {position: to_column(batch.column(index)) for index, position in enumerate(self._positions)}
        frame = pl.DataFrame({str(position): column.values for position, column in columns.items()})
        records = pl.int_range(done + 1, done + batch.num_rows + 1, dtype=pl.Int64, eager=True).alias(RECORD)
        lines = pl.repeat(None, batch.num_rows, dtype=pl.Int64, eager=True).alias(LINE)
        frame = frame.with_columns(records, lines) if columns else pl.DataFrame([records, lines])
        if batch.nbytes > LONGEST_RECORD:
            _check_lengths(frame, done)
        bad = pl.repeat(value=False, n=batch.num_rows, dtype=pl.Boolean, eager=True)
        for column in columns.values():
            if column.not_utf8 is not None:
                bad |= column.not_utf8
        uploaded = partial(_uploaded, batch, done)
        if not bad.any():
            return RawBatch(frame=frame, uploaded=uploaded)
        broken = self._broken(batch, columns, bad.arg_true(), done)
        return RawBatch(frame=frame.filter(~bad), broken=broken, uploaded=uploaded)

    def _broken(self, batch: Any, columns: dict[int, ParquetColumn], rows: pl.Series, done: int) -> BrokenRecords:
        """Rows with bytes that are not UTF-8, as JSON; of a long value its beginning."""
        shown: dict[str, pl.Series] = {}
        for index, (position, column) in enumerate(columns.items()):
            values = column.values.gather(rows)
            texts = values.to_frame("value").select(as_text(pl.col("value"), values.dtype).str.head(LONGEST_VALUE)).to_series()
            if column.not_utf8 is not None:
                own = column.not_utf8.gather(rows).arg_true()
                bytes_of = [_shown(batch.column(index).slice(int(row), 1)) for row in rows.gather(own)]
                texts = texts.clone().scatter(own, pl.Series(bytes_of, dtype=pl.String))
            shown[self._header[position]] = texts
        raws = pl.DataFrame(shown).select(pl.struct(pl.all()).struct.json_encode()).to_series()
        return BrokenRecords(
            pl.DataFrame({RECORD: rows.cast(pl.Int64) + (done + 1), RAW: raws}).with_columns(
                pl.lit(None, pl.Int64).alias(LINE),
                pl.lit(RuleCode.NOT_UTF8.value).alias(RULE),
                pl.lit("write text as UTF-8").alias(HINT),
            )
        )

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """What the engine raises is the file's fault, unless the source or a guard raised first."""
        try:
            yield
        except (CustomerError, SmallerBatches):
            raise
        except Exception as error:
            if self._file.error is not None:
                raise self._file.error from error
            if not isinstance(error, _ENGINE_ERRORS):
                raise
            if "ncrypt" in str(error):
                raise _encrypted() from error
            if isinstance(error, pa.ArrowNotImplementedError):
                raise CustomerError(
                    RefusalCode.UNSUPPORTED_PARQUET, "the Parquet file uses what is not read: write it with default settings"
                ) from error
            raise _damaged("cannot be read: it is truncated or damaged") from error


# UnicodeDecodeError comes from names in the footer, OSError from most broken pages.
_ENGINE_ERRORS: Final = (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError, MemoryError, pl.exceptions.PolarsError)


def _damaged(what: str) -> CustomerError:
    return CustomerError(RefusalCode.DAMAGED_PARQUET, f"the Parquet file {what}: {_AGAIN}")


def _too_large() -> CustomerError:
    return CustomerError(RefusalCode.UNPACKS_TOO_LARGE, "the file unpacks to more than 100 GB: upload it in several files")


def _encrypted() -> CustomerError:
    return CustomerError(
        RefusalCode.UNSUPPORTED_PARQUET, "the Parquet file is encrypted: write it without encryption and upload it"
    )


def _uploaded(batch: Any, done: int, records: npt.NDArray[np.int64]) -> Any:
    """Rows of a batch by their numbers in the file, of which so many are done before it."""
    return rows_at(batch, records - 1 - done)


def _with_wide_keys(batch: Any) -> Any:
    """The same with 32 bits for each key of a dictionary: those of several row groups may be too many for fewer together."""
    for index, field in enumerate(batch.schema):
        if pa.types.is_dictionary(field.type) and field.type.index_type.bit_width < _WIDE:
            wide = pa.dictionary(pa.int32(), field.type.value_type, field.type.ordered)
            batch = batch.set_column(index, field.with_type(wide), batch.column(index).cast(wide))
    return batch


def _gathered(batches: Iterator[Any], named: int) -> Iterator[Any]:
    """Batches of a few rows put together, because each has a fixed cost further on; `named` bytes a row come with text."""
    held: list[Any] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        size += batch.nbytes + batch.num_rows * named
        if rows >= _ENOUGH_ROWS or size >= _ENOUGH_BYTES:
            yield pa.concat_batches(held) if len(held) > 1 else batch
            held, rows, size = [], 0, 0
    if held:
        yield pa.concat_batches(held)


def _leaf_count(kind: Any) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        return _leaf_count(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _leaf_count(kind.value_type)
    if pa.types.is_nested(kind):
        return sum(_leaf_count(kind.field(index).type) for index in range(kind.num_fields))
    return 1


def _check_lengths(frame: pl.DataFrame, done: int) -> None:
    texts = [
        pl.col(name).str.len_bytes().fill_null(0).cast(pl.Int64) for name, dtype in frame.schema.items() if dtype == pl.String
    ]
    if not texts:
        return
    longest = frame.select(pl.sum_horizontal(texts).alias("bytes"))
    row = longest.to_series().arg_max()
    if row is not None and longest.item(row, 0) > LONGEST_RECORD:
        raise CustomerError(
            RefusalCode.RECORD_TOO_LONG, f"record {done + row + 1:,} is longer than 16 MiB: write shorter values"
        )


def _shown(array: Any) -> str:
    r"""The only value of an array, bytes that are not UTF-8 as \xNN."""
    if isinstance(array.type, pa.BaseExtensionType):
        return _shown(array.storage)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_nested(array.type):
        return "(nested value with bytes that are not UTF-8)"
    value = array.cast(pa.large_binary())[0].as_py()
    return str(bytes(value[:LONGEST_VALUE]).decode("utf-8", "backslashreplace"))
