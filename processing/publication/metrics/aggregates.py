"""Raw facts: metrics of which all rows of a unit come to one, and not the last of them (contract section 4).

While a day is worked on, a row may stand for several that were put together already. Whatever is put together first, the same
row comes out, but for the rounding of sums that are not exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from processing.publication.metrics.codes import METRIC
from processing.publication.metrics.transforms import HAS_PARTS, VALUES, latest_rows

_OPERATION: Final = "__operation"
"""UInt8: position in _OPERATIONS, from 1; 0 for metrics of which the last row counts."""
_OPERATIONS: Final = ("sum", "count", "min", "max", "mean")
_ROWS, _VALUED, _WITH_PARTS = "__rows", "__valued", "__with_parts"
"""Int64: how many rows a row stands for, how many of them have a `metric_value`, and how many both parts of a ratio."""
_COUNTS: Final = (_ROWS, _VALUED, _WITH_PARTS)


def _is(*operations: str) -> pl.Expr:
    return pl.col(_OPERATION).first().is_in([_OPERATIONS.index(each) + 1 for each in operations])


def with_operations(rows: pl.DataFrame, aggregates: Mapping[str, str]) -> pl.DataFrame:
    """Result rows that know how they are put together; the same frame where no metric is aggregated."""
    if not aggregates:
        return rows
    numbers = {name: _OPERATIONS.index(operation) + 1 for name, operation in aggregates.items()}
    operation = pl.col("metric_name").replace_strict(list(numbers), list(numbers.values()), default=0, return_dtype=pl.UInt8)
    is_aggregated = pl.col(_OPERATION) > 0
    return rows.with_columns(operation.alias(_OPERATION)).with_columns(
        pl.lit(1, pl.Int64).alias(_ROWS),
        pl.col("metric_value").is_not_null().cast(pl.Int64).alias(_VALUED),
        HAS_PARTS.cast(pl.Int64).alias(_WITH_PARTS),
        # One part of a ratio alone is none.
        *(pl.when(~is_aggregated | HAS_PARTS).then(pl.col(part)).alias(part) for part in VALUES[1:]),
    )


def put_together(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each unit and METRIC: the last one, or all of them put together as far as that goes."""
    if _OPERATION not in rows.columns:
        return latest_rows(rows)
    is_aggregated = rows.get_column(_OPERATION) > 0
    if not is_aggregated.any():
        return latest_rows(rows)
    aggregated = (
        rows.filter(is_aggregated)
        .group_by("unit_id", METRIC, maintain_order=True)
        .agg(
            pl.when(_is("min"))
            .then(pl.col("metric_value").min())
            .when(_is("max"))
            .then(pl.col("metric_value").max())
            .when(pl.col(_VALUED).sum() > 0)
            .then(pl.col("metric_value").sum())
            .alias("metric_value"),
            *(pl.when(pl.col(_WITH_PARTS).sum() > 0).then(pl.col(part).sum()).alias(part) for part in VALUES[1:]),
            pl.col(_OPERATION).first(),
            pl.col(_COUNTS).sum(),
        )
        .select(rows.columns)
    )
    return pl.concat([latest_rows(rows.filter(~is_aggregated)), aggregated])


def finished(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Rows that were put together, as result rows, and how many others went into them; what is beyond all floats is null."""
    if _OPERATION not in rows.columns:
        return rows, 0
    operation = {name: pl.col(_OPERATION) == number for number, name in enumerate(_OPERATIONS, start=1)}
    is_aggregated, is_value = pl.col(_OPERATION) > 0, operation["count"] | operation["min"] | operation["max"]
    value = (
        pl.when(operation["count"])
        .then(pl.col(_ROWS).cast(pl.Float64))
        .when(operation["mean"])
        .then(pl.col("metric_value") / pl.col(_VALUED))
        .otherwise(pl.col("metric_value"))
    )
    parts = [
        pl.when(operation["mean"]).then(pl.col(part) / pl.col(_WITH_PARTS)).when(~is_value).then(pl.col(part)).alias(part)
        for part in VALUES[1:]
    ]
    figures = rows.with_columns(value.alias("metric_value"), *parts).with_columns(
        pl.when(~is_aggregated | pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in VALUES
    )
    merged = int(rows.filter(is_aggregated).get_column(_ROWS).sum() - rows.select(is_aggregated.sum()).item())
    return figures.drop(_OPERATION, *_COUNTS), merged
