"""Our day stage: staged parts to the files of `metric_rows` and `metric_days`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from processing.domain.datasets import Dataset
from processing.publication.compute_day import compute_day
from processing.publication.model import DayInput, DayRequest


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:
    """The work: compute the day of the parts in `folder`, each read as it is asked for; finished files leave the scratch."""
    files = sorted(Path(task["folder"]).glob("*.parquet"))
    request = DayRequest(dataset=Dataset.METRICS, day=date.fromisoformat(task["day"]), file_prefix="bench", ratios_before=())

    def work() -> dict[str, Any]:
        inputs = [DayInput(order=order, size=file.stat().st_size, read=file.read_bytes) for order, file in enumerate(files)]
        with TemporaryDirectory(dir=Path(task["folder"]).parent, prefix="results-") as results:

            def emit(name: str) -> None:
                (Path(results) / name).parent.mkdir(parents=True, exist_ok=True)
                (scratch / name).rename(Path(results) / name)

            result = compute_day(request, inputs, scratch, emit)
            totals = pl.read_parquet(Path(results) / "metric_days", hive_partitioning=False)
        return {"rows": result.rows, "superseded": result.superseded, "sum": totals.get_column("sum").sum()}

    return work
