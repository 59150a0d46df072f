"""What a day's publication sums up to, compared with the one that it replaces (contract section 6, corrections)."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, Final

import polars as pl

_METRIC_KEY: Final = ("metric_name", "id_type")
_GROUP_KEY: Final = ("experiment", "group_id", "id_type")
_CLOSE: Final = 1e-9
"""Relative; figures that differ by less are the same (contract section 6)."""


def changed_totals(before: Iterable[bytes], after: Iterable[bytes]) -> list[dict[str, Any]]:
    """The totals that differ, from the Parquet files of two publications of one day.

    One entry for each metric and id type, or each experiment, group and id type: its key, with `before` and `after`; None
    stands for no rows. Ordered by the key.
    """
    old, new = _totals(before), _totals(after)
    return [
        {**dict(key), "before": old.get(key), "after": new.get(key)}
        for key in sorted(old.keys() | new.keys())
        if not _same(old.get(key), new.get(key))
    ]


def _totals(files: Iterable[bytes]) -> dict[tuple[tuple[str, str], ...], dict[str, Any]]:
    totals: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for data in files:
        frame = pl.read_parquet(io.BytesIO(data))
        if "experiment" in frame.columns:
            frame = frame.group_by(_GROUP_KEY).agg(pl.len().alias("units"))
        names = _GROUP_KEY if "experiment" in frame.columns else _METRIC_KEY
        for row in frame.iter_rows(named=True):
            key = tuple((name, str(row.pop(name))) for name in names)
            known = totals.get(key)
            # Groups of exposures may stand in several files; metrics stand in one.
            totals[key] = {**row, "units": row["units"] + (known["units"] if known else 0)}
    return totals


def _same(old: dict[str, Any] | None, new: dict[str, Any] | None) -> bool:
    if old is None or new is None:
        return old is new
    return all(_close(old[name], new[name]) for name in old)


def _close(old: Any, new: Any) -> bool:
    if isinstance(old, float) and isinstance(new, float):
        return old == new or abs(old - new) <= _CLOSE * max(abs(old), abs(new))
    return bool(old == new)


def metrics_in(data: bytes) -> frozenset[str]:
    """The metrics that a file of `metric_days` has totals of."""
    return frozenset(pl.read_parquet(io.BytesIO(data), columns=["metric_name"]).to_series())
