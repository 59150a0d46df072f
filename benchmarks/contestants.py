"""What is measured, each run in a process of its own: our ingest, and the bare engine that does nothing but convert."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from processing.domain.datasets import Dataset
from processing.tables.ingest import IngestRequest, ingest_file
from processing.tables.random_access import LocalFile
from schemas.customer_config import CustomerConfig


def ours(path: Path, scratch: Path) -> None:
    """The path of an upload from its bytes to staged parts and rejected rows, from a local file."""
    request = IngestRequest(
        name=path.name,
        dataset=Dataset.METRICS,
        uploaded_at=datetime(2026, 12, 1, tzinfo=UTC),
        config=CustomerConfig(max_rejected_fraction=1.0),
    )
    with LocalFile(path) as source:
        outcome = ingest_file(request, source, scratch=scratch, emit=lambda dataset, part: None)
    if outcome.problem is not None:
        raise SystemExit(outcome.problem.message)


def bare(path: Path, scratch: Path) -> None:
    """Polars alone: a typed scan into Parquet by day, nothing checked."""
    schema = {"unit_id": pl.String, "id_type": pl.String, "date": pl.Date, "metric_name": pl.String, "metric_value": pl.Float64}
    scan = pl.scan_csv(path, schema=schema, ignore_errors=True)
    scan.sink_parquet(pl.PartitionBy(scratch, key="date"), mkdir=True, compression="zstd", compression_level=1)


CONTESTANTS: dict[str, Callable[[Path, Path], None]] = {"ours": ours, "bare": bare}


def main() -> None:
    """`python -m benchmarks.contestants NAME FILE`: prints seconds of the work alone and the peak memory in MiB."""
    name, path = sys.argv[1], Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        CONTESTANTS[name](path, Path(scratch))
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{seconds} {peak}\n")


if __name__ == "__main__":
    main()
