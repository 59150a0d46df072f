"""Sufficient statistics of a group and metric: units, means and centred cross products, which combine exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from processing.statistics.arrays import FloatArray, floats, silent


class Variable(IntEnum):
    """What is known of each unit, by its place in `Moments.mean` and `Moments.cross`."""

    VALUE = 0
    """Its total; of a ratio, the sum of its numerators."""
    DENOMINATOR = 1
    """The sum of its denominators; 1 where the metric is no ratio."""
    COVARIATE = 2
    """The same as VALUE over the days before its exposure."""
    COVARIATE_DENOMINATOR = 3
    """The same as DENOMINATOR over those days."""


VARIABLES: Final = len(Variable)
_DIGITS_OF_SUMS: Final = 1e-12
"""The share of a sum of squares below which its centred part is no more than what rounding left."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """The moments of many pairs of group and metric; `...` is their shape, the same for all, () for a single one."""

    n: FloatArray
    """Units, of shape (...)."""
    mean: FloatArray
    """Mean over the units of each variable, of shape (..., 4). 0 where there are no units; NaN for a variable that is not
    known, which only covariates may be."""
    cross: FloatArray
    """Sum over the units of (a - mean of a) * (b - mean of b), for each two variables, of shape (..., 4, 4)."""

    @classmethod
    def of_units(
        cls,
        value: npt.ArrayLike,
        *,
        denominator: npt.ArrayLike | None = None,
        covariate: npt.ArrayLike | None = None,
        covariate_denominator: npt.ArrayLike | None = None,
    ) -> Self:
        """Of the totals of units, of shape (..., units), by the corrected two-pass algorithm.

        Source: Chan, Golub, LeVeque (1983), "Algorithms for computing the sample variance", formula 1.7.
        """
        given = [None if each is None else floats(each) for each in (value, denominator, covariate, covariate_denominator)]
        known = floats(value)
        count = known.shape[-1]
        mean = np.zeros((*known.shape[:-1], VARIABLES))
        cross = np.zeros((*known.shape[:-1], VARIABLES, VARIABLES))
        mean[..., 1::2] = 1.0 if count else 0.0
        if covariate is None and count:
            mean[..., Variable.COVARIATE :] = cross[..., Variable.COVARIATE :, :] = cross[..., Variable.COVARIATE :] = np.nan
        with silent():
            centred = {}
            for variable, totals in enumerate(given):
                if totals is not None and count:
                    mean[..., variable] = totals.mean(axis=-1)
                    centred[variable] = totals - mean[..., variable, None]
            for one, left in centred.items():
                for other, right in centred.items():
                    rounding = left.sum(axis=-1) * right.sum(axis=-1) / count
                    cross[..., one, other] = np.einsum("...u,...u->...", left, right) - rounding
        return cls(n=np.full(known.shape[:-1], float(count)), mean=mean, cross=cross)

    @classmethod
    def of_sums(
        cls,
        n: npt.ArrayLike,
        *,
        sums: Mapping[Variable, npt.ArrayLike],
        products: Mapping[tuple[Variable, Variable], npt.ArrayLike],
    ) -> Self:
        """Of plain sums over the units and of sums of products, each pair of variables in either order.

        For who has nothing better: of a variance below 1e-12 of the mean square no digit is left in sums, and it is taken
        for 0. A denominator that is not given is 1 for all units. Raises KeyError where a product is missing.
        """
        count = floats(n)
        mean, cross = np.zeros((*count.shape, VARIABLES)), np.zeros((*count.shape, VARIABLES, VARIABLES))
        with silent():
            mean[..., 1::2] = np.sign(count)[..., None]
            if Variable.COVARIATE not in sums:
                absent = np.where(count > 0, np.nan, 0.0)
                mean[..., Variable.COVARIATE :] = absent[..., None]
                cross[..., Variable.COVARIATE :, :] = cross[..., Variable.COVARIATE :] = 0.0
                cross[..., Variable.COVARIATE :, :] += absent[..., None, None]
                cross[..., Variable.COVARIATE :] += absent[..., None, None]
            for variable, total in sums.items():
                mean[..., variable] = np.where(count > 0, floats(total) / count, 0.0)
            squares = {each: floats(products[each, each]) for each in sums}
            for one in sums:
                for other in sums:
                    product = floats(products[one, other] if (one, other) in products else products[other, one])
                    centred = product - count * mean[..., one] * mean[..., other]
                    size = np.sqrt(squares[one]) * np.sqrt(squares[other])
                    cross[..., one, other] = np.where(np.abs(centred) <= _DIGITS_OF_SUMS * size, 0.0, centred)
        return cls(n=count, mean=mean, cross=cross)

    def __add__(self, other: Moments) -> Moments:
        """Of the units of both, which must have none in common.

        Source: Chan, Golub, LeVeque (1983), formula 2.1b, for each two variables.
        """
        n = self.n + other.n
        with silent():
            share = np.where(n > 0, other.n / n, 0.0)
            apart = other.mean - self.mean
            # A group without units says nothing of its variables, neither a mean nor that they are not known.
            one, two = (self.n > 0)[..., None], (other.n > 0)[..., None]
            mean = np.where(~two, self.mean, np.where(~one, other.mean, self.mean + apart * share[..., None]))
            between = apart[..., :, None] * apart[..., None, :] * (self.n * share)[..., None, None]
            cross = self.cross + other.cross + np.where((one & two)[..., None], between, 0.0)
        return Moments(n=n, mean=mean, cross=cross)

    @property
    def has_covariate(self) -> npt.NDArray[np.bool_]:
        """Of shape (...): whether anything is known of the days before."""
        return np.asarray((self.n > 0) & ~np.isnan(self.mean[..., Variable.COVARIATE]))
