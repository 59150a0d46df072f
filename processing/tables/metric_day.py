"""The transforms of one day of metrics: remove duplicates, find ratios, value each row, sum up (contract sections 4 and 8).

Pure functions from lazy frames to lazy frames. Rows carry, besides the columns of the dataset, ORDER: which of two rows
for the same unit, metric and day is the later one, and supersedes the other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import polars as pl

from processing.tables.day_inputs import ORDER

KEY: Final = ("unit_id", "id_type", "metric_name")


def latest_rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of the result rows of one day with the same KEY, the one with the highest ORDER."""
    return rows.sort(ORDER).unique(subset=KEY, keep="last", maintain_order=True)


def result_rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows that enter results: test rows do not."""
    return rows.filter(~pl.col("is_test"))


def ratio_metrics(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The metrics of which any row carries both parts of a ratio: one column `metric_name`."""
    both = pl.col("numerator").is_not_null() & pl.col("denominator").is_not_null()
    return rows.filter(both).select("metric_name").unique().sort("metric_name")


def valued_rows(rows: pl.LazyFrame, ratios: Collection[str]) -> pl.LazyFrame:
    """Rows with `value` (Float64): numerator over denominator for a ratio, else metric_value.

    A ratio over zero, or beyond all floats, has no value.
    """
    ratio = pl.col("numerator") / pl.col("denominator")
    quotient = pl.when(ratio.is_finite()).then(ratio)
    is_ratio = pl.col("metric_name").is_in(sorted(ratios))
    return rows.with_columns(pl.when(is_ratio).then(quotient).otherwise(pl.col("metric_value")).alias("value")).sort(
        "metric_name", "id_type", "unit_id"
    )


def metric_totals(rows: pl.LazyFrame, ratios: Collection[str]) -> pl.LazyFrame:
    """One row for each metric and id type, from valued rows.

    `units` counts the units that have a value; `stddev` is the sample standard deviation; percentiles are interpolated
    linearly. For a ratio, `mean` is the sum of numerators over the sum of denominators of the units that carry both.
    """
    is_ratio = pl.col("metric_name").is_in(sorted(ratios))
    value = pl.col("value")
    both = pl.col("numerator").is_not_null() & pl.col("denominator").is_not_null()
    return (
        rows.group_by("metric_name", "id_type")
        .agg(
            value.count().cast(pl.Int64).alias("units"),
            value.sum().alias("sum"),
            value.mean().alias("mean"),
            value.std(ddof=1).alias("stddev"),
            value.min().alias("min"),
            value.quantile(0.5, "linear").alias("p50"),
            value.quantile(0.9, "linear").alias("p90"),
            value.quantile(0.99, "linear").alias("p99"),
            value.max().alias("max"),
            pl.col("numerator").filter(both).sum().alias("numerator"),
            pl.col("denominator").filter(both).sum().alias("denominator"),
            both.any().alias("__parts"),
        )
        .with_columns(
            pl.when(is_ratio).then(pl.lit("ratio")).otherwise(pl.lit("value")).alias("kind"),
            pl.when(is_ratio)
            .then(pl.when(pl.col("denominator") != 0).then(pl.col("numerator") / pl.col("denominator")))
            .otherwise(pl.col("mean"))
            .alias("mean"),
            pl.when(pl.col("__parts")).then(pl.col("numerator")).alias("numerator"),
            pl.when(pl.col("__parts")).then(pl.col("denominator")).alias("denominator"),
        )
        .drop("__parts")
        .sort("metric_name", "id_type")
    )
