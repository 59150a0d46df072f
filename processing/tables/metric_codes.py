"""Metrics as numbers while a day is worked on: they are compared, sorted and kept in a fraction of the time of text."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

METRIC: Final = "__metric"
"""UInt64 instead of `metric_name`, whose number stands in the high half, and `id_type`."""
_HALF: Final = 2**32


class MetricCodes:
    """Gives metrics numbers as they come; safe to share between threads."""

    def __init__(self) -> None:
        self._names = pl.Categories.random()
        self._types = pl.Categories.random()
        # Numbers are forgotten with the last column that has them.
        self._kept = [pl.Series([], dtype=pl.Categorical(each)) for each in (self._names, self._types)]

    def coded(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with METRIC."""
        name = pl.col("metric_name").cast(pl.Categorical(self._names)).to_physical().cast(pl.UInt64)
        kind = pl.col("id_type").cast(pl.Categorical(self._types)).to_physical().cast(pl.UInt64)
        return rows.with_columns((name * _HALF + kind).alias(METRIC)).drop("metric_name", "id_type")

    def order(self) -> MetricOrder:
        """The metrics that came so far in their order; no more may come while it is used."""
        return MetricOrder(self._names.to_series(), self._types.to_series())


class MetricOrder:
    """Metrics by name and id type, in the order of their text."""

    def __init__(self, names: pl.Series, types: pl.Series) -> None:
        self._names, self._name_places = _sorted(names)
        self._types, self._type_places = _sorted(types)

    def places(self, codes: pl.Series) -> pl.Series:
        """Where metrics stand in the order (UInt64), from METRIC."""
        places = self._name_places.gather(codes // _HALF) * _HALF + self._type_places.gather(codes % _HALF)
        return places.alias(METRIC)

    def sorted(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows by METRIC, which is its place then; those of one metric stay in their order."""
        return rows.with_columns(self.places(rows.get_column(METRIC))).sort(METRIC, maintain_order=True)

    def named(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with `metric_name` and `id_type` beside METRIC, which must be places."""
        places = rows.get_column(METRIC)
        return rows.with_columns(
            self._names.gather(places // _HALF).alias("metric_name"), self._types.gather(places % _HALF).alias("id_type")
        )


def _sorted(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The texts in order, and the place of each of them there (UInt64)."""
    order = texts.arg_sort()
    places = np.empty(len(texts), np.uint64)
    places[order.to_numpy()] = np.arange(len(texts), dtype=np.uint64)
    return texts.gather(order), pl.Series(places, dtype=pl.UInt64)
