"""Which metrics and events days have, from their files of `metric_days`: what the catalogue is made of.

A span is a metric with an id type over some days: KEY, the first and the last day that have it (Date), and of the last of
them `kind` (String), `units` and `count` (Int64) and `mean` (Float64).
"""

from __future__ import annotations

from typing import Final

import polars as pl

KEY: Final = ("metric_name", "id_type")
DAY: Final = "pst_date"
_FIGURES: Final = {"kind": pl.String, "units": pl.Int64, "count": pl.Int64, "mean": pl.Float64}
DAY_SCHEMA: Final[dict[str, type[pl.DataType]]] = {**dict.fromkeys(KEY, pl.String), DAY: pl.Date, **_FIGURES}
SPAN_SCHEMA: Final[dict[str, type[pl.DataType]]] = {
    **dict.fromkeys(KEY, pl.String),
    "first_day": pl.Date,
    "last_day": pl.Date,
    **_FIGURES,
}


def spans_of_days(days: pl.DataFrame) -> pl.DataFrame:
    """The spans of the rows of some days."""
    return spans_of_spans(
        days.with_columns(pl.col(DAY).alias("first_day"), pl.col(DAY).alias("last_day")).select(list(SPAN_SCHEMA))
    )


def spans_of_spans(spans: pl.DataFrame) -> pl.DataFrame:
    """Spans of several stretches of days as those of all of them, in the order of KEY."""
    last = pl.col(*_FIGURES).sort_by("last_day").last()
    return spans.group_by(KEY).agg(pl.col("first_day").min(), pl.col("last_day").max(), last).sort(KEY)
