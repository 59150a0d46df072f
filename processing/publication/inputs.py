"""Staged parts as frames whose rows know which of two is the later one (contract section 4)."""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from processing.publication.model import DayInput

ORDER: Final = "__order"
"""Int64, unique among the rows of a day: of two rows the later one has the higher, by its part, then by its place in it."""
_PLACE_BITS: Final = 40


def staged_rows(each: DayInput) -> pl.DataFrame:
    """The rows of a staged part, in the order of their records."""
    return pl.read_parquet(io.BytesIO(each.read()))


def part_rows(each: DayInput) -> pl.DataFrame:
    """The rows of a staged part, with ORDER."""
    first = each.order << _PLACE_BITS
    return staged_rows(each).with_columns(pl.int_range(first, first + pl.len(), dtype=pl.Int64).alias(ORDER))
