"""Intervals and p-values of a difference of two groups: Welch's test, Fieller's lift, and one that is valid at every look."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from processing.statistics.arrays import BoolArray, FloatArray, finite, silent
from processing.statistics.distributions import two_sided_p, two_sided_t
from processing.statistics.estimates import Estimate

TUNED_FOR: Final = 5_000
"""Units of both groups together at which the always-valid interval is narrowest beside the fixed one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Treatment less control; NaN where no test is possible."""

    delta: FloatArray
    variance: FloatArray
    """Of delta."""
    df: FloatArray
    """Degrees of freedom."""
    critical: FloatArray
    """Standard errors on each side of delta."""
    low: FloatArray
    high: FloatArray
    p_value: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """Treatment over control, less 1."""

    lift: FloatArray
    low: FloatArray
    high: FloatArray
    is_unbounded: BoolArray
    """Whether control's mean cannot be told from 0, so that the interval has no ends."""


def welch(control: Estimate, treatment: Estimate, confidence: float) -> Difference:
    """Delta -+ t * sqrt(v_t + v_c), where v is the variance of a mean and t has Welch's degrees of freedom.

    df = (v_t + v_c)^2 / (v_t^2 / (n_t - 1) + v_c^2 / (n_c - 1)). For ratios and with CUPED the same, which for many units is
    the normal interval of the delta method. Source: Welch (1947), "The generalization of 'Student's' problem when several
    different population variances are involved", Biometrika 34; Satterthwaite (1946), Biometrics Bulletin 2.
    """
    with silent():
        delta = finite(treatment.mean - control.mean)
        variance = treatment.variance + control.variance
        # By shares, because the square of a variance may lie beyond all floats.
        share = treatment.variance / variance
        df = 1 / (share**2 / (treatment.n - 1) + (1 - share) ** 2 / (control.n - 1))
        critical, error = two_sided_t(confidence, df), np.sqrt(variance)
        return Difference(
            delta=delta,
            variance=variance,
            df=df,
            critical=critical,
            low=finite(delta - critical * error),
            high=finite(delta + critical * error),
            p_value=two_sided_p(delta / error, df),
        )


def fieller(control: Estimate, difference: Difference, shared: FloatArray | float = 0.0) -> Lift:
    """The lifts L for which delta - L * control's mean cannot be told from 0: (delta - L c)^2 <= t^2 * its variance.

    Its ends solve (1 - g) L^2 - 2 (l + t^2 v_c / c^2) L + l^2 - t^2 v / c^2 = 0, with l = delta / c, v the variance of
    delta, v_c that of control's mean c, and g = t^2 (v_c + shared) / c^2. From g = 1 on it has no ends. t has the degrees of
    freedom of the difference, so that the lift's interval holds 0 when that of delta does. `shared` is variance that both
    means have in common, and the difference has not (`Adjustment.shared`). A lift is negative where treatment is nearer to 0
    than control, also when both are negative.

    Source: Fieller (1954), "Some problems in interval estimation", Journal of the Royal Statistical Society B 16; Zerbe
    (1978), "On Fieller's theorem and the general linear model", The American Statistician 32.
    """
    with silent():
        base = control.mean
        lift = finite(np.where(base == 0, np.nan, difference.delta / base))
        # In units of c, one factor at a time: the square of c may lie beyond all floats.
        scale = difference.critical / base
        whole, own = difference.variance * scale * scale, control.variance * scale * scale
        g = own + shared * scale * scale
        middle = lift + own
        # The square of the middle less (1 - g) times the last term, without what the two have in common.
        root = np.sqrt(np.maximum(whole * (1 - g) + own * (own + 2 * lift) + g * lift**2, 0.0))
        is_unbounded = (g >= 1) & np.isfinite(lift)
        ends = [np.where(g < 1, (middle + sign * root) / (1 - g), np.nan) for sign in (-1, 1)]
        return Lift(lift=lift, low=finite(ends[0]), high=finite(ends[1]), is_unbounded=is_unbounded)


def confidence_sequence(
    difference: Difference, units: FloatArray, confidence: float, tuned_for: float = TUNED_FOR
) -> tuple[FloatArray, FloatArray]:
    """Low and high of an interval that holds at all looks at once, however many there are, for many units.

    With N `units` of both groups together and standard error e of delta, it is
    delta -+ e * sqrt(2 (N rho^2 + 1) / (N rho^2) * log(sqrt(N rho^2 + 1) / alpha)), where alpha = 1 - confidence and
    rho^2 = (-2 log alpha + log(1 - 2 log alpha)) / tuned_for.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence
    sequences", Annals of Statistics 52, theorem 2.2 for N e^2 as the variance of one unit, with their rho for a chosen time.
    """
    alpha = 1 - confidence
    with silent():
        rho_squared = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / tuned_for
        size = units * rho_squared
        width = np.sqrt(difference.variance) * np.sqrt(2 * (size + 1) / size * np.log(np.sqrt(size + 1) / alpha))
        return finite(difference.delta - width), finite(difference.delta + width)
