"""The rules that datasets share, as pandera checks with a stable name and a hint for the customer.

A check's `name` is the rule in receipts, its `description` the hint. Every check is row by row and is a function of a
lazy frame and a column that returns `lazyframe.select(expression)`, so that the engine can evaluate all of them in one
pass. Checks of the frame name the columns that they read in `title`, separated by spaces.
"""

from __future__ import annotations

from datetime import date

import polars as pl
from pandera import Check
from pandera.api.polars.types import PolarsData


def length(low: int, high: int) -> Check:
    """Text of `low` to `high` characters."""
    return Check.str_length(low, high, name="length", description=f"write {low} to {high:,} characters")


def finite() -> Check:
    """A number that is neither NaN nor infinite."""

    def is_finite(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).is_finite())

    return Check(is_finite, name="finite", description="write a finite number, or nothing")


def day_at_most(latest: date) -> Check:
    """A day no later than `latest`."""
    return Check.less_than_or_equal_to(
        latest, name="date_in_future", description=f"write a day no later than {latest.isoformat()}, one day after the upload"
    )


def value_or_ratio(value: str, numerator: str, denominator: str) -> Check:
    """A row carries a value, or both parts of a ratio."""

    def has_value(data: PolarsData) -> pl.LazyFrame:
        both = pl.col(numerator).is_not_null() & pl.col(denominator).is_not_null()
        return data.lazyframe.select(pl.col(value).is_not_null() | both)

    return Check(
        has_value,
        name="value_missing",
        title=f"{value} {numerator} {denominator}",
        description=f"fill {value}, or both {numerator} and {denominator}",
    )
