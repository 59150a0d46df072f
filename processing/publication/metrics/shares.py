"""The shares in which a day of metrics is worked on that is too large for scratch disk as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from processing.publication.metrics.codes import METRIC, MetricOrder
from processing.publication.metrics.transforms import VALUES

_BYTES_IN_SHARE: Final = 640_000_000
"""Bytes of text and numbers. On disk they take about half of it, and never more than it."""
_NUMBER: Final = 8
"""Bytes of a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The rows of some metrics, or those of a part of the units of one metric that is too large itself."""

    first: int
    """METRIC, as its place among all."""
    last: int
    part: int = 0
    parts: int = 1

    @property
    def completes(self) -> bool:
        """Whether its metrics are complete with it, where shares are taken in their order."""
        return self.part == self.parts - 1

    def of(self, rows: pl.DataFrame, order: MetricOrder) -> pl.DataFrame:
        """The rows of this share, from coded ones."""
        own = order.places(rows.get_column(METRIC)).is_between(self.first, self.last)
        if self.parts > 1:
            own &= rows.get_column("unit_id").hash(3) % self.parts == self.part
        return rows.filter(own)


def weighed(rows: pl.DataFrame) -> pl.DataFrame:
    """METRIC with the `bytes` (Int64) of its rows, once for each."""
    text = pl.col("unit_id").str.len_bytes().cast(pl.Int64).sum()
    numbers = pl.sum_horizontal(pl.col(VALUES).count().cast(pl.Int64))
    return rows.group_by(METRIC).agg((text + _NUMBER * numbers).alias("bytes"))


def planned(weights: pl.DataFrame) -> list[Share]:
    """The shares of a day, from what its metrics weigh, each at its place."""
    shares: list[Share] = []
    held = 0
    for place, size in weights.group_by(METRIC).agg(pl.col("bytes").sum()).sort(METRIC).iter_rows():
        held += size
        if shares and held <= _BYTES_IN_SHARE:
            shares[-1] = Share(first=shares[-1].first, last=place)
            continue
        held = size
        parts = -(-size // _BYTES_IN_SHARE)
        shares += [Share(first=place, last=place, part=part, parts=parts) for part in range(parts)]
    return shares
