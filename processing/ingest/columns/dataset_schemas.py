"""The datasets by name: schema, and the day of a row (contract section 4).

A new dataset is one file in `schemas/` and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.days import PST, DayZone
from schemas.dataset_schema import DatasetSchema
from schemas.events import events
from schemas.exposures import exposures
from schemas.metrics import metrics
from schemas.signals import finished_dates


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaContext:
    """What the rules of a schema depend on besides the rows."""

    uploaded_at: datetime
    """Last-Modified of the upload: rules against "now" use it and no clock."""
    zone: DayZone = PST
    id_types: tuple[str, ...] | None = None
    """The only id types that are taken; None for any."""
    closed: Mapping[Dataset, frozenset[date]] = field(default_factory=dict)
    """Days of each dataset whose rows cannot be changed any more."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Metrics that are pinned to `value` or `ratio`."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Of a wide table, the metrics and the columns that hold their values."""

    @property
    def latest_day(self) -> date:
        """Rows may speak of days up to one after the upload's."""
        return self.zone.day_of(self.uploaded_at) + timedelta(days=1)

    @property
    def latest_instant(self) -> datetime:
        """Rows may speak of instants up to one day after the upload."""
        return self.uploaded_at + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetKind:
    """What ingest knows of a dataset."""

    dataset: Dataset
    schema: Callable[[SchemaContext], DatasetSchema]
    """The schema of its typed rows."""
    day: Callable[[DayZone], pl.Expr]
    """The day of a typed row, as Date."""


_KINDS: Final = {
    Dataset.METRICS: DatasetKind(
        dataset=Dataset.METRICS,
        schema=lambda context: metrics(
            latest_day=context.latest_day,
            id_types=context.id_types,
            is_closed=_is_closed(Dataset.METRICS, context),
            kinds=context.kinds,
            values=tuple(context.values.values()),
        ),
        day=lambda _zone: pl.col("date"),
    ),
    Dataset.EVENTS: DatasetKind(
        dataset=Dataset.EVENTS,
        schema=lambda context: events(latest=context.latest_instant, is_closed=_is_closed(Dataset.EVENTS, context)),
        day=lambda zone: day_of_instant(pl.col("timestamp"), zone),
    ),
    Dataset.EXPOSURES: DatasetKind(
        dataset=Dataset.EXPOSURES,
        schema=lambda context: exposures(
            latest=context.latest_instant, id_types=context.id_types, is_closed=_is_closed(Dataset.EXPOSURES, context)
        ),
        day=lambda zone: day_of_instant(pl.col("timestamp"), zone),
    ),
    # No rows of its own: each record is a day that is marked.
    Dataset.SIGNALS: DatasetKind(
        dataset=Dataset.SIGNALS,
        schema=lambda context: finished_dates(latest_day=context.latest_day),
        day=lambda _zone: pl.col("finished_date"),
    ),
}
_ANY_UPLOAD: Final = SchemaContext(uploaded_at=datetime(2026, 1, 1, tzinfo=UTC))


def _is_closed(dataset: Dataset, context: SchemaContext) -> pl.Expr | None:
    """Whether a typed row is of a closed day; None where no day is."""
    closed = context.closed.get(dataset)
    return kind_of(dataset).day(context.zone).is_in(sorted(closed)) if closed else None


def kind_of(dataset: Dataset) -> DatasetKind:
    """The kind of a dataset."""
    return _KINDS[dataset]


def columns_of(dataset: Dataset) -> tuple[str, ...]:
    """The contract columns of a dataset; they are the same for every upload."""
    return tuple(kind_of(dataset).schema(_ANY_UPLOAD).columns)


def required_columns(dataset: Dataset) -> tuple[str, ...]:
    """The contract columns that every upload of a dataset must have."""
    columns = kind_of(dataset).schema(_ANY_UPLOAD).columns
    return tuple(name for name, column in columns.items() if column.required)


def day_of_instant(instant: pl.Expr, zone: DayZone) -> pl.Expr:
    """The day of each instant (Datetime in UTC), as Date; the same as `zone.day_of`."""
    if zone.name == PST.name:
        return instant.dt.offset_by("-8h").dt.date()
    return instant.dt.convert_time_zone(zone.name).dt.date()
