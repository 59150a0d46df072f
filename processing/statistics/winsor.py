"""Where unit totals are cut off, so that a few units do not make the mean (contract section 8, experiments)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from processing.statistics.arrays import FloatArray, floats


def winsor_bounds(totals: Sequence[float | None] | FloatArray, share: float) -> tuple[float, float]:
    """Low and high for the totals of the units of all groups together: what lies beyond is set to the bound.

    High is the quantile `share` of the totals that are not 0, by linear interpolation (type 7 of Hyndman and Fan, 1996), but
    not below 0; low is the quantile 1 - share of them, but not above 0. So a metric without negative totals is cut above
    alone, one of either sign at both ends, a metric times -1 has the same bounds times -1, and units without rows stay 0.
    With share 1 nothing is cut. Of a ratio numerators and denominators have bounds of their own, and so have covariates.
    Raises ValueError for a share that is not above 0.5 and at most 1. Source: Dixon (1960), "Simplified estimation from
    censored normal samples", Annals of Mathematical Statistics 31.
    """
    _check(share)
    known = floats(totals)
    known = known[(known != 0) & ~np.isnan(known)]
    if not known.size:
        return 0.0, 0.0
    low, high = np.quantile(known, [1 - share, share])
    return min(float(low), 0.0), max(float(high), 0.0)


def winsor_bounds_of(column: str, share: float) -> tuple[pl.Expr, pl.Expr]:
    """The same two as aggregations over a column of Polars, for `select`, `group_by` or `over`; null becomes 0."""
    _check(share)
    known = pl.col(column).cast(pl.Float64).filter((pl.col(column) != 0) & pl.col(column).is_not_null())
    low, high = (known.quantile(each, interpolation="linear").fill_null(0.0) for each in (1 - share, share))
    return pl.min_horizontal(low, pl.lit(0.0)), pl.max_horizontal(high, pl.lit(0.0))


def _check(share: float) -> None:
    if not 0.5 < share <= 1:  # noqa: PLR2004 - at a half the bounds meet
        raise ValueError("winsorising keeps more than half of the totals")
