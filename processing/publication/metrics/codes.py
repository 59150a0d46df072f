"""Metrics as numbers while a day is worked on: they are compared, sorted and kept in a fraction of the time of text."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
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


class NameSet:
    """Metric names, by the numbers or the places that METRIC holds; to take more costs what they are, not what there are."""

    def __init__(self) -> None:
        self._has: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)

    def add(self, metrics: pl.Series) -> None:
        """Take the names of METRIC."""
        numbers = (metrics // _HALF).to_numpy()
        if len(numbers):
            missing = int(numbers.max()) + 1 - len(self._has)
            if missing > 0:
                self._has = np.concatenate([self._has, np.zeros(missing + len(self._has), np.bool_)])
            self._has[numbers] = True

    def among(self, count: int) -> pl.Series:
        """Whether each of so many is in it (Boolean); there is none beyond."""
        known = self._has[:count]
        return pl.Series(np.concatenate([known, np.zeros(count - len(known), np.bool_)]))


class MetricOrder:
    """Metrics by name and id type, in the order of their text."""

    def __init__(self, names: pl.Series, types: pl.Series) -> None:
        self._names, self._name_places, self._name_numbers = _sorted(names)
        self._types, self._type_places, _ = _sorted(types)

    def places(self, codes: pl.Series) -> pl.Series:
        """Where metrics stand in the order (UInt64), from METRIC."""
        places = self._name_places.gather(codes // _HALF) * _HALF + self._type_places.gather(codes % _HALF)
        return places.alias(METRIC)

    @property
    def names(self) -> pl.Series:
        """The names in their order."""
        return self._names

    def places_of(self, numbers: NameSet) -> pl.Series:
        """Whether each of the names is in a set of numbers."""
        return numbers.among(len(self._names)).gather(self._name_numbers)

    def sorted(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows by METRIC, which is its place then; those of one metric stay in their order."""
        return rows.with_columns(self.places(rows.get_column(METRIC))).sort(METRIC, maintain_order=True)

    def named(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with `metric_name` and `id_type` beside METRIC, which must be places."""
        places = rows.get_column(METRIC)
        return rows.with_columns(
            of_names(self._names, places).alias("metric_name"), self._types.gather(places % _HALF).alias("id_type")
        )


def of_names(each: pl.Series, places: pl.Series) -> pl.Series:
    """What `each` of the names in their order has, for METRIC, which must be places."""
    return each.gather(places // _HALF)


def _sorted(texts: pl.Series) -> tuple[pl.Series, pl.Series, pl.Series]:
    """The texts in order, the place of each of them there (UInt64), and the number of each of those there."""
    order = texts.arg_sort()
    places = np.empty(len(texts), np.uint64)
    places[order.to_numpy()] = np.arange(len(texts), dtype=np.uint64)
    return texts.gather(order), pl.Series(places, dtype=pl.UInt64), order
