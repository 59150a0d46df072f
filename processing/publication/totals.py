"""What a day's publication sums up to, compared with the one that it replaces (contract section 6, corrections)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from polars import selectors

_GROUP_KEY: Final = ("experiment", "group_id", "id_type")
_KEYS: Final = ("metric_name", *_GROUP_KEY)
"""Those of `metric_days`, and those of `first_exposures`."""
_CLOSE: Final = 1e-9
"""Relative; figures that differ by less are the same (contract section 6)."""
_APART: Final = 2.0
"""How far a total is from one that is not there: as far as numbers can be from each other."""
_THERE: Final = "__there"
_IS_THERE: Final = pl.lit(value=True).alias(_THERE)
_BEFORE: Final = "__before_"
_FAR: Final = "__far"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedTotals:
    """The totals of a day that differ between two publications of it."""

    count: int
    """Of all that differ."""
    shown: list[dict[str, Any]]
    """Those that differ most, in the order of their keys: the key, with `before` and `after`; None stands for no rows."""


def changed_totals(before: Iterable[bytes], after: Iterable[bytes], *, most: int) -> ChangedTotals:
    """The totals that differ, from the Parquet files of two publications of one day; at most `most` are shown.

    There is one for each metric and id type, or for each experiment, group and id type. A figure that is no finite number,
    as earlier programs wrote them, counts as null.
    """
    old, new = _totals(before), _totals(after)
    if old.is_empty() and new.is_empty():
        return ChangedTotals(count=0, shown=[])
    shape = pl.concat([old.clear(), new.clear()], how="diagonal_relaxed")
    key = [name for name in _KEYS if name in shape.columns]
    figures = [name for name in shape.columns if name not in key]
    old, new = (pl.concat([shape, each], how="diagonal_relaxed").with_columns(_IS_THERE) for each in (old, new))
    both = new.join(
        old.rename({name: _BEFORE + name for name in (*figures, _THERE)}), on=key, how="full", coalesce=True, nulls_equal=True
    )
    far = pl.max_horizontal(_distance(name, shape.schema[name]) for name in figures)
    is_in_both = pl.col(_THERE) & pl.col(_BEFORE + _THERE)
    differing = both.with_columns(pl.when(is_in_both).then(far).otherwise(_APART).alias(_FAR)).filter(pl.col(_FAR) > 0)
    shown = differing.sort(_FAR, *key, descending=[True, *(False for _ in key)]).head(most).sort(key)
    return ChangedTotals(count=differing.height, shown=[_shown(row, key, figures) for row in shown.iter_rows(named=True)])


def metrics_in(data: bytes) -> frozenset[str]:
    """The metrics that a file of `metric_days` has totals of."""
    return frozenset(pl.read_parquet(io.BytesIO(data), columns=["metric_name"]).to_series())


def _totals(files: Iterable[bytes]) -> pl.DataFrame:
    """The totals of a publication; without a column where it has no files."""
    frames = [_summed(pl.read_parquet(io.BytesIO(data))) for data in files]
    if not frames:
        return pl.DataFrame()
    totals = pl.concat(frames, how="diagonal_relaxed")
    if "experiment" in totals.columns:
        # Groups of exposures may stand in several files; metrics stand in one.
        return totals.group_by(_GROUP_KEY).agg(pl.col("units").sum())
    return totals.with_columns(pl.when(selectors.float().is_finite()).then(selectors.float()))


def _summed(rows: pl.DataFrame) -> pl.DataFrame:
    """What is summed up already, or the units in each group of an experiment."""
    if "experiment" not in rows.columns:
        return rows
    return rows.group_by(_GROUP_KEY).agg(pl.len().cast(pl.Int64).alias("units"))


def _distance(name: str, dtype: pl.DataType) -> pl.Expr:
    """How far a figure is from what it was before, from 0 to _APART, relative to the larger of both."""
    new, old = pl.col(name), pl.col(_BEFORE + name)
    if not dtype.is_numeric():
        return pl.when(new.ne_missing(old)).then(_APART).otherwise(0.0)
    larger = pl.max_horizontal(new.cast(pl.Float64).abs(), old.cast(pl.Float64).abs())
    # Divided first: the difference of two finite numbers may be beyond all floats.
    distance = pl.when(larger > 0).then((new / larger - old / larger).abs()).otherwise(0.0)
    if dtype.is_float():
        distance = pl.when(distance > _CLOSE).then(distance).otherwise(0.0)
    return pl.when(new.is_null() != old.is_null()).then(_APART).otherwise(distance)


def _shown(row: dict[str, Any], key: Sequence[str], figures: Sequence[str]) -> dict[str, Any]:
    before = {name: row[_BEFORE + name] for name in figures} if row[_BEFORE + _THERE] else None
    after = {name: row[name] for name in figures} if row[_THERE] else None
    return {**{name: row[name] for name in key}, "before": before, "after": after}
