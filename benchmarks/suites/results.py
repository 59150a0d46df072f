"""A day of results of an experiment with very many units: time, peak memory, and how both grow with the units."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from benchmarks.goals import Goal
from benchmarks.measure import Contestant, compete
from benchmarks.result_day import result_day
from benchmarks.scale import Scale
from benchmarks.suites import Findings, Table
from benchmarks.suites.ingest import wrong

_TIMES: Final = 10
_MOST: Final = 11.0
_SECONDS: Final = 60.0
_MEMORY: Final = 1_024.0
_GROUPS_AND_METRICS: Final = 40


def measure(scale: Scale) -> Findings:
    """A day in the middle of an experiment of 28 days, with 20 metrics; the same with a tenth of the units."""
    contestants = []
    for units in (scale.exposed_units // _TIMES, scale.exposed_units):
        made = result_day(units)
        rows = sum(_rows(made.files(table)) for table in ("_unit_totals", "metric_rows"))
        task = {"folder": str(made.folder), "units": units, "rows": rows, "watch_disk": True}
        right = {"rows": _GROUPS_AND_METRICS}
        contestants.append(Contestant(title=f"{units:,} units", module="results_ours", task=task, rows=rows, right=right))
    measured = compete(contestants, scale.result_runs, warm=False, on_progress=scale.on_progress)
    found = Findings()
    title = "a day of results, 20 metrics"
    found.tables.append(Table(title=title, measured=tuple(measured)))
    few, many = measured
    note = wrong(measured)
    times = many.seconds / few.seconds if few.seconds and many.seconds else None
    what = f"{title}, {scale.exposed_units:,} units"
    found.goals += [
        Goal(what=f"{what}: time", reached=many.seconds, goal=_SECONDS, unit="s", is_most=True, note=note),
        Goal(what=f"{what}: peak memory", reached=many.peak_mib, goal=_MEMORY, unit="MiB", is_most=True),
        Goal(what=f"{title}: time for {_TIMES} times the units", reached=times, goal=_MOST, unit="x", is_most=True, note=note),
    ]
    return found


def _rows(files: list[Path]) -> int:
    return int(pl.scan_parquet(files).select(pl.len()).collect().item())
