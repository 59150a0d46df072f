"""The datasets that the records of one upload belong to: mostly one, and two where exposures lie among events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.errors import CustomerError
from processing.frames.decimals import DecimalMark
from processing.ingest.columns.column_plan import ColumnPlan, plan_columns
from processing.ingest.columns.dataset_schemas import SchemaContext, columns_of, kind_of, required_columns
from processing.ingest.columns.header import HeaderNames, MissingColumnsError, fold
from processing.ingest.columns.hive_folders import hive_folders
from processing.ingest.expressions.compiler import columns_read
from processing.ingest.fixes.fix_file import Masks
from processing.ingest.readers.header_advice import MissingIn
from processing.ingest.readers.raw_batches import RawReader
from processing.ingest.readers.segment import FIELDS, FOLDERS
from processing.ingest.readers.upload_form import ERRORS
from processing.ingest.staging import MOST_PARTS, LocalPart, PartWriter
from processing.ingest.validation.explanation import UploadShape, object_of
from processing.ingest.validation.validator import Validator
from schemas.customer_config import CustomerConfig, DatasetConfig
from schemas.dataset_schema import DatasetSchema
from schemas.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way of the records of one dataset."""

    dataset: Dataset
    plan: ColumnPlan
    validator: Validator
    day: pl.Expr
    """The day of a typed row, Date."""
    parts: PartWriter
    belongs: pl.Expr | None
    """Which records are its own, never null; None for all that no other route takes."""
    aggregated: frozenset[str] = frozenset()
    """The metrics of which all rows of a key are meant to count."""
    ratios: frozenset[str] = frozenset()
    """The metrics that are known to be ratios."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Of a wide table, the metrics and the columns that hold their values."""


def open_routes(
    reader: RawReader,
    dataset: Dataset,
    context: SchemaContext,
    config: CustomerConfig,
    *,
    name: str = "",
    scratch: Path,
    emit: Callable[[Dataset, LocalPart], None],
    pool: ThreadPoolExecutor | None = None,
    ratios: Collection[str] = (),
) -> tuple[Route, ...]:
    """The routes of an upload called `name` below the folder `dataset`, the folder's own last; `ratios` are known to be some.

    Raises CustomerError for a header that does not fit.
    """
    exposures = reader.exposures

    def route(own: Dataset, belongs: pl.Expr | None) -> Route:
        kind = kind_of(own)
        part = config.dataset(own)
        values = part.values if _is_wide(reader.header, part) else {}
        schema = kind.schema(replace(context, values=values))
        known = names_that_may_be_told(part, config)
        plan = _planned(_Upload(reader=reader, name=name, known=known), own, schema, part)
        shape = UploadShape(
            header=reader.header,
            dtypes=reader.dtypes,
            masked=frozenset(config.mask_values),
            wrong_kind=_wrong_kind(reader, own, plan) if own is dataset else None,
            no_ids=_no_ids(reader, schema, plan),
            derived_from=reader.derived_from,
            known=known,
            shown=_known_alone() if reader.shows_known_alone and config.mask_values else None,
        )
        return Route(
            dataset=own,
            plan=plan,
            validator=Validator(schema, plan, shape, part.timestamp),
            day=kind.day(context.zone),
            parts=PartWriter(
                scratch / own, lambda staged: emit(own, staged), pool, most=MOST_PARTS if exposures is None else MOST_PARTS // 2
            ),
            belongs=belongs,
            aggregated=frozenset(config.aggregated),
            ratios=frozenset(ratios),
            values=values,
        )

    routes = [route(dataset, None)]
    if exposures is not None:
        routes.insert(0, route(Dataset.EXPOSURES, exposures))
    reader.narrow(positions_read(routes))
    return tuple(routes)


def _is_wide(header: Sequence[str], config: DatasetConfig) -> bool:
    """Whether a file has any of the columns that the config takes for values; others hold one metric in a row as ever."""
    there = {fold(name) for name in (*header, *config.select, *config.constants, *config.columns.values())}
    return any(fold(column) in there for column in config.values.values())


@cache
def _our_names() -> frozenset[str]:
    """The columns of all datasets, Segment's, and that of errors in fix files."""
    return frozenset((*FIELDS, ERRORS)).union(*map(columns_of, (*DATA_DATASETS, Dataset.SIGNALS)))


@cache
def _known_alone() -> frozenset[str]:
    """Where anything is masked, what is not in records of which only known names are shown."""
    return frozenset(map(fold, _our_names() - {"properties"}))


def names_that_may_be_told(part: DatasetConfig, config: CustomerConfig) -> frozenset[str] | None:
    """Where anything is masked, the names that somebody may expect in a header: ours, Segment's and those of the config."""
    return _known(part, config.mask_values) if config.mask_values else None


def _known(config: DatasetConfig, masked: Sequence[str]) -> frozenset[str]:
    computed = [*config.select.values(), *([config.where] if config.where is not None else [])]
    return _our_names().union(masked, config.columns, *map(columns_read, computed))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    reader: RawReader
    name: str
    known: frozenset[str] | None


def _planned(upload: _Upload, dataset: Dataset, schema: DatasetSchema, config: DatasetConfig) -> ColumnPlan:
    reader = upload.reader
    try:
        return plan_columns(
            reader.header,
            reader.dtypes,
            schema,
            config,
            used=reader.used,
            known=upload.known,
            folders=hive_folders(upload.name),
            decimal=_decimal(reader, config),
            has_empty_text=reader.has_empty_text,
        )
    except MissingColumnsError as error:
        other = _looks_like(reader.header, dataset)
        if other is not None:
            message = f"{error.message}; these are columns of {other}/: was it meant to go there?"
            raise CustomerError(error.code, message) from error
        found = MissingIn(
            missing=error.missing,
            header=reader.found,
            head=reader.head,
            dataset=dataset,
            columns=tuple(schema.columns),
            config=config,
            name=upload.name,
            names=HeaderNames(reader.header, upload.known),
            numeric=[name for name, dtype in zip(reader.header, reader.dtypes, strict=True) if dtype.is_numeric()],
        )
        raise CustomerError(error.code, error.message + found.advice()) from error


def _decimal(reader: RawReader, config: DatasetConfig) -> DecimalMark:
    if config.csv.decimal == ".":
        return DecimalMark.POINT
    return DecimalMark.EITHER if reader.mixes_numbers else DecimalMark.COMMA


def _no_ids(reader: RawReader, schema: DatasetSchema, plan: ColumnPlan) -> dict[str, pl.Expr]:
    found: dict[str, pl.Expr] = {}
    for name, column in schema.columns.items():
        planned = plan.columns[name]
        if column.is_id and planned.is_uploaded:
            (position,) = planned.positions
            expr = reader.no_ids(position)
            if expr is not None:
                found[name] = expr
    return found


def _wrong_kind(reader: RawReader, dataset: Dataset, plan: ColumnPlan) -> Rule | None:
    if dataset not in FOLDERS:
        return None
    return reader.wrong_kind(plan.columns["experiment" if dataset is Dataset.EXPOSURES else "event_name"].raw)


def _looks_like(header: Sequence[str], dataset: Dataset) -> Dataset | None:
    """Another dataset whose required columns are all in the header."""
    folded = {fold(name) for name in header}
    others = (other for other in DATA_DATASETS if other is not dataset)
    return next((other for other in others if folded.issuperset(map(fold, required_columns(other)))), None)


def positions_read(routes: Sequence[Route]) -> frozenset[int]:
    """The uploaded columns that any route reads."""
    read: set[int] = set()
    for route in routes:
        read.update(*(column.positions for column in route.plan.columns.values()))
        if route.plan.where is not None:
            read.update(int(name) for name in route.plan.where.meta.root_names())
    return frozenset(read)


def masks_of(routes: Sequence[Route]) -> Masks:
    """What a fix file shows of no record: what any route masks."""
    explainers = [route.validator.explainer for route in routes]

    def masked(text: str) -> dict[str, Any] | None:
        try:
            row = object_of(text)
            for explainer in explainers:
                row = explainer.masked_row(row)
        except (ValueError, RecursionError):
            return None
        return row

    return Masks(
        hides=lambda name: any(explainer.hides(name) for explainer in explainers),
        known=explainers[-1].shape.known,
        masked=masked,
    )


def routed(frame: pl.DataFrame, routes: Sequence[Route]) -> list[tuple[Route, pl.DataFrame, int]]:
    """Each route with its records and how many of them its `where` dropped."""
    found = []
    for route in routes:
        own = frame
        if route.belongs is not None:
            own = frame.filter(route.belongs)
            frame = frame.filter(~route.belongs)
        kept = own if route.plan.where is None else own.filter(route.plan.where)
        found.append((route, kept, own.height - kept.height))
    return found
