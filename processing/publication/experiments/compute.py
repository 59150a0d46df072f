"""A day of results: what the units of each experiment came to through it, and what that says (contract section 8)."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from processing.domain.publications import TableFile, TableOutput, TableSpec
from processing.publication.delta.specs import (
    EVENT_UNITS,
    EXPERIMENT_RESULTS,
    EXPERIMENT_UNITS,
    EXPOSED_UNITS,
    FIRST_EXPOSURES,
    METRIC_ROWS,
    UNIT_TOTALS,
)
from processing.publication.experiments import winsorizing
from processing.publication.experiments.buckets import Buckets, buckets_for
from processing.publication.experiments.figures import FAMILY, SUM, figures, partial_moments, whole_moments
from processing.publication.experiments.result_rows import families_of, result_rows
from processing.publication.experiments.running_totals import RunningTotals
from processing.publication.experiments.unit_totals import OF_METRICS, rows_of_events, rows_of_metrics
from processing.publication.experiments.units import EXPOSED, is_running, unmixed
from processing.publication.experiments.unknown_names import unknown_names
from processing.publication.model import DayRequest, DayResult, Emit
from processing.publication.result_files import DayFiles
from schemas.experiments import ExperimentConfig

FilesOf = Callable[[str, date], Iterable[bytes]]
"""Gives the Parquet files that a published day has in a table, or beside the tables, by the table's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSources:
    """What results are computed from."""

    experiments: Mapping[str, ExperimentConfig]
    """Those that the config names."""
    resumed: frozenset[str]
    """Those among them whose units and totals the day before left; the others are taken from their first day on."""
    since: date
    """The first day that any of those others has exposures of."""
    files_of: FilesOf
    left: FilesOf
    """Of the day before, what it left beside its table."""
    rows: int
    """About how many rows there are to hold, by what the files say."""
    ratios: Collection[str]
    """Metrics that are ratios on the day."""


def compute_result_day(request: DayRequest, sources: ResultSources, scratch: Path, emit: Emit) -> DayResult:
    """Take the day into the totals of the units, and compare the groups through it."""
    held = Buckets(scratch / "units", buckets_for(sources.rows))
    running = RunningTotals(held, request.check_deadline)
    day = request.day
    anew = {name: each for name, each in sources.experiments.items() if name not in sources.resumed}
    for earlier in _days(sources.since, day) if anew else ():
        on = {name: each for name, each in anew.items() if is_running(each, earlier)}
        if on:
            running.add_day(earlier, _exposed(sources, earlier), lambda its: _rows(sources, its), on)
    active = {name: each for name, each in sources.experiments.items() if is_running(each, day)}
    kept = [name for name in sources.resumed if name in active]
    before = day - timedelta(days=1)
    if kept:
        running.load(_left(sources, EXPERIMENT_UNITS, before, kept), _left(sources, UNIT_TOTALS, before, kept))
    running.add_day(day, _exposed(sources, day), lambda its: _rows(sources, its), active)
    table = DayFiles(request, EXPERIMENT_RESULTS, scratch, emit)
    results, unknown = _results(running, sources, active)
    return DayResult(
        outputs=(table.output([table.write(results)] if results.height else []),),
        kept=(
            _written(request, EXPERIMENT_UNITS, running.units(), scratch, emit),
            _written(request, UNIT_TOTALS, running.totals(), scratch, emit),
        ),
        input_rows=(),
        rows=results.height,
        superseded=0,
        test_rows=0,
        ratios=(),
        warnings=unknown,
    )


def _results(
    running: RunningTotals, sources: ResultSources, active: Mapping[str, ExperimentConfig]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The rows of `experiment_results`, in three passes over the totals: how many, the outermost of them, their moments.

    And what the config names that is not there.
    """

    def all_figures() -> Iterator[pl.DataFrame]:
        return (figures(each, sources.ratios) for each in running.totals())

    counts = [winsorizing.counted(each) for each in all_figures()]
    cut = winsorizing.tails(counts, active)
    known = winsorizing.bounds((winsorizing.outermost(each, cut) for each in all_figures()), cut)
    parts = [
        partial_moments(winsorizing.cut_off(each, known), unmixed(units))
        for units, each in zip(running.units(), all_figures(), strict=True)
    ]
    found = _families(parts, counts)
    sizes = _sizes(running.units())
    families = families_of(found, sizes, active)
    rows = result_rows(whole_moments(parts, families, sizes), found, sizes, active)
    return rows, tuple(unknown_names(found, running.names, sizes, active))


def _families(parts: Sequence[pl.DataFrame], counts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """FAMILY of all that units have rows of; an event without numbers has no sums to compare."""
    found = pl.concat([each.select(FAMILY) for each in parts]).unique()
    numbers = pl.concat(list(counts)).filter(pl.col("number") == "y").select(FAMILY).unique()
    of_sums = pl.col("kind") == SUM
    return pl.concat([found.filter(~of_sums), found.filter(of_sums).join(numbers, on=FAMILY, how="semi")])


def _sizes(units: Iterator[pl.DataFrame]) -> pl.DataFrame:
    """Of each experiment, id type and group `units`, and `mixed_units` of the experiment and id type."""
    counted = [
        each.group_by("experiment", "id_type", "group_id").agg(
            (~pl.col("is_mixed")).sum().cast(pl.Int64).alias("units"), pl.col("is_mixed").sum().cast(pl.Int64).alias("mixed")
        )
        for each in units
    ]
    together = pl.concat(counted).group_by("experiment", "id_type", "group_id").agg(pl.col("units", "mixed").sum())
    mixed = pl.col("mixed").sum().over("experiment", "id_type").alias("mixed_units")
    return together.with_columns(mixed).drop("mixed").sort("experiment", "id_type", "group_id")


def _exposed(sources: ResultSources, day: date) -> Iterator[pl.DataFrame]:
    """The units that were exposed on a day; of one that an older program published, those that were for the first time."""
    found = False
    for data in sources.files_of(EXPOSED_UNITS.name, day):
        found = True
        yield pl.read_parquet(io.BytesIO(data)).select(list(EXPOSED))
    if found:
        return
    for data in sources.files_of(FIRST_EXPOSURES.name, day):
        group = pl.col("group_id")
        yield (
            pl.read_parquet(io.BytesIO(data))
            .with_columns(group.alias("least_group"), group.alias("greatest_group"))
            .select(list(EXPOSED))
        )


def _rows(sources: ResultSources, day: date) -> Iterator[pl.DataFrame]:
    for data in sources.files_of(METRIC_ROWS.name, day):
        yield rows_of_metrics(pl.read_parquet(io.BytesIO(data), columns=list(OF_METRICS)))
    for data in sources.files_of(EVENT_UNITS.name, day):
        yield rows_of_events(pl.read_parquet(io.BytesIO(data)))


def _left(sources: ResultSources, spec: TableSpec, day: date, names: list[str]) -> Iterator[pl.DataFrame]:
    for data in sources.left(spec.name, day):
        yield pl.read_parquet(io.BytesIO(data)).filter(pl.col("experiment").is_in(names))


def _written(request: DayRequest, spec: TableSpec, frames: Iterator[pl.DataFrame], scratch: Path, emit: Emit) -> TableOutput:
    files = DayFiles(request, spec, scratch, emit)
    written: list[TableFile] = []
    for frame in frames:
        request.check_deadline()
        if frame.height:
            written.append(files.write(frame))
    return files.output(written)


def _days(first: date, end: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((end - first).days))
