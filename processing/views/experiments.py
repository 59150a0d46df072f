"""Experiments as their results tell of them: which there are, and what one came to through a day (contract section 8)."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.publication.delta.specs import EXPERIMENT_RESULTS
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.metric_days import published_days
from processing.stored.result_files import read_result
from processing.stored.stream_state import load_state

_EVENT: Final = "event"
"""How the kinds of events begin."""
_BACK: Final = 7
"""Days that are looked at for the one before: results run through each day, so that it mostly is the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSummary:
    """One group of an experiment with the units of one id type."""

    group_id: str
    is_control: bool
    units: int
    """Those that were exposed to this group alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSummary:
    """An experiment through the last day that has results of it, with the units of one id type."""

    experiment: str
    id_type: str
    day: date
    groups: tuple[GroupSummary, ...]
    mixed_units: int
    """Units that saw two groups, and are in none."""
    srm_p: float | None
    """Chance of a split as uneven as this one, if units fell as the config says; None where there is nothing to compare."""
    srm: bool
    """Whether that is so small that the groups are not what was meant to be compared."""
    metrics: int
    """What it is judged by: metrics, and the counts and sums of events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentDay:
    """Rows of `experiment_results` of one experiment through a day."""

    day: date
    rows: tuple[dict[str, Any], ...]
    """By metric, kind, id type and group; the columns of the table but its partition."""
    earlier: date | None
    """The last day with results of the experiment before it, among the seven before that have results at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentUse:
    """An experiment that is judged by a metric or an event."""

    experiment: str
    groups: tuple[str, ...]
    """By name."""


def uses(context: JobContext, customer: str) -> dict[tuple[Dataset, str], tuple[ExperimentUse, ...]]:
    """By dataset and name, in which experiments of the last day with results a metric or an event is used."""
    state = _state(context, customer)
    days = published_days(state)
    found: defaultdict[tuple[Dataset, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    if days and (rows := _rows(context, state, days[-1])).height:
        named = rows.select("metric_name", pl.col("kind").str.starts_with(_EVENT), "experiment", "group_id").unique()
        for name, is_event, experiment, group in named.iter_rows():
            found[Dataset.EVENTS if is_event else Dataset.METRICS, name][experiment].add(group)
    return {
        key: tuple(ExperimentUse(experiment=name, groups=tuple(sorted(groups))) for name, groups in sorted(each.items()))
        for key, each in found.items()
    }


def experiments(context: JobContext, customer: str) -> list[ExperimentSummary]:
    """Every experiment that the last day with results has rows of, by name and id type."""
    state = _state(context, customer)
    days = published_days(state)
    if not days:
        return []
    rows = _rows(context, state, days[-1])
    parts = rows.partition_by("experiment", "id_type", maintain_order=True)
    return sorted((_summary(part, days[-1]) for part in parts), key=lambda each: (each.experiment, each.id_type))


def results_through(context: JobContext, customer: str, experiment: str, day: date | None = None) -> ExperimentDay | None:
    """What the last day with results up to `day` says of an experiment; None where it says nothing.

    OperatorError when a file or a manifest is gone though it is named.
    """
    state = _state(context, customer)
    days = [each for each in published_days(state) if day is None or each <= day]
    if not days:
        return None
    rows = _rows_of(context, state, days[-1], experiment)
    if rows.is_empty():
        return None
    before = reversed(days[-_BACK - 1 : -1])
    earlier = next((each for each in before if _has_rows(context, state, each, experiment)), None)
    return ExperimentDay(day=days[-1], rows=tuple(rows.to_dicts()), earlier=earlier)


def _has_rows(context: JobContext, state: StreamState, day: date, experiment: str) -> bool:
    try:
        return not _rows_of(context, state, day, experiment).is_empty()
    except OperatorError:  # which this day's own page tells of
        return True


def _rows_of(context: JobContext, state: StreamState, day: date, experiment: str) -> pl.DataFrame:
    return _rows(context, state, day).filter(pl.col("experiment") == experiment)


def _state(context: JobContext, customer: str) -> StreamState:
    return load_state(context, Stream(customer, Dataset.EXPERIMENTS)).state


def _rows(context: JobContext, state: StreamState, day: date) -> pl.DataFrame:
    frames = [pl.read_parquet(io.BytesIO(data)) for data in _files(context, state, day)]
    return pl.concat(frames) if frames else pl.DataFrame(schema={"experiment": pl.String, "id_type": pl.String})


def _files(context: JobContext, state: StreamState, day: date) -> Iterator[bytes]:
    known = with_closed_days(context.lake, state, [day]) if day not in state.days else state
    manifest = read_manifest(context.lake, known, day)
    names = () if manifest is None else manifest.names_in(EXPERIMENT_RESULTS.name)
    yield from (read_result(context.results, state.customer, name) for name in names)


def _summary(rows: pl.DataFrame, day: date) -> ExperimentSummary:
    first = rows.row(0, named=True)
    # Every metric has a row for each group; those of a value or an event count all its units.
    groups = rows.group_by("group_id", maintain_order=True).agg(pl.col("is_control").first(), pl.col("units").max())
    return ExperimentSummary(
        experiment=first["experiment"],
        id_type=first["id_type"],
        day=day,
        groups=tuple(GroupSummary(**each) for each in groups.sort("group_id").to_dicts()),
        mixed_units=first["mixed_units"],
        srm_p=first["srm_p"],
        srm=first["srm"],
        metrics=rows.select("metric_name", "kind").n_unique(),
    )
