"""Staged parts as frames whose rows know which of two is the later one (contract section 4)."""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from processing.tables.day_model import DayInput

ORDER: Final = "__order"
"""Int64, unique among the rows of a day: of two rows the later one has the higher, by its part, then by its place in it."""
_PLACE_BITS: Final = 40


def part_rows(each: DayInput) -> pl.DataFrame:
    """The rows of a staged part, with ORDER; a part has its rows in the order of their records."""
    first = each.order << _PLACE_BITS
    return pl.read_parquet(io.BytesIO(each.read())).with_columns(
        pl.int_range(first, first + pl.len(), dtype=pl.Int64).alias(ORDER)
    )
