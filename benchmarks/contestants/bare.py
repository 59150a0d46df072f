"""Polars alone: the same bytes to Parquet and nothing checked; the base of every ingest ratio.

Text is parsed with its types and written by day; NDJSON and Parquet are converted. The codec is the one that ours stages
with, unless the task names another.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import polars as pl

_METRICS: Final = {
    "unit_id": pl.String(),
    "id_type": pl.String(),
    "date": pl.Date(),
    "metric_name": pl.String(),
    "metric_value": pl.Float64(),
}
_EVENTS: Final = {
    "timestamp": pl.Int64(),
    "event_name": pl.String(),
    "event_value": pl.String(),
    "event_metadata": pl.Struct({"page": pl.String, "source": pl.String}),
    "user": pl.Struct({"userID": pl.String, "customIDs": pl.Struct({"stable_id": pl.String})}),
}


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:
    """The work: convert `path`, whose layout its ending tells."""
    path, out = Path(task["path"]), scratch / "out"
    codec = task.get("codec", "lz4")

    def work() -> dict[str, Any]:
        out.mkdir()
        if path.suffix == ".ndjson":
            lines = pl.scan_lines(path, name="line")
            rows = lines.select(pl.col("line").str.json_decode(pl.Struct(_EVENTS)).alias("row")).unnest("row")
            rows.sink_parquet(out / "rows.parquet", compression=codec)
        elif path.suffix == ".parquet":
            pl.scan_parquet(path).sink_parquet(out / "rows.parquet", compression=codec)
        else:
            pl.scan_csv(path, schema=_METRICS).sink_parquet(pl.PartitionBy(out, key="date"), mkdir=True, compression=codec)
        return {}

    return work
