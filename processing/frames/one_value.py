"""Whether a column is the same in all rows, as id types and days are in most files: comparing is quicker than counting."""

from __future__ import annotations

import polars as pl


def is_one_value(column: pl.Series) -> bool:
    """Whether all values are equal, of a column that has some and no nulls."""
    # Most columns that are not all one value show it at their ends.
    return bool(len(column)) and column[0] == column[-1] and bool((column == column[0]).all())
