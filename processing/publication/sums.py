"""Sums of finite numbers that pass the largest float on the way, or for good (contract section 8).

A sum stands in two columns: its own, which is infinite or no number once it has passed the largest float, and one beside it
of the same numbers made so small that no sum of them does. Both add up, in whatever stages.
"""

from __future__ import annotations

from typing import Final

import polars as pl

_SHRUNK: Final = 2.0**-64
"""As many numbers as there can be, and the largest of each, still stay within floats."""
_PREFIX: Final = "__shrunk_"


def summed(name: str, numbers: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The sum `name` of finite numbers, as two aggregates."""
    return numbers.sum().alias(name), (numbers * _SHRUNK).sum().alias(_PREFIX + name)


def added(*names: str) -> pl.Expr:
    """The sum of sums, as aggregates."""
    return pl.col(*names, *(_PREFIX + name for name in names)).sum()


def without_shrunk(name: str) -> pl.Expr:
    """The second column of a sum, null where the first tells it: rows that wait on disk take half the room."""
    return pl.when(~pl.col(name).is_finite()).then(pl.col(_PREFIX + name)).alias(_PREFIX + name)


def with_shrunk(name: str) -> pl.Expr:
    """The second column of a sum, from what `without_shrunk` left of it."""
    return pl.coalesce(_PREFIX + name, pl.col(name) * _SHRUNK).alias(_PREFIX + name)


def whole(name: str) -> pl.Expr:
    """The sum as one number; infinite where it lies beyond all floats."""
    number = pl.col(name)
    # Nothing is lost where it counts: what is too small to be shrunk does not matter beside what overflowed.
    return pl.when(number.is_finite()).then(number).otherwise(pl.col(_PREFIX + name) / _SHRUNK)


def quotient(upper: str, lower: str) -> pl.Expr:
    """One sum over the other, null over zero; infinite, or no number, where it lies beyond all floats."""
    plain = pl.col(upper).is_finite() & pl.col(lower).is_finite()
    ratio = pl.when(plain).then(pl.col(upper) / pl.col(lower)).otherwise(pl.col(_PREFIX + upper) / pl.col(_PREFIX + lower))
    return pl.when(whole(lower) != 0).then(ratio)


def finite_figures(totals: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The totals with null for every figure that lies beyond all floats, and how many these are."""
    figures = [name for name, dtype in totals.schema.items() if dtype.is_float()]
    if not figures or totals.is_empty():
        return totals, 0
    beyond = pl.sum_horizontal((~pl.col(name).is_finite()).sum() for name in figures)
    count = int(totals.select(beyond).item())
    return totals.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in figures), count
