"""A day of metrics from its staged parts: the files of `metric_rows` and `metric_days` (contract section 8)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from processing.domain.records import TableFile, TableOutput
from processing.tables import metric_day
from processing.tables.day_model import DayInput, DayRequest, DayResult
from processing.tables.shuffle import Shuffle
from processing.tables.side_by_side import in_order
from processing.tables.table_files import write_table_file
from processing.tables.table_specs import METRIC_DAYS, METRIC_ROWS

_ROWS_AT_ONCE = 1_000_000
_WORKERS = 2
_BUCKETS = 32
"""Twice the usual number, as two of them are in memory at once."""


@dataclass(slots=True)
class _Counts:
    inputs: list[int] = field(default_factory=list)
    test_rows: int = 0


def compute_metric_day(request: DayRequest, inputs: Iterable[DayInput], scratch: Path) -> DayResult:
    """Remove duplicates, find the ratios, value every row and sum up."""
    counts = _Counts()
    shuffle, candidates = _shuffled(inputs, scratch, counts)
    # What looks like a ratio mostly is one; that its rows may all be superseded is known at the end.
    known = {*request.ratios_before, *candidates}
    ratios: set[str] = set()
    row_files: list[TableFile] = []
    for file, shown in _published(request, shuffle, known, scratch):
        row_files.append(file)
        ratios |= shown
    rows = sum(file.rows for file in row_files)
    if known != {*request.ratios_before, *ratios}:
        known = {*request.ratios_before, *ratios}
        row_files = [_valued_again(request, file, known, scratch, number) for number, file in enumerate(row_files)]
    totals = _write_totals(request, row_files, known, scratch)
    return DayResult(
        outputs=(
            TableOutput(table=METRIC_ROWS.name, partition=_rows_partition(request), files=tuple(row_files)),
            TableOutput(table=METRIC_DAYS.name, partition=_totals_partition(request), files=tuple(totals)),
        ),
        input_rows=tuple(counts.inputs),
        rows=rows,
        superseded=sum(counts.inputs) - counts.test_rows - rows,
        test_rows=counts.test_rows,
        ratios=tuple(sorted(ratios)),
    )


def _shuffled(inputs: Iterable[DayInput], scratch: Path, counts: _Counts) -> tuple[Shuffle, set[str]]:
    """The day's rows without test rows, later ones behind earlier ones, and the metrics of which any row is of a ratio."""
    folder = scratch / "shuffle"
    folder.mkdir()
    # The unit alone would do, but for a unit that has most of the rows.
    shuffle = Shuffle(folder, pl.col("unit_id").hash(1) ^ pl.col("metric_name").hash(2), buckets=_BUCKETS)
    candidates: set[str] = set()
    last = -1
    for each in inputs:
        if each.order <= last:
            raise ValueError("parts must come in their order")
        last = each.order
        part = pl.read_parquet(io.BytesIO(each.data))
        counts.inputs.append(part.height)
        rows = metric_day.result_rows(part)
        counts.test_rows += part.height - rows.height
        candidates.update(metric_day.ratio_metrics(rows.lazy()).collect().get_column("metric_name"))
        shuffle.add(rows)
    return shuffle, candidates


def _published(request: DayRequest, shuffle: Shuffle, known: set[str], scratch: Path) -> Iterator[tuple[TableFile, set[str]]]:
    """The file of each bucket's clean rows, valued, and the metrics that they show to be ratios; two buckets at a time."""

    def publish(numbered: tuple[pl.DataFrame, int]) -> tuple[TableFile, set[str]]:
        rows, number = numbered
        latest = metric_day.latest_rows(rows.lazy()).collect()
        del rows
        shown = set(metric_day.ratio_metrics(latest.lazy()).collect().get_column("metric_name"))
        valued = metric_day.valued_rows(latest.lazy(), known).collect()
        del latest
        return _write_rows(request, metric_day.by_metric(valued), scratch, number), shown

    buckets = ((bucket.collect(), number) for number, bucket in enumerate(shuffle.buckets()))
    with ThreadPoolExecutor(_WORKERS, "bucket") as pool:
        yield from in_order(publish, buckets, pool, most=_WORKERS)


def _write_rows(request: DayRequest, rows: pl.DataFrame, scratch: Path, number: int) -> TableFile:
    name = f"{request.file_prefix}-{number:05d}.parquet"
    return write_table_file(rows, METRIC_ROWS, scratch, name=name, partition=_rows_partition(request))


def _valued_again(request: DayRequest, file: TableFile, ratios: set[str], scratch: Path, number: int) -> TableFile:
    rows = pl.read_parquet(scratch / METRIC_ROWS.name / file.path, hive_partitioning=False)
    return _write_rows(request, metric_day.valued_rows(rows.lazy(), ratios).collect(), scratch, number)


def _write_totals(request: DayRequest, row_files: list[TableFile], ratios: set[str], scratch: Path) -> list[TableFile]:
    if not row_files:
        return []
    rows = pl.scan_parquet([scratch / METRIC_ROWS.name / file.path for file in row_files], hive_partitioning=False)
    totals = pl.concat(
        metric_day.metric_totals(rows.filter(pl.col("metric_name").is_between(pl.lit(first), pl.lit(last))), ratios).collect()
        for first, last in _groups(rows)
    ).sort("metric_name", "id_type")
    name = f"{request.file_prefix}-00000.parquet"
    return [write_table_file(totals, METRIC_DAYS, scratch, name=name, partition=_totals_partition(request))]


def _groups(rows: pl.LazyFrame) -> Iterator[tuple[str, str]]:
    """The first and last of all metrics, in groups of about a million rows, by name.

    Percentiles need all values of a metric at once, and no others.
    """
    counts = rows.group_by("metric_name").len().sort("metric_name").collect()
    group: list[str] = []
    held = 0
    for name, count in counts.iter_rows():
        if group and held + count > _ROWS_AT_ONCE:
            yield group[0], group[-1]
            group, held = [], 0
        group.append(name)
        held += count
    yield group[0], group[-1]


def _rows_partition(request: DayRequest) -> dict[str, str]:
    return {"pst_date": request.day.isoformat()}


def _totals_partition(request: DayRequest) -> dict[str, str]:
    return {"dataset": str(request.dataset), "pst_date": request.day.isoformat()}
