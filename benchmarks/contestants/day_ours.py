"""Our day stage: staged parts to the files of `metric_rows` and `metric_days`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from processing.domain.datasets import Dataset
from processing.tables.day_catalogue import compute_day
from processing.tables.day_model import DayInput, DayRequest


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:
    """The work: compute the day of the parts in `folder`, each read as it is asked for."""
    files = sorted(Path(task["folder"]).glob("*.parquet"))
    request = DayRequest(dataset=Dataset.METRICS, day=date.fromisoformat(task["day"]), file_prefix="bench", ratios_before=())

    def work() -> dict[str, Any]:
        inputs = (DayInput(order=order, data=file.read_bytes()) for order, file in enumerate(files))
        result = compute_day(request, inputs, scratch)
        totals = pl.read_parquet(scratch / "metric_days", hive_partitioning=False)
        return {"rows": result.rows, "superseded": result.superseded, "sum": totals.get_column("sum").sum()}

    return work
