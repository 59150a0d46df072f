"""A day of results in the middle of an experiment: its units and totals as the day before left them, and the day's own rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from benchmarks.samples import FOLDER

DAY: Final = date(2026, 10, 31)
HISTORY: Final = 28
"""Days that the experiment has run; as many units are new each day."""
_METRICS: Final = 20
_UNITS_OF_A_FILE: Final = 250_000
_METRICS_OF_A_FILE: Final = 5
_MAKER: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultDay:
    """A folder of files, by what they are in the lake."""

    folder: Path
    units: int

    def files(self, table: str) -> list[Path]:
        """Those of a table."""
        return sorted((self.folder / table).glob("*.parquet"))


def result_day(units: int, folder: Path = FOLDER) -> ResultDay:
    """A million exposed units are as many; each has rows of 20 metrics every day. Made unless it is there already."""
    target = folder / f"results-{units}-v{_MAKER}"
    if not (target / "made").exists():
        _make(units, target)
        (target / "made").touch()
    return ResultDay(folder=target, units=units)


def _make(units: int, target: Path) -> None:
    rng = np.random.default_rng(11)
    for table in ("_exposed_units", "_experiment_units", "_unit_totals", "metric_rows"):
        (target / table).mkdir(parents=True, exist_ok=True)
    new = max(units // HISTORY, 1)
    for number, first in enumerate(range(0, units, _UNITS_OF_A_FILE)):
        ids = pl.Series("unit_id", [f"user-{unit:09d}" for unit in range(first, min(first + _UNITS_OF_A_FILE, units))])
        groups = pl.Series("group_id", np.where(rng.random(len(ids)) < 0.5, "control", "blue"))
        known = pl.DataFrame([ids, groups]).with_columns(
            pl.lit("button").alias("experiment"),
            pl.lit("user_id").alias("id_type"),
            pl.lit(DAY - timedelta(days=HISTORY // 2)).alias("exposed_on"),
            pl.lit(value=False).alias("is_mixed"),
        )
        known.filter(pl.col("unit_id") < f"user-{units - new:09d}").write_parquet(
            target / "_experiment_units" / f"{number:05d}.parquet"
        )
        for part, (totals, rows) in enumerate(_figures(rng, ids)):
            name = f"{number:05d}-{part:02d}.parquet"
            totals.write_parquet(target / "_unit_totals" / name, compression_level=3, row_group_size=65_536)
            rows.write_parquet(target / "metric_rows" / name, compression_level=3, row_group_size=65_536)
        exposed = known.with_columns(pl.col("group_id").alias("least_group"), pl.col("group_id").alias("greatest_group"))
        exposed.filter(pl.col("unit_id") >= f"user-{units - 2 * new:09d}").write_parquet(
            target / "_exposed_units" / f"{number:05d}.parquet"
        )


def _figures(rng: np.random.Generator, ids: pl.Series) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Totals, and a day's rows, of all metrics, a quarter of which few units have."""
    count = len(ids)
    for first in range(0, _METRICS, _METRICS_OF_A_FILE):
        totals, rows = [], []
        for metric in range(first, first + _METRICS_OF_A_FILE):
            name = pl.lit(f"metric_{metric:02d}").alias("metric_name")
            has = rng.random(count) < (0.2 if metric % 4 == 0 else 1.0)
            frame = pl.DataFrame([ids]).with_columns(pl.lit("user_id").alias("id_type"), name)
            totals.append(
                frame.with_columns(
                    pl.lit("button").alias("experiment"),
                    pl.lit("value").alias("source"),
                    pl.Series("first", rng.gamma(2.0, 50.0, count)),
                    pl.Series("first_before", rng.gamma(2.0, 20.0, count)),
                    pl.lit(0.0).alias("second"),
                    pl.lit(0.0).alias("second_before"),
                ).filter(pl.Series(has))
            )
            nothing = pl.lit(None, pl.Float64)
            value = pl.Series("metric_value", np.round(rng.gamma(2.0, 5.0, count), 4))
            columns = (value, nothing.alias("numerator"), nothing.alias("denominator"), value.alias("value"))
            rows.append(frame.with_columns(columns).filter(pl.Series(has)))
        yield pl.concat(totals), pl.concat(rows)
