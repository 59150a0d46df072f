"""Sound sample rows of each dataset as columns of text, and their records in each layout; the same for the same seed."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import polars as pl

LAST_DAY: Final = date(2026, 10, 31)
"""The last PST day of every sample: past, so that an upload of it is never ahead of its time."""
_DAY_SECONDS: Final = 86_400
_PST_OFFSET: Final = 8 * 3_600
_METRICS: Final = 40
_EVENTS: Final = 25
DAY: Final = "__day"
"""The PST day of a row, Date."""


def metric_rows(rng: np.random.Generator, count: int, *, units: int, days: int) -> pl.DataFrame:
    """`count` metric rows of the last `days` days, and DAY."""
    drawn = pl.DataFrame(
        {
            "unit": rng.integers(0, units, count),
            "metric": rng.integers(0, _METRICS, count),
            "value": np.round(rng.gamma(2.0, 50.0, count), 4),
            "back": rng.integers(0, days, count),
        }
    )
    return drawn.select(
        ("user-" + pl.col("unit").cast(pl.String).str.zfill(8)).alias("unit_id"),
        pl.lit("user_id").alias("id_type"),
        _day(),
        ("metric_" + pl.col("metric").cast(pl.String)).alias("metric_name"),
        pl.col("value").cast(pl.String).alias("metric_value"),
    ).with_columns(pl.col(DAY).dt.to_string("%Y-%m-%d").alias("date"))


def event_rows(rng: np.random.Generator, count: int, *, units: int, days: int) -> pl.DataFrame:
    """`count` events of the last `days` days, and DAY; `event_metadata` and `user` are JSON objects."""
    drawn = pl.DataFrame(
        {
            "unit": rng.integers(0, units, count),
            "event": rng.integers(0, _EVENTS, count),
            "value": np.round(rng.gamma(2.0, 20.0, count), 2),
            "page": rng.integers(0, 500, count),
            "back": rng.integers(0, days, count),
            "second": rng.integers(0, _DAY_SECONDS, count),
        }
    )
    unit = pl.col("unit").cast(pl.String)
    instant = pl.col(DAY).cast(pl.Datetime("us")).dt.epoch("s") + _PST_OFFSET + pl.col("second")
    return drawn.with_columns(_day()).select(
        instant.cast(pl.String).alias("timestamp"),
        ("event_" + pl.col("event").cast(pl.String)).alias("event_name"),
        pl.col("value").cast(pl.String).alias("event_value"),
        ('{"page":"/shop/' + pl.col("page").cast(pl.String) + '","source":"mail, spring"}').alias("event_metadata"),
        ('{"userID":"user-' + unit + '","customIDs":{"stable_id":"s-' + unit + '"}}').alias("user"),
        DAY,
    )


def _day() -> pl.Expr:
    return (pl.lit(LAST_DAY) - pl.duration(days=pl.col("back"))).cast(pl.Date).alias(DAY)


METRIC_COLUMNS: Final = ("unit_id", "id_type", "date", "metric_name", "metric_value")
EVENT_COLUMNS: Final = ("timestamp", "event_name", "event_value", "event_metadata", "user")
_OBJECTS: Final = frozenset({"event_metadata", "user"})
_NUMBERS: Final = frozenset({"timestamp"})


def csv_line(columns: tuple[str, ...]) -> pl.Expr:
    """The record as a line of CSV; objects are quoted, as their own quotes demand."""
    fields = [
        '"' + pl.col(name).str.replace_all('"', '""', literal=True) + '"' if name in _OBJECTS else pl.col(name)
        for name in columns
    ]
    return pl.concat_str(fields, separator=",")


def json_line(columns: tuple[str, ...]) -> pl.Expr:
    """The record as a JSON object; objects stand in it as objects."""
    fields = []
    for name in columns:
        is_bare = name in _OBJECTS | _NUMBERS
        fields.append(f'"{name}":' + pl.col(name) if is_bare else f'"{name}":"' + pl.col(name) + '"')
    return "{" + pl.concat_str(fields, separator=",") + "}"


def typed(rows: pl.DataFrame) -> pl.DataFrame:
    """The record with the types that a warehouse would give it in Parquet."""
    if "metric_value" in rows.columns:
        return rows.with_columns(pl.col("date").str.to_date("%Y-%m-%d"), pl.col("metric_value").cast(pl.Float64, strict=False))
    return rows.with_columns(pl.col("timestamp").cast(pl.Int64))
