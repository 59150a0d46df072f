"""The transforms of one day of metrics: remove duplicates, find ratios, value each row, sum up (contract sections 4 and 8).

Pure functions from frames to frames. Of two rows for the same unit, metric and day the later one supersedes the other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import polars as pl

KEY: Final = ("unit_id", "id_type", "metric_name")
VALUES: Final = ("metric_value", "numerator", "denominator")


def result_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that enter results, with the columns that do: test rows do not."""
    tests = rows.get_column("is_test")
    return (rows.filter(~tests) if tests.any() else rows).select(*KEY, *VALUES)


def latest_rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of the result rows of one day with the same KEY, the last one."""
    return rows.unique(subset=KEY, keep="last", maintain_order=True)


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
    return rows.with_columns(pl.when(is_ratio).then(quotient).otherwise(pl.col("metric_value")).alias("value"))


def by_metric(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in the order of metric and id type; those of one metric and id type stay in theirs."""
    # Sorting numbers takes a seventh of the time of sorting text, and there are few different names.
    names, types = (rows.get_column(name).unique().sort() for name in ("metric_name", "id_type"))
    number = _place("metric_name", names) * len(types) + _place("id_type", types)
    return rows[rows.select(number.alias("place")).to_series().arg_sort()]


def _place(column: str, values: pl.Series) -> pl.Expr:
    """Where each value of a column stands among `values`, UInt64."""
    return pl.col(column).cast(pl.Enum(values)).to_physical().cast(pl.UInt64)


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
