"""Staged parts as frames whose rows know which of two is the later one (contract section 4)."""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from processing.tables.batches import RECORD
from processing.tables.day_model import DayInput

ORDER: Final = "__order"
"""Int64, unique among the rows of a day: of two rows the later one has the higher, by its part, then by its record."""
_RECORD_BITS: Final = 40


def part_rows(each: DayInput) -> pl.DataFrame:
    """The rows of a staged part, with ORDER in place of their record numbers."""
    order = (pl.lit(each.order, pl.Int64) * (1 << _RECORD_BITS) + pl.col(RECORD)).alias(ORDER)
    return pl.read_parquet(io.BytesIO(each.data)).with_columns(order).drop(RECORD)
