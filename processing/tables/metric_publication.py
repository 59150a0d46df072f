"""A day of metrics from its staged parts: the files of `metric_rows` and `metric_days` (contract section 8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from processing.domain.records import TableFile, TableOutput
from processing.tables import metric_day
from processing.tables.day_inputs import part_rows
from processing.tables.day_model import DayInput, DayRequest, DayResult
from processing.tables.shuffle import Shuffle
from processing.tables.table_files import write_table_file
from processing.tables.table_specs import METRIC_DAYS, METRIC_ROWS

_ROWS_AT_ONCE = 1_000_000


@dataclass(slots=True)
class _Counts:
    inputs: list[int] = field(default_factory=list)
    test_rows: int = 0
    rows: int = 0


def compute_metric_day(request: DayRequest, inputs: Iterable[DayInput], scratch: Path) -> DayResult:
    """Remove duplicates, find the ratios, value every row and sum up."""
    counts = _Counts()
    clean, ratios = _clean_rows(inputs, scratch, counts)
    known = {*request.ratios_before, *ratios}
    row_files = _write_rows(request, clean, known, scratch)
    totals = _write_totals(request, row_files, known, scratch)
    rows_in = sum(counts.inputs)
    return DayResult(
        outputs=(
            TableOutput(table=METRIC_ROWS.name, partition={"pst_date": request.day.isoformat()}, files=tuple(row_files)),
            TableOutput(table=METRIC_DAYS.name, partition=_totals_partition(request), files=tuple(totals)),
        ),
        input_rows=tuple(counts.inputs),
        rows=counts.rows,
        superseded=rows_in - counts.test_rows - counts.rows,
        test_rows=counts.test_rows,
        ratios=tuple(sorted(ratios)),
    )


def _clean_rows(inputs: Iterable[DayInput], scratch: Path, counts: _Counts) -> tuple[list[Path], set[str]]:
    """The day's rows without test rows and duplicates, as IPC files, and the metrics that they show to be ratios."""
    folder = scratch / "shuffle"
    folder.mkdir()
    shuffle = Shuffle(folder, metric_day.KEY)
    for each in inputs:
        part = part_rows(each)
        counts.inputs.append(part.height)
        rows = metric_day.result_rows(part.lazy()).collect()
        counts.test_rows += part.height - rows.height
        shuffle.add(rows.drop("is_test"))
    files: list[Path] = []
    ratios: set[str] = set()
    for number, bucket in enumerate(shuffle.buckets()):
        rows = metric_day.latest_rows(bucket).collect()
        counts.rows += rows.height
        ratios.update(metric_day.ratio_metrics(rows.lazy()).collect().get_column("metric_name"))
        files.append(scratch / f"clean-{number:02d}.arrow")
        rows.write_ipc(files[-1], compression="lz4")
    return files, ratios


def _write_rows(request: DayRequest, clean: list[Path], ratios: set[str], scratch: Path) -> list[TableFile]:
    files = []
    for number, path in enumerate(clean):
        rows = metric_day.valued_rows(pl.scan_ipc(path), ratios).collect()
        path.unlink()
        if rows.height:
            name = f"{request.file_prefix}-{number:05d}.parquet"
            partition = {"pst_date": request.day.isoformat()}
            files.append(write_table_file(rows, METRIC_ROWS, scratch, name=name, partition=partition))
    return files


def _write_totals(request: DayRequest, row_files: list[TableFile], ratios: set[str], scratch: Path) -> list[TableFile]:
    if not row_files:
        return []
    rows = pl.scan_parquet([scratch / METRIC_ROWS.name / file.path for file in row_files], hive_partitioning=False)
    totals = pl.concat(
        metric_day.metric_totals(rows.filter(pl.col("metric_name").is_in(names)), ratios).collect() for names in _groups(rows)
    ).sort("metric_name", "id_type")
    name = f"{request.file_prefix}-00000.parquet"
    return [write_table_file(totals, METRIC_DAYS, scratch, name=name, partition=_totals_partition(request))]


def _groups(rows: pl.LazyFrame) -> Iterator[list[str]]:
    """All metrics, in groups of about a million rows: percentiles need all values of a metric at once, and no others."""
    counts = rows.group_by("metric_name").len().sort("metric_name").collect()
    group: list[str] = []
    held = 0
    for name, count in counts.iter_rows():
        if group and held + count > _ROWS_AT_ONCE:
            yield group
            group, held = [], 0
        group.append(name)
        held += count
    yield group


def _totals_partition(request: DayRequest) -> dict[str, str]:
    return {"dataset": str(request.dataset), "pst_date": request.day.isoformat()}
