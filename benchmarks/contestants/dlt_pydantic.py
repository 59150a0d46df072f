"""dlt with a pydantic model as its contract: rows that the model refuses are discarded, the others loaded as Parquet."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")

import dlt
from pydantic import AfterValidator, BaseModel, Field


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


class Metric(BaseModel):
    """A row of metrics."""

    unit_id: Annotated[str, Field(min_length=1, max_length=512)]
    id_type: Annotated[str, Field(min_length=1)]
    date: Annotated[date, Field(le=date(2026, 11, 2))]
    metric_name: Annotated[str, Field(min_length=1, max_length=127)]
    metric_value: Annotated[float, AfterValidator(_finite)]


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:
    """The work: ingest the metrics file `path`."""
    destination = dlt.destinations.filesystem(bucket_url=(scratch / "lake").as_uri())
    pipeline = dlt.pipeline("bench", pipelines_dir=str(scratch / "pipelines"), destination=destination, dataset_name="bench")
    contract = {"tables": "evolve", "columns": "discard_row", "data_type": "discard_row"}
    metrics = dlt.resource(_rows(Path(task["path"])), name="metrics", columns=Metric, schema_contract=contract)

    def work() -> dict[str, Any]:
        pipeline.run(metrics, loader_file_format="parquet").raise_on_failed_jobs()
        counts = pipeline.last_trace.last_normalize_info.row_counts
        return {"accepted": counts.get("metrics", 0)}

    return work


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        yield from csv.DictReader(file)
