"""Seeded sample files for measuring: the same rows for the same arguments, always."""

from __future__ import annotations

import gzip
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

_LAST_DAY = date(2026, 11, 30)
_BLOCK = 250_000


def metrics_csv(path: Path, rows: int, *, days: int = 7, bad: float = 0.0, seed: int = 7) -> None:
    """Write `rows` metric rows over the last `days` days, a share of `bad` of them with a number that is none."""
    rng = np.random.default_rng(seed)
    header = True
    with path.open("wb") as file:
        for start in range(0, rows, _BLOCK):
            count = min(_BLOCK, rows - start)
            values = np.round(rng.gamma(2.0, 50.0, count), 4).astype(str)
            values[rng.random(count) < bad] = "n/a"
            frame = pl.DataFrame(
                {
                    "unit_id": [f"user-{number:08d}" for number in rng.integers(0, max(rows // 5, 1), count)],
                    "id_type": pl.Series(["user_id"] * count),
                    "date": [(_LAST_DAY - timedelta(days=int(day))).isoformat() for day in rng.integers(0, days, count)],
                    "metric_name": [f"metric_{number}" for number in rng.integers(0, 40, count)],
                    "metric_value": values,
                }
            )
            frame.write_csv(file, include_header=header)
            header = False


def packed(path: Path) -> Path:
    """The same file as .gz beside it."""
    target = path.with_name(path.name + ".gz")
    with path.open("rb") as plain, gzip.open(target, "wb", compresslevel=6) as file:
        while chunk := plain.read(1 << 20):
            file.write(chunk)
    return target
