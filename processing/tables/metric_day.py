"""The transforms of one day of metrics: remove duplicates, find ratios, value each row, sum up (contract sections 4 and 8).

Pure functions from frames to frames. Of two rows for the same unit, metric and day the later one supersedes the other.
METRIC stands for metric and id type; see `metric_codes`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import polars as pl

from processing.tables.metric_codes import METRIC

VALUES: Final = ("metric_value", "numerator", "denominator")
HAS_PARTS: Final = pl.col("numerator").is_not_null() & pl.col("denominator").is_not_null()
"""Whether a row carries both parts of a ratio."""
_value = pl.col("value")
_TOTALS: Final = (
    _value.len().cast(pl.Int64).alias("units"),
    _value.sum().alias("sum"),
    _value.mean().alias("mean"),
    _value.std(ddof=1).alias("stddev"),
    _value.min().alias("min"),
    _value.quantile(0.5, "linear").alias("p50"),
    _value.quantile(0.9, "linear").alias("p90"),
    _value.quantile(0.99, "linear").alias("p99"),
    _value.max().alias("max"),
)


def result_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that enter results, with the columns that do: test rows do not."""
    tests = rows.get_column("is_test")
    return (rows.filter(~tests) if tests.any() else rows).select("unit_id", "id_type", "metric_name", *VALUES)


def latest_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Of the coded rows of one day with the same unit and METRIC, the last one."""
    return rows.unique(subset=("unit_id", METRIC), keep="last", maintain_order=True)


def ratio_metrics(rows: pl.DataFrame) -> list[str]:
    """The metrics of which any row carries both parts of a ratio."""
    return rows.filter(HAS_PARTS).get_column("metric_name").unique().to_list()


def valued_rows(rows: pl.DataFrame, ratios: Collection[str]) -> pl.DataFrame:
    """Rows with `value` (Float64): numerator over denominator for a ratio, else metric_value.

    A ratio over zero, or beyond all floats, has no value.
    """
    ratio = pl.col("numerator") / pl.col("denominator")
    quotient = pl.when(ratio.is_finite()).then(ratio)
    is_ratio = pl.col("metric_name").is_in(sorted(ratios))
    return rows.with_columns(pl.when(is_ratio).then(quotient).otherwise(pl.col("metric_value")).alias("value"))


def value_totals(values: pl.DataFrame) -> pl.DataFrame:
    """One row for each METRIC, from METRIC and `value` (Float64, never null).

    `units` counts the values; `stddev` is the sample standard deviation; percentiles are interpolated linearly.
    """
    return values.group_by(METRIC).agg(_TOTALS)


def totals_of_one(values: pl.Series) -> pl.DataFrame:
    """The same of a single metric, without METRIC."""
    return values.to_frame("value").select(_TOTALS)


def metric_totals(sums: pl.DataFrame, totals: pl.DataFrame, ratios: Collection[str]) -> pl.DataFrame:
    """The rows of `metric_days`, from the sums of named metrics and the `value_totals` of those that have values.

    For a ratio, `mean` is the sum of numerators over the sum of denominators of the units that carry both.
    """
    is_ratio = pl.col("metric_name").is_in(sorted(ratios))
    return (
        sums.join(totals, on=METRIC, how="left")
        .with_columns(
            pl.col("units").fill_null(0),
            pl.col("sum").fill_null(0.0),
            pl.when(is_ratio).then(pl.lit("ratio")).otherwise(pl.lit("value")).alias("kind"),
            pl.when(is_ratio)
            .then(pl.when(pl.col("denominator") != 0).then(pl.col("numerator") / pl.col("denominator")))
            .otherwise(pl.col("mean"))
            .alias("mean"),
            pl.when(pl.col("parts")).then(pl.col("numerator")).alias("numerator"),
            pl.when(pl.col("parts")).then(pl.col("denominator")).alias("denominator"),
        )
        .sort("metric_name", "id_type")
    )
