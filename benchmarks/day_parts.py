"""A day of metrics as staged parts, seeded, with the counts that a publication must come to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from benchmarks.samples import FOLDER

DAY: Final = "2026-10-31"
_METRICS: Final = 40
_RATIOS: Final = 4
"""Metrics that carry both parts of a ratio."""
_MAKER: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DayParts:
    """A folder of parts, in order by name."""

    folder: Path
    rows_in: int
    rows: int
    """Of different keys."""

    @property
    def files(self) -> list[Path]:
        """The parts, in order."""
        return sorted(self.folder.glob("*.parquet"))


def day_parts(rows: int, parts: int, folder: Path = FOLDER) -> DayParts:
    """`rows` rows in `parts` parts, about a tenth of them superseded; made unless they are there already."""
    target = folder / f"day-{rows}-{parts}-v{_MAKER}"
    facts = target / "expected.json"
    if not facts.exists():
        target.mkdir(parents=True, exist_ok=True)
        facts.write_text(json.dumps({"rows_in": rows, "rows": _make(rows, parts, target)}), encoding="utf-8")
    return DayParts(folder=target, **json.loads(facts.read_text(encoding="utf-8")))


def _make(rows: int, parts: int, target: Path) -> int:
    rng = np.random.default_rng(7)
    space = rows * 5
    seen = np.zeros(space, np.bool_)
    for number in range(parts):
        count = rows * (number + 1) // parts - rows * number // parts
        keys = rng.integers(0, space, count)
        seen[keys] = True
        _part(rng, keys).write_parquet(target / f"part-{number:05d}.parquet", compression="lz4", statistics=False)
    return int(seen.sum())


def _part(rng: np.random.Generator, keys: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.DataFrame:
    """Rows as ingest stages them."""
    drawn = pl.DataFrame(
        {
            "unit": keys // _METRICS,
            "metric": keys % _METRICS,
            "value": np.round(rng.gamma(2.0, 50.0, len(keys)), 4),
            "parts": rng.integers(1, 50, len(keys)),
        }
    )
    is_ratio = pl.col("metric") < _RATIOS
    return drawn.select(
        ("user-" + pl.col("unit").cast(pl.String).str.zfill(8)).alias("unit_id"),
        pl.lit("user_id").alias("id_type"),
        pl.lit(DAY).str.to_date("%Y-%m-%d").alias("date"),
        ("metric_" + pl.col("metric").cast(pl.String)).alias("metric_name"),
        pl.when(~is_ratio).then(pl.col("value")).alias("metric_value"),
        pl.when(is_ratio).then(pl.col("value")).alias("numerator"),
        pl.when(is_ratio).then(pl.col("parts").cast(pl.Float64)).alias("denominator"),
        pl.lit(value=False).alias("is_test"),
    )
