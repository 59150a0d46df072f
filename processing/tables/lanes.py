"""The datasets that the records of one upload belong to: mostly one, and two where exposures lie among events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandera.polars as pa
import polars as pl

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.errors import CustomerError
from processing.tables.batches import RawReader
from processing.tables.catalogue import SchemaContext, kind_of, required_columns
from processing.tables.column_plan import ColumnPlan, plan_columns
from processing.tables.explanation import Shape
from processing.tables.header import MISSING_COLUMN, fold
from processing.tables.ndjson_reader import NdjsonReader
from processing.tables.parquet_reader import ParquetReader
from processing.tables.rules import Rule
from processing.tables.segment import FOLDERS, SegmentReader, late_record
from processing.tables.staging import LocalPart, PartWriter
from processing.tables.validation import Validator
from schemas.customer_config import CustomerConfig, DatasetConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The way of the records of one dataset."""

    dataset: Dataset
    plan: ColumnPlan
    validator: Validator
    day: pl.Expr
    """The day of a typed row, Date."""
    parts: PartWriter
    belongs: pl.Expr | None
    """Which records are its own, never null; None for all that no other lane takes."""


def open_lanes(
    reader: RawReader,
    dataset: Dataset,
    context: SchemaContext,
    config: CustomerConfig,
    *,
    scratch: Path,
    emit: Callable[[Dataset, LocalPart], None],
    pool: ThreadPoolExecutor | None = None,
) -> tuple[Lane, ...]:
    """The lanes of an upload below the folder `dataset`, the folder's own last.

    Raises CustomerError for a header that does not fit.
    """

    def lane(own: Dataset, belongs: pl.Expr | None) -> Lane:
        kind = kind_of(own)
        schema = kind.schema(context)
        part = config.dataset(own)
        plan = _planned(reader, own, schema, part)
        shape = Shape(
            header=reader.header,
            dtypes=reader.dtypes,
            masked=frozenset(config.mask_values),
            stray=_stray(reader, own, plan) if own is dataset else None,
            made_of=reader.made_of if isinstance(reader, SegmentReader) else {},
        )
        return Lane(
            dataset=own,
            plan=plan,
            validator=Validator(schema, plan, shape, part.timestamp),
            day=kind.day(context.zone),
            parts=PartWriter(scratch / own, lambda staged: emit(own, staged), pool),
            belongs=belongs,
        )

    lanes = [lane(dataset, None)]
    if isinstance(reader, SegmentReader) and dataset is not Dataset.EXPOSURES:
        lanes.insert(0, lane(Dataset.EXPOSURES, reader.is_exposure()))
    if isinstance(reader, ParquetReader):
        reader.narrow(positions_read(lanes))
    return tuple(lanes)


def _planned(reader: RawReader, dataset: Dataset, schema: pa.DataFrameSchema, config: DatasetConfig) -> ColumnPlan:
    used: Collection[int] = ()
    if isinstance(reader, SegmentReader):
        used = reader.used
    elif isinstance(reader, NdjsonReader):
        # What is not in the file is not extra.
        used = range(len(reader.found), len(reader.header))
    try:
        return plan_columns(reader.header, reader.dtypes, schema, config, used=used)
    except CustomerError as error:
        other = _looks_like(reader.header, dataset) if error.code == MISSING_COLUMN else None
        if other is None:
            raise
        raise CustomerError(error.code, f"{error.message}; these are columns of {other}/: was it meant to go there?") from error


def _stray(reader: RawReader, dataset: Dataset, plan: ColumnPlan) -> Rule | None:
    if dataset not in FOLDERS:
        return None
    named = plan.columns["experiment" if dataset is Dataset.EXPOSURES else "event_name"].raw
    if isinstance(reader, SegmentReader):
        return reader.stray(named)
    return late_record(reader.header, named) if isinstance(reader, NdjsonReader) else None


def _looks_like(header: Sequence[str], dataset: Dataset) -> Dataset | None:
    """Another dataset whose required columns are all in the header."""
    folded = {fold(name) for name in header}
    others = (other for other in DATA_DATASETS if other is not dataset)
    return next((other for other in others if folded.issuperset(required_columns(other))), None)


def positions_read(lanes: Sequence[Lane]) -> frozenset[int]:
    """The uploaded columns that any lane reads."""
    read: set[int] = set()
    for lane in lanes:
        read.update(*(column.positions for column in lane.plan.columns.values()))
        if lane.plan.where is not None:
            read.update(int(name) for name in lane.plan.where.meta.root_names())
    return frozenset(read)


def divided(frame: pl.DataFrame, lanes: Sequence[Lane]) -> list[tuple[Lane, pl.DataFrame, int]]:
    """Each lane with its records and how many of them its `where` dropped."""
    found = []
    for lane in lanes:
        own = frame
        if lane.belongs is not None:
            own = frame.filter(lane.belongs)
            frame = frame.filter(~lane.belongs)
        kept = own if lane.plan.where is None else own.filter(lane.plan.where)
        found.append((lane, kept, own.height - kept.height))
    return found
