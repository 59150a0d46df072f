"""What is estimated of each group: a mean or a ratio, with or without CUPED, and the variance of the estimate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from processing.statistics.arrays import FloatArray, finite, silent
from processing.statistics.moments import Moments, Variable
from processing.statistics.notes import Note, Notes

_ROUNDING: Final = 1e-13
"""What is left of figures of size 1 that cancel each other; larger is a difference that is there."""
_LEAST_UNITS: Final = 2


class Kind(StrEnum):
    """What of a metric's units is compared."""

    MEAN = "mean"
    """The mean of their values."""
    RATIO = "ratio"
    """The sum of their numerators over the sum of their denominators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What CUPED takes away from each group: theta * (its covariate - centre). The same for all groups of an experiment."""

    theta: FloatArray
    """In units of the metric for one of the covariate; NaN where there is no covariate."""
    centre: FloatArray
    """The covariate over all groups."""
    shared: FloatArray
    """Variance that every adjusted mean has from the centre, and all have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One group's mean or ratio; NaN where it has none."""

    n: FloatArray
    """Units."""
    mean: FloatArray
    variance: FloatArray
    """Of the mean, not of the units; NaN where no test is possible."""
    stddev: FloatArray
    """Of the units. Of a ratio, of what each unit adds to it (see `estimate`)."""
    notes: Notes


def estimate(moments: Moments, kind: Kind) -> Estimate:
    """The mean y, or the ratio R = y / d of the means of numerator and denominator.

    Variance of a mean: s_y^2 / n. Of a ratio by the delta method, with the covariance:
    (s_y^2 - 2 R s_yd + R^2 s_dd) / (n d^2), all with n - 1.

    Source: Deng, Knoblich, Lu (2018), "Applying the delta method in metric analytics: a practical guide with novel ideas",
    section 3; Kohavi, Tang, Xu (2020), "Trustworthy online controlled experiments", chapter 18.
    """
    with silent():
        mean, _ = _means(moments, kind)
        return _estimate(moments, mean, _slopes(moments, kind, None))


def adjusted(moments: Moments, kind: Kind, adjustment: Adjustment) -> Estimate:
    """The same less theta * (covariate - centre); the variance is of y - theta x, of a ratio with both made linear.

    Source: Deng, Xu, Kohavi, Walker (2013), "Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data", section 3 and appendix B.
    """
    with silent():
        mean, covariate = _means(moments, kind)
        moved = mean - adjustment.theta * (covariate - adjustment.centre)
        return _estimate(moments, moved, _slopes(moments, kind, adjustment.theta))


def pool_covariates(groups: Sequence[Moments], kind: Kind) -> Adjustment:
    """Theta = sum of the groups' cov(y, x) / sum of their var(x), so that what treatment does to the mean is no part of it.

    `groups` are those of one experiment, so that each has one adjusted mean whatever it is compared with. Source: as for
    `adjusted`, section 3.2; pooled within groups as in the analysis of covariance.
    """
    with silent():
        shape = np.broadcast_shapes(*(each.n.shape for each in groups))
        both, own, noise, units, total, divisor, lost = (np.zeros(shape) for _ in range(7))
        for group in groups:
            slopes, before = _slopes(group, kind, None), _slopes(group, kind, 1.0)
            before[..., : Variable.COVARIATE] = 0
            there = group.n > 0
            both += np.where(there, -_form(group.cross, slopes, before), 0)
            own += np.where(there, _form(group.cross, before, before), 0)
            noise += np.where(there, _noise(group, before), 0)
            units, lost = units + group.n, lost + there
            total = total + group.n * group.mean[..., Variable.COVARIATE]
            weight = 1.0 if kind is Kind.MEAN else group.mean[..., Variable.COVARIATE_DENOMINATOR]
            divisor = divisor + group.n * weight
        theta = finite(np.where(own > noise, both / own, np.nan))
        shared = theta * (theta * own / (units - lost) / units)
        return Adjustment(theta=theta, centre=finite(total / divisor), shared=np.where(units > lost, shared, np.nan))


def _means(moments: Moments, kind: Kind) -> tuple[FloatArray, FloatArray]:
    """Of the metric, and of its covariate."""
    value, covariate = moments.mean[..., Variable.VALUE], moments.mean[..., Variable.COVARIATE]
    if kind is Kind.RATIO:
        value = value / moments.mean[..., Variable.DENOMINATOR]
        covariate = covariate / moments.mean[..., Variable.COVARIATE_DENOMINATOR]
    is_empty = moments.n < 1
    return np.where(is_empty, np.nan, value), np.where(is_empty, np.nan, covariate)


def _slopes(moments: Moments, kind: Kind, theta: FloatArray | float | None) -> FloatArray:
    """By how much the estimate moves with the mean of each variable, of shape (..., 4); without CUPED not with covariates."""
    slopes = np.zeros_like(moments.mean)
    mean, covariate = _means(moments, kind)
    is_ratio = kind is Kind.RATIO
    unit = 1 / moments.mean[..., Variable.DENOMINATOR] if is_ratio else np.ones_like(mean)
    slopes[..., Variable.VALUE] = unit
    if is_ratio:
        slopes[..., Variable.DENOMINATOR] = -mean * unit
    if theta is not None:
        before = 1 / moments.mean[..., Variable.COVARIATE_DENOMINATOR] if is_ratio else np.ones_like(mean)
        slopes[..., Variable.COVARIATE] = -theta * before
        if is_ratio:
            slopes[..., Variable.COVARIATE_DENOMINATOR] = theta * covariate * before
    return slopes


def _products(cross: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    """Each cross product times both slopes; one that no slope asks for is 0, known or not."""
    asked = (left[..., :, None] != 0) & (right[..., None, :] != 0)
    return np.where(asked, cross * left[..., :, None] * right[..., None, :], 0.0)


def _form(cross: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    return np.asarray(_products(cross, left, right).sum(axis=(-2, -1)))


def _noise(moments: Moments, slopes: FloatArray) -> FloatArray:
    """The squares that rounding may leave in the place of 0."""
    size = np.abs(_products(moments.cross, slopes, slopes)).sum(axis=(-2, -1))
    means = np.where(slopes != 0, slopes * moments.mean, 0.0)
    return np.asarray(_ROUNDING * size + moments.n * (_ROUNDING * np.abs(means).max(axis=-1)) ** 2)


def _estimate(moments: Moments, mean: FloatArray, slopes: FloatArray) -> Estimate:
    n = moments.n
    squares = _form(moments.cross, slopes, slopes)
    is_same = np.isfinite(squares) & (squares <= _noise(moments, slopes))
    of_unit = np.where(is_same, 0.0, squares) / (n - 1)
    is_few = n < _LEAST_UNITS
    lacks_denominator = (n > 0) & ~np.isfinite(mean) & (moments.mean[..., Variable.DENOMINATOR] == 0)
    is_beyond = (n > 0) & ~lacks_denominator & ~(np.isfinite(mean) & (is_few | np.isfinite(of_unit)))
    none = is_few | lacks_denominator | is_beyond
    return Estimate(
        n=n,
        mean=finite(mean),
        variance=np.where(none | is_same, np.nan, of_unit / n),
        stddev=np.where(none, np.nan, np.sqrt(of_unit)),
        notes={
            Note.TOO_FEW_UNITS: is_few,
            Note.NO_DENOMINATOR: lacks_denominator,
            Note.OVERFLOW: is_beyond,
            Note.NO_VARIANCE: ~none & is_same,
        },
    )
