"""The transforms of one day of metrics: remove duplicates, find ratios, value each row, sum up (contract sections 4 and 8).

Pure functions from frames to frames. Of two rows for the same unit, metric and day the later one supersedes the other.
METRIC stands for metric and id type; see `metric_codes`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from processing.publication.metrics.codes import METRIC
from processing.publication.sums import quotient, whole

VALUES: Final = ("metric_value", "numerator", "denominator")
HAS_PARTS: Final = pl.col("numerator").is_not_null() & pl.col("denominator").is_not_null()
"""Whether a row carries both parts of a ratio."""


def result_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that enter results, with the columns that do: test rows do not."""
    tests = rows.get_column("is_test")
    return (rows.filter(~tests) if tests.any() else rows).select("unit_id", "id_type", "metric_name", *VALUES)


def latest_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Of the coded rows of one day with the same unit and METRIC, the last one."""
    return rows.unique(subset=("unit_id", METRIC), keep="last", maintain_order=True)


def ratio_metrics(rows: pl.DataFrame) -> pl.Series:
    """The METRIC of every one of which any row carries both parts of a ratio."""
    return rows.filter(HAS_PARTS).get_column(METRIC).unique()


def valued_rows(rows: pl.DataFrame, is_ratio: pl.Series) -> pl.DataFrame:
    """Rows with `value` (Float64): numerator over denominator where the metric is a ratio, else metric_value.

    A ratio over zero, or beyond all floats, has no value.
    """
    ratio = pl.col("numerator") / pl.col("denominator")
    quotient = pl.when(ratio.is_finite()).then(ratio)
    return rows.with_columns(pl.when(is_ratio).then(quotient).otherwise(pl.col("metric_value")).alias("value"))


def rows_without_value(rows: pl.DataFrame, is_ratio: pl.Series) -> dict[str, int]:
    """Metrics that are ratios to those of their rows that carry a `metric_value` and lack a part of a ratio."""
    if not is_ratio.any():
        return {}
    lost = rows.filter(is_ratio & rows.select(~HAS_PARTS & pl.col("metric_value").is_not_null()).to_series())
    return dict(lost.group_by("metric_name").len().iter_rows())


def metric_totals(sums: pl.DataFrame, totals: pl.DataFrame, is_ratio: pl.Series) -> pl.DataFrame:
    """The rows of `metric_days`, from the sums of metrics and the `value_totals` of those that have values.

    For a ratio, `mean` is the sum of numerators over the sum of denominators of the units that carry both. Figures beyond
    all floats are infinite, or no numbers.
    """
    is_known_ratio = pl.col("is_ratio")
    return (
        sums.with_columns(is_ratio.alias("is_ratio"))
        .join(totals, on=METRIC, how="left", maintain_order="left")
        .with_columns(
            pl.col("units").fill_null(0),
            pl.col("sum").fill_null(0.0),
            pl.when(is_known_ratio).then(pl.lit("ratio")).otherwise(pl.lit("value")).alias("kind"),
            pl.when(is_known_ratio).then(quotient("numerator", "denominator")).otherwise(pl.col("mean")).alias("mean"),
            pl.when(pl.col("parts")).then(whole("numerator")).alias("numerator"),
            pl.when(pl.col("parts")).then(whole("denominator")).alias("denominator"),
        )
    )
