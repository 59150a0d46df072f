"""Text to typed values, strictly: what does not fit becomes null, and the raw text beside it tells that it did not fit."""

from __future__ import annotations

from typing import Final

import polars as pl

_TRUE: Final = ("true", "1")
_FALSE: Final = ("false", "0")

TYPE_HINTS: Final = {
    pl.Float64: "write a number with a point, such as 12.5",
    pl.Date: "write the day as YYYY-MM-DD",
    pl.Boolean: "write true or false",
}


def cast_text(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The values of a String expression as `dtype`; null where the text is no such value."""
    if dtype == pl.String:
        return text
    if dtype == pl.Float64:
        return text.cast(pl.Float64, strict=False)
    if dtype == pl.Date:
        # The engine alone would take 2026-1-1, and read the year 0026 from 26-01-01.
        shaped = text.str.len_bytes().eq(10) & text.str.contains(r"^\d{4}-\d{2}-\d{2}$")
        return pl.when(shaped).then(text.str.to_date("%Y-%m-%d", strict=False))
    if dtype == pl.Boolean:
        lowered = text.str.to_lowercase()
        return pl.when(lowered.is_in(_TRUE)).then(pl.lit(True)).when(lowered.is_in(_FALSE)).then(pl.lit(False))
    raise TypeError(f"no cast from text to {dtype}")
