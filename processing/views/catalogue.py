"""The catalogue: every metric and event of a customer, with the days that have it and what they say (contract section 8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.streams import Stream
from processing.publication.catalogue import DAY
from processing.stored.catalogue import KnownMetrics, known_metrics
from processing.stored.context import JobContext
from processing.stored.metric_days import AT_ONCE, published_days
from processing.stored.metric_months import rows_of_days
from processing.stored.stream_state import load_state
from processing.views.experiments import ExperimentUse, uses

DATASETS: Final = (Dataset.METRICS, Dataset.EVENTS)
TREND: Final = 14
"""Days."""
_SILENT: Final = timedelta(days=14)
_DAYS_READ: Final = 400
"""In one answer: of a metric that few days have, the rest follows with the next page."""
_EVENT: Final = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricIdType:
    """A metric with one id type."""

    id_type: str
    first_day: date
    last_day: date
    units: int
    """Distinct units on the last day."""
    value: float | None
    """Of the last day: the mean of a value or a ratio, the count of an event; None where it is beyond all floats."""
    trend: tuple[float | None, ...]
    """The same of each of the 14 days through the last one that is published of the dataset; None where it has no rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSummary:
    """A metric, or an event, with all its id types."""

    dataset: Dataset
    name: str
    kind: str
    """On its last day: value, ratio or event."""
    first_day: date
    last_day: date
    """The last published day that has rows of it."""
    trend_through: date
    """The last day of the trends."""
    stale: bool
    """Whether it has had no rows for more than two weeks."""
    id_types: tuple[MetricIdType, ...]
    """By name."""
    experiments: tuple[ExperimentUse, ...] = ()
    """Those that are judged by it, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDays:
    """What some days say of a metric."""

    rows: list[dict[str, Any]]
    """As table `metric_days` has them, the newest day first; of a day, by id type."""
    following: date | None
    """Before this day there may be more; None where there is not."""


def catalogue(context: JobContext, customer: str, datasets: Iterable[Dataset] = DATASETS) -> list[MetricSummary]:
    """Every metric and event that a published day has; those with the newest rows first, then by dataset and name."""
    today = context.zone.day_of(context.drop.service_time())
    used = uses(context, customer)
    found = [
        replace(each, experiments=used.get((dataset, each.name), ()))
        for dataset in datasets
        for each in _of_stream(context, Stream(customer, dataset), today)
    ]
    return sorted(found, key=lambda each: (-each.last_day.toordinal(), f"{each.dataset}/{each.name}"))


def find_metric(context: JobContext, customer: str, name: str, dataset: Dataset | None) -> MetricSummary | None:
    """One of them; the metric where an event has the same name and no dataset is named."""
    for asked in DATASETS if dataset is None else (dataset,):
        found = next((each for each in catalogue(context, customer, (asked,)) if each.name == name), None)
        if found is not None:
            return found
    return None


def days_of_metric(context: JobContext, customer: str, metric: MetricSummary, *, before: date | None, limit: int) -> MetricDays:
    """The rows of at most `limit` days of a metric, `before` one of them."""
    state = load_state(context, Stream(customer, metric.dataset)).state
    published = reversed(published_days(state))
    days = [day for day in published if metric.first_day <= day <= metric.last_day and (before is None or day < before)]
    rows: list[dict[str, Any]] = []
    taken, reached = 0, None
    found = rows_of_days(context.lake, context.results, state, days[:_DAYS_READ], name=metric.name, threads=AT_ONCE)
    for day, frame in found:
        reached = day
        if frame.height:
            taken += 1
            rows += frame.to_dicts()
        if taken == limit:
            break
    is_last = reached is None or reached == days[-1]
    return MetricDays(rows=rows, following=None if is_last else reached)


def _of_stream(context: JobContext, stream: Stream, today: date) -> Iterator[MetricSummary]:
    known = known_metrics(context.lake, context.results, load_state(context, stream).state)
    if known.through is None:
        return
    trends = _trends(known, known.through)
    nothing = (None,) * TREND
    by_name: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in known.spans.iter_rows(named=True):
        by_name[row["metric_name"]].append(row)
    for name, rows in by_name.items():
        last = max(rows, key=lambda row: row["last_day"])
        yield MetricSummary(
            dataset=stream.dataset,
            name=name,
            kind=last["kind"],
            first_day=min(row["first_day"] for row in rows),
            last_day=last["last_day"],
            trend_through=known.through,
            stale=today - last["last_day"] > _SILENT,
            id_types=tuple(
                MetricIdType(
                    id_type=row["id_type"],
                    first_day=row["first_day"],
                    last_day=row["last_day"],
                    units=row["units"],
                    value=_value(row),
                    trend=trends.get((name, row["id_type"]), nothing),
                )
                for row in rows
            ),
        )


def _trends(known: KnownMetrics, through: date) -> dict[tuple[str, str], tuple[float | None, ...]]:
    first = through - timedelta(days=TREND - 1)
    values: defaultdict[tuple[str, str], list[float | None]] = defaultdict(lambda: [None] * TREND)
    for row in known.recent.filter(pl.col(DAY) >= first).iter_rows(named=True):
        values[row["metric_name"], row["id_type"]][(row[DAY] - first).days] = _value(row)
    return {key: tuple(found) for key, found in values.items()}


def _value(row: dict[str, Any]) -> float | None:
    value: float | None = row["count"] if row["kind"] == _EVENT else row["mean"]
    return value
