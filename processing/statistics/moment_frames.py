"""Moments out of Polars: aggregations over units, their combination, and back to arrays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Final

import numpy as np
import polars as pl

from processing.statistics.moments import VARIABLES, Moments, Variable

UNITS: Final = "units"


def moment_columns(
    value: str, *, denominator: str | None = None, covariate: str | None = None, covariate_denominator: str | None = None
) -> list[pl.Expr]:
    """Aggregations of columns with one row a unit, none of them null: `units`, `mean_*` and `cross_*` (see `Moments`).

    For `frame.group_by(group, metric).agg(...)`, eager or lazy. Centred on the mean of their group, so that large totals
    lose no digits.
    """
    names = dict(zip(Variable, (value, denominator, covariate, covariate_denominator), strict=True))
    given = [(variable, pl.col(name).cast(pl.Float64)) for variable, name in names.items() if name is not None]
    means = [totals.mean().alias(_mean(variable)) for variable, totals in given]
    crosses = [
        ((left - left.mean()) * (right - right.mean())).sum().alias(_cross(one, other))
        for (one, left), (other, right) in combinations_with_replacement(given, 2)
    ]
    return [pl.len().alias(UNITS), *means, *crosses]


def combined(frame: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Rows of `moment_columns` of parts that have no unit in common, put together for each `by`, in order of first sight.

    Source: Chan, Golub, LeVeque (1983), "Algorithms for computing the sample variance", formula 2.1, for many parts at once.
    """
    known = [variable for variable in Variable if _mean(variable) in frame.columns]
    n = pl.col(UNITS).cast(pl.Float64)
    whole = {each: (pl.col(_mean(each)) * n).sum() / n.sum() for each in known}
    crosses = [
        (
            pl.col(_cross(one, other)).sum()
            + ((pl.col(_mean(one)) - whole[one]) * (pl.col(_mean(other)) - whole[other]) * n).sum()
        ).alias(_cross(one, other))
        for one, other in combinations_with_replacement(known, 2)
    ]
    means = [mean.alias(_mean(each)) for each, mean in whole.items()]
    return frame.group_by(by, maintain_order=True).agg(pl.col(UNITS).sum(), *means, *crosses)


def moments_of(frame: pl.DataFrame) -> Moments:
    """The rows of `moment_columns` or `combined` as arrays of shape (rows,). A row without units may hold nulls.

    Raises polars.exceptions.ColumnNotFoundError where a cross product is missing.
    """
    rows = frame.height
    n = frame[UNITS].cast(pl.Float64).fill_null(0.0).to_numpy()
    mean, cross = np.zeros((rows, VARIABLES)), np.zeros((rows, VARIABLES, VARIABLES))
    mean[:, 1::2] = 1.0
    known = [variable for variable in Variable if _mean(variable) in frame.columns]
    if Variable.COVARIATE not in known:
        mean[:, Variable.COVARIATE :] = cross[:, Variable.COVARIATE :, :] = cross[:, :, Variable.COVARIATE :] = np.nan
    for variable in known:
        mean[:, variable] = _floats(frame, _mean(variable))
    for one, other in combinations_with_replacement(known, 2):
        cross[:, one, other] = cross[:, other, one] = _floats(frame, _cross(one, other))
    mean[n == 0], cross[n == 0] = 0.0, 0.0
    return Moments(n=n, mean=mean, cross=cross)


def _floats(frame: pl.DataFrame, name: str) -> np.ndarray:
    return np.asarray(frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy())


def _mean(variable: Variable) -> str:
    return f"mean_{variable.name.lower()}"


def _cross(one: Variable, other: Variable) -> str:
    return f"cross_{one.name.lower()}_{other.name.lower()}"
