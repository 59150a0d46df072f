"""The values of a day's metrics on scratch disk, until those of a metric are all there: percentiles need them at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from processing.publication.metrics.codes import METRIC
from processing.publication.metrics.transforms import HAS_PARTS
from processing.publication.metrics.value_totals import Values, totals_of_one, value_totals
from processing.publication.sums import added, summed

_VALUES_AT_ONCE: Final = 1_000_000
_BYTES: Final = 8
"""Of a value."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRun:
    """What some rows of the day say of their metrics."""

    sums: pl.DataFrame
    """METRIC, in its order, with the number of `values` (Int64), sums of `numerator` and `denominator` over the rows that
    carry both, and whether any do (`parts`, Boolean)."""
    values: Values
    """All values, in the order of METRIC; rows without a value have none."""

    @classmethod
    def of(cls, rows: pl.DataFrame) -> MetricRun:
        """Of valued rows in the order of METRIC."""
        sums = rows.group_by(METRIC, maintain_order=True).agg(
            pl.col("value").count().cast(pl.Int64).alias("values"),
            *summed("numerator", pl.col("numerator").filter(HAS_PARTS)),
            *summed("denominator", pl.col("denominator").filter(HAS_PARTS)),
            HAS_PARTS.any().alias("parts"),
        )
        return cls(sums=sums, values=rows.get_column("value").drop_nulls().to_numpy())


@dataclass(slots=True)
class MetricValues:
    """Runs one after another in a file."""

    path: Path
    _sums: list[pl.DataFrame] = field(default_factory=list)
    _ends: list[Counts] = field(default_factory=list)
    """Where the values of each metric of a run end in the file, behind where those of its first begin."""
    _held: int = 0

    @property
    def has_runs(self) -> bool:
        """Whether there is any."""
        return bool(self._sums)

    def add(self, run: MetricRun) -> None:
        """Take a run."""
        with self.path.open("ab") as file:
            file.write(run.values.data)
        self._sums.append(run.sums)
        ends = np.cumsum(run.sums.get_column("values").to_numpy())
        self._ends.append(np.concatenate([[self._held], self._held + ends]))
        self._held += len(run.values)

    def sums(self) -> pl.DataFrame:
        """The `sums` of all runs as those of one."""
        return (
            pl.concat(self._sums)
            .group_by(METRIC)
            .agg(pl.col("values").sum(), added("numerator", "denominator"), pl.col("parts").any())
            .sort(METRIC)
        )

    def totals(self, sums: pl.DataFrame) -> pl.DataFrame:
        """The `value_totals` of every metric that has a value, from `sums()`."""
        counts = sums.select(METRIC, "values")
        ends = counts.get_column("values").cum_sum()
        # Large metrics end in another million than they begin, and so are alone.
        bins = [(place // _VALUES_AT_ONCE).alias(name) for name, place in (("from", ends - counts["values"]), ("to", ends))]
        groups = counts.with_columns(bins).partition_by("from", "to", maintain_order=True)
        return pl.concat(map(self._totals_of, groups))

    def clear(self) -> None:
        """Forget all runs."""
        self.path.unlink(missing_ok=True)
        self._sums, self._ends, self._held = [], [], 0

    def _totals_of(self, group: pl.DataFrame) -> pl.DataFrame:
        metrics, count = group.get_column(METRIC), int(group.get_column("values").sum())
        keys, values = np.empty(count if len(metrics) > 1 else 0, np.uint64), np.empty(count, np.float64)
        held = 0
        for sums, ends in zip(self._sums, self._ends, strict=True):
            own = sums.get_column(METRIC).to_numpy()
            first, last = np.searchsorted(own, np.array([metrics[0], metrics[-1] + 1], np.uint64)).tolist()
            size = int(ends[last] - ends[first])
            values[held : held + size] = np.fromfile(self.path, np.float64, size, offset=int(ends[first]) * _BYTES)
            if len(keys):
                keys[held : held + size] = np.repeat(own[first:last], np.diff(ends[first : last + 1]))
            held += size
        if len(keys):
            return value_totals(pl.DataFrame({METRIC: keys, "value": values}))
        return totals_of_one(values).select(pl.lit(metrics[0], pl.UInt64).alias(METRIC), pl.all())
