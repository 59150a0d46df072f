"""Tells of most keys that they are not among many millions of others, in 128 MiB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

_BITS: Final = 1 << 30
"""With 50 million keys one strange key in twenty passes for known."""


class KeyFilter:
    """A set of keys that may take a strange key for one of its own, and never one of its own for a strange one."""

    def __init__(self, key: Sequence[str]) -> None:
        self._hash = pl.struct(key).hash(seed=2).alias("hash") % _BITS
        # Zeros cost no memory until they are written to.
        self._bits = np.zeros(_BITS // 8, np.uint8)

    def add(self, rows: pl.DataFrame) -> None:
        """Know the keys of these rows."""
        byte, bit = self._places(rows)
        np.bitwise_or.at(self._bits, byte, bit)

    def known(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows whose key may be one of those that were added."""
        byte, bit = self._places(rows)
        return rows.filter(pl.Series((self._bits[byte] & bit) != 0, dtype=pl.Boolean))

    def _places(self, rows: pl.DataFrame) -> tuple[Any, Any]:
        place = rows.select(self._hash).to_series().to_numpy()
        return place >> np.uint64(3), np.left_shift(np.uint8(1), (place & np.uint64(7)).astype(np.uint8))
