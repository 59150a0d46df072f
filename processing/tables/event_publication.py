"""A day of events from its staged parts: the files of `events` and `metric_days` (contract section 8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from processing.domain.records import TableFile, TableOutput
from processing.tables import event_day
from processing.tables.day_inputs import part_rows
from processing.tables.day_model import DayInput, DayRequest, DayResult
from processing.tables.shuffle import Shuffle
from processing.tables.table_files import write_table_file
from processing.tables.table_specs import EVENTS, METRIC_DAYS
from processing.tables.user_ids import find_ids

_BUCKETS: Final = 64
"""Events are wide; a bucket of them must fit in memory."""
_ROWS_AT_ONCE: Final = 100_000
"""Rows of which the ids are looked at together."""


@dataclass(slots=True)
class _Counts:
    inputs: list[int] = field(default_factory=list)
    test_rows: int = 0
    rows: int = 0


def compute_event_day(request: DayRequest, inputs: Iterable[DayInput], scratch: Path) -> DayResult:
    """Drop repeated events, find the ids of the others, count and sum up."""
    counts = _Counts()
    events = _clean_rows(inputs, _folder(scratch, "shuffle"), counts)
    units = Shuffle(_folder(scratch, "units"), event_day.UNIT, reduce=event_day.event_units)
    files, totals = _write_events(request, events, units, scratch)
    counts.rows = sum(file.rows for file in files)
    day_files = _write_totals(request, totals, units, scratch)
    return DayResult(
        outputs=(
            TableOutput(table=EVENTS.name, partition=_partition(request), files=tuple(files)),
            TableOutput(table=METRIC_DAYS.name, partition=_totals_partition(request), files=tuple(day_files)),
        ),
        input_rows=tuple(counts.inputs),
        rows=counts.rows,
        superseded=sum(counts.inputs) - counts.test_rows - counts.rows,
        test_rows=counts.test_rows,
        ratios=(),
    )


def _clean_rows(inputs: Iterable[DayInput], folder: Path, counts: _Counts) -> Shuffle:
    """The day's rows without test rows, divided so that all rows of one timeuuid are together."""
    shuffle = Shuffle(folder, event_day.SHUFFLED_BY, buckets=_BUCKETS)
    for each in inputs:
        part = part_rows(each)
        rows = event_day.result_rows(part.lazy()).collect()
        counts.inputs.append(part.height)
        counts.test_rows += part.height - rows.height
        shuffle.add(rows.drop("is_test"))
    return shuffle


def _write_events(
    request: DayRequest, events: Shuffle, units: Shuffle, scratch: Path
) -> tuple[list[TableFile], pl.DataFrame | None]:
    """The files of `events`; their ids go to `units`, their totals are returned, None when there are no events."""
    files = []
    totals: pl.DataFrame | None = None
    for number, bucket in enumerate(events.buckets()):
        described = []
        sums = [] if totals is None else [totals]
        for rows in event_day.earliest_rows(bucket).collect().iter_slices(_ROWS_AT_ONCE):
            users = find_ids(rows.get_column("user")).lazy()
            described.append(event_day.described_rows(rows.lazy(), users).collect())
            ids = event_day.event_ids(described[-1].lazy(), users).collect().lazy()
            units.add(event_day.event_units(ids).collect())
            sums.append(event_day.event_totals(ids).collect())
        totals = event_day.added_totals(pl.concat(sums).lazy()).collect()
        name = f"{request.file_prefix}-{number:05d}.parquet"
        files.append(write_table_file(pl.concat(described), EVENTS, scratch, name=name, partition=_partition(request)))
    return files, totals


def _write_totals(request: DayRequest, totals: pl.DataFrame | None, units: Shuffle, scratch: Path) -> list[TableFile]:
    counted = [event_day.counted_units(bucket).collect() for bucket in units.buckets()]
    if totals is None or not counted:
        return []
    rows = event_day.metric_day_rows(totals.lazy(), pl.concat(counted).lazy()).collect()
    name = f"{request.file_prefix}-00000.parquet"
    return [write_table_file(rows, METRIC_DAYS, scratch, name=name, partition=_totals_partition(request))]


def _folder(scratch: Path, name: str) -> Path:
    folder = scratch / name
    folder.mkdir()
    return folder


def _partition(request: DayRequest) -> dict[str, str]:
    return {"pst_date": request.day.isoformat()}


def _totals_partition(request: DayRequest) -> dict[str, str]:
    return {"dataset": str(request.dataset), "pst_date": request.day.isoformat()}
