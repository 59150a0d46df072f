"""The rows of a staged part that a filter takes, with their positions; a part is read some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from processing.ports import BlobStore
from processing.stored.staged_rows import first_rows

POSITION: Final = "__position"
"""How many rows of the part stand before (UInt32)."""


def matching_rows(lake: BlobStore, part: str, columns: Sequence[str], takes: pl.Expr, *, most: int) -> Iterator[pl.DataFrame]:
    """Those of the first `most` rows that `takes` holds of, with POSITION; nothing of a part that is gone."""
    before = 0
    for frame in first_rows(lake, part, columns, skip=0, most=most):
        found = frame.with_row_index(POSITION, offset=before).filter(takes)
        before += frame.height
        if found.height:
            yield found
