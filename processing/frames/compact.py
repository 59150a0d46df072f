"""Keeps what is held of a batch from holding the whole batch.

A frame that was filtered out of another still points into the text buffers of that one: a few rows of a block would keep
the block in memory.
"""

from __future__ import annotations

import polars as pl


def compacted(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows with text buffers of their own."""
    copied: pl.DataFrame = pl.from_arrow(frame.to_arrow(compat_level=pl.CompatLevel.oldest()), schema=frame.schema)  # type: ignore[assignment]
    return copied


def text_bytes(frame: pl.DataFrame) -> int:
    """Bytes of all text in a frame; by values alone, so that it is the same wherever it is asked."""
    names = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return sum(int(size or 0) for size in frame.select(pl.col(names).str.len_bytes().sum()).row(0)) if names else 0
