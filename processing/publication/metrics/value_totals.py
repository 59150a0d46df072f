"""What the values of a metric sum up to, right for all finite values: figures are infinite only if they lie beyond all floats.

The engine's own figures are taken where they are right. Where squares, sums or differences passed the largest float, or
squares vanished, they are computed again from values that a power of two has made small or large enough.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from processing.publication.metrics.codes import METRIC

Values = npt.NDArray[np.float64]
_FIGURES: Final = ("sum", "mean", "stddev", "p50", "p90", "p99")
"""What may be wrong for large or small values."""
_SURE_OF_SQUARES: Final = 2.0**-500
"""A standard deviation above it was not made of squares that vanished."""
_EXPONENTS: Final = (-1074, 1023)
"""Of the powers of two that are floats."""


def value_totals(values: pl.DataFrame) -> pl.DataFrame:
    """One row for each METRIC, from METRIC and `value` (Float64, finite).

    `units` counts the values; `stddev` is the sample standard deviation; percentiles are interpolated linearly.
    """
    value = pl.col("value")
    totals = values.group_by(METRIC).agg(_totals(value))
    wrong = totals.filter(_is_doubtful()).select(METRIC)
    if wrong.is_empty():
        return totals
    unit = _unit(value)
    doubtful = values.join(wrong, on=METRIC, how="semi").group_by(METRIC)
    return _corrected(totals.join(doubtful.agg(unit.alias("unit"), _again(_totals(value / unit))), on=METRIC, how="left"))


def totals_of_one(values: Values) -> pl.DataFrame:
    """The same of a single metric, without METRIC. Its values are sorted, and may be others afterwards."""
    # Of sorted values percentiles are seen; to select them would take copies, of what may be most of a day.
    values.sort()
    value = pl.col("value")
    totals = pl.DataFrame(pl.Series("value", values).set_sorted()).select(_totals(value))
    if totals.filter(_is_doubtful()).is_empty():
        return totals
    unit = math.ldexp(1.0, math.frexp(max(-values[0], values[-1]))[1] - 1)
    np.divide(values, unit, out=values)
    again = pl.DataFrame(pl.Series("value", values).set_sorted()).select(_again(_totals(value)))
    return _corrected(totals.hstack(again).with_columns(pl.lit(unit).alias("unit")))


def _totals(value: pl.Expr) -> list[pl.Expr]:
    return [
        value.len().cast(pl.Int64).alias("units"),
        value.sum().alias("sum"),
        value.mean().alias("mean"),
        value.std(ddof=1).alias("stddev"),
        value.min().alias("min"),
        value.quantile(0.5, "linear").alias("p50"),
        value.quantile(0.9, "linear").alias("p90"),
        value.quantile(0.99, "linear").alias("p99"),
        value.max().alias("max"),
    ]


def _is_doubtful() -> pl.Expr:
    vanished = (pl.col("stddev") < _SURE_OF_SQUARES) & (pl.col("min") < pl.col("max"))
    return pl.any_horizontal(~pl.col(*_FIGURES).is_finite(), vanished)


def _unit(value: pl.Expr) -> pl.Expr:
    """A power of two of about the size of the largest value: to divide by it and to multiply again changes no digit."""
    exponent = value.abs().max().log(2).floor().clip(*_EXPONENTS)
    return pl.lit(2.0).pow(exponent)


def _again(totals: list[pl.Expr]) -> list[pl.Expr]:
    return [each.name.prefix("again_") for each in totals]


def _corrected(totals: pl.DataFrame) -> pl.DataFrame:
    """The totals, with figures that were computed `again` in `unit`s instead of those that are wrong."""

    def corrected(name: str) -> pl.Expr:
        again = pl.col(f"again_{name}") * pl.col("unit")
        if name not in ("sum", "stddev"):
            # Rounding may not carry a figure beyond the values, and so beyond all floats.
            again = again.clip("min", "max")
        plain = pl.col(name)
        is_right = plain.is_finite()
        if name == "stddev":
            is_right &= plain >= _SURE_OF_SQUARES
        return pl.when(is_right | again.is_null()).then(plain).otherwise(again).alias(name)

    return totals.with_columns(map(corrected, _FIGURES)).select(pl.exclude("unit", "^again_.*$"))
