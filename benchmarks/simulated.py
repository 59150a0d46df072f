"""Simulated experiments, of which the truth is known: how often their intervals hold it, and how their p-values spread.

Everything comes from seeds, so that a run finds what the last one found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from processing.statistics.arrays import BoolArray, FloatArray
from processing.statistics.compare import Comparison, compare
from processing.statistics.estimates import Kind
from processing.statistics.moments import Moments
from processing.statistics.split import is_srm, split_p

_AT_ONCE: Final = 500
"""Experiments that are in memory together."""
DAYS: Final = 28
CORRELATION: Final = 0.6
"""Of a total with its covariate, where CUPED is held to the theory."""
_SPLIT: Final = 1_000_000
"""Units of a split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is simulated of one kind of metric."""

    kind: Kind
    draw: Callable[[np.random.Generator, int, float], Moments]
    """Moments of so many groups, with an effect."""
    control: float
    """The true mean or ratio without an effect."""
    per_effect: float
    """By how much it moves with an effect of 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Of experiments with an effect, the shares of intervals that hold it; of ones without, the p-values."""

    delta: float
    lift: float
    cuped_delta: float
    cuped_lift: float
    p_values: FloatArray
    cuped_p_values: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What CUPED did to experiments whose totals have CORRELATION with their covariate."""

    width: float
    """The mean width of the interval as a share of the one without CUPED; by the theory sqrt(1 - CORRELATION^2)."""
    reduction: float
    """Mean `variance_reduction`; by the theory CORRELATION^2."""
    bias: float
    """The mean of what CUPED adds to delta, in standard errors of that mean."""


def means(random: np.random.Generator, groups: int, effect: float) -> Moments:
    """900 units a group: two of three buy nothing, the others for skewed amounts that go with what they bought before."""
    shape = (groups, 900)
    habit = random.gamma(3.0, 1.0, shape)
    before = habit * random.binomial(1, 0.5, shape)
    buys = random.binomial(1, 1 / 3, shape)
    return Moments.of_units(buys * (habit + random.exponential(2.0, shape)) + effect, covariate=before)


def ratios(random: np.random.Generator, groups: int, effect: float) -> Moments:
    """700 units a group: units with more sessions have other rates, so that numerator and denominator go together."""
    shape = (groups, 700)
    rate = random.gamma(4.0, 0.5, shape)
    sessions, before = (1.0 + random.poisson(2.0 * rate) for _ in range(2))
    value, value_before = (each * rate + random.normal(0, 1, shape) for each in (sessions, before))
    return Moments.of_units(
        value + effect * sessions, denominator=sessions, covariate=value_before, covariate_denominator=before
    )


# A mean of 3 + 2 for each third unit. Of the rate r, mean 2 and variance 1: (E r + 2 E r^2) / (1 + 2 E r) = 12 / 5.
MEANS: Final = Truth(kind=Kind.MEAN, draw=means, control=5 / 3, per_effect=1.0)
RATIOS: Final = Truth(kind=Kind.RATIO, draw=ratios, control=12 / 5, per_effect=1.0)


def coverage(truth: Truth, experiments: int, seed: int) -> Coverage:
    """So many experiments with an effect of a tenth of the mean, for the intervals, and as many without, for the p-values."""
    effect = truth.control / 10
    delta, lift = effect * truth.per_effect, effect * truth.per_effect / truth.control
    held: dict[str, list[BoolArray]] = {name: [] for name in ("delta", "lift", "cuped_delta", "cuped_lift")}
    p_values: dict[str, list[FloatArray]] = {"p_value": [], "cuped_p_value": []}
    random = np.random.default_rng(seed)
    for groups in _batches(experiments):
        found = compare(truth.draw(random, groups, 0), truth.draw(random, groups, effect), kind=truth.kind)
        for prefix in ("", "cuped_"):
            held[f"{prefix}delta"].append(_holds(found, f"{prefix}ci", delta))
            held[f"{prefix}lift"].append(_holds(found, f"{prefix}lift", lift))
        none = compare(truth.draw(random, groups, 0), truth.draw(random, groups, 0), kind=truth.kind)
        for name, each in p_values.items():
            each.append(getattr(none, name))
    shares = {name: float(np.concatenate(each).mean()) for name, each in held.items()}
    return Coverage(
        **shares,
        p_values=np.concatenate(p_values["p_value"]),
        cuped_p_values=np.concatenate(p_values["cuped_p_value"]),
    )


def distance_from_uniform(p_values: FloatArray) -> float:
    """Kolmogorov and Smirnov's: the most that the share below a figure differs from the figure."""
    ordered = np.sort(p_values)
    steps = np.arange(ordered.size + 1) / ordered.size
    return float(max(np.max(steps[1:] - ordered), np.max(ordered - steps[:-1])))


def narrowing(experiments: int, seed: int) -> Narrowing:
    """1,000 units a group with normal totals."""
    random = np.random.default_rng(seed)
    own, widths, reductions, moved = (1 - CORRELATION**2) ** 0.5, [], [], []
    for groups in _batches(experiments):
        sides = []
        for _ in range(2):
            before = random.normal(10, 2, (groups, 1_000))
            value = CORRELATION * before / 2 + own * random.normal(0, 1, before.shape)
            sides.append(Moments.of_units(value, covariate=before))
        found = compare(sides[0], sides[1], kind=Kind.MEAN)
        widths.append((found.cuped_ci_high - found.cuped_ci_low) / (found.ci_high - found.ci_low))
        reductions.append(found.variance_reduction)
        moved.append(found.cuped_delta - found.delta)
    added = np.concatenate(moved)
    return Narrowing(
        width=float(np.concatenate(widths).mean()),
        reduction=float(np.concatenate(reductions).mean()),
        bias=float(added.mean() / (added.std(ddof=1) / added.size**0.5)),
    )


def alarms_of_new_units(experiments: int, seed: int) -> tuple[float, float]:
    """Shares of experiments without effect in which any of 28 daily looks finds one: by the always-valid, the fixed interval.

    Each day brings 100 units to each group.
    """
    random = np.random.default_rng(seed)

    def looks(groups: int) -> Iterator[Comparison]:
        sides = [Moments.of_units(np.empty((groups, 0))) for _ in range(2)]
        for _ in range(DAYS):
            sides = [side + Moments.of_units(random.exponential(1.0, (groups, 100))) for side in sides]
            yield compare(sides[0], sides[1], kind=Kind.MEAN, sequential=True)

    return _alarms(looks, experiments)


def alarms_of_growing_totals(experiments: int, seed: int) -> tuple[float, float]:
    """The same where all 500 units of each group come on the first day, and their totals grow with each."""
    random = np.random.default_rng(seed)

    def looks(groups: int) -> Iterator[Comparison]:
        totals = [np.zeros((groups, 500)) for _ in range(2)]
        for _ in range(DAYS):
            totals = [side + random.exponential(1.0, side.shape) for side in totals]
            control, treatment = (Moments.of_units(side) for side in totals)
            yield compare(control, treatment, kind=Kind.MEAN, sequential=True)

    return _alarms(looks, experiments)


def flagged(share: float, splits: int, seed: int) -> float:
    """The share of splits of a million units, drawn with this share for the first group, that are flagged against a half."""
    firsts = np.random.default_rng(seed).binomial(_SPLIT, share, splits).tolist()
    return sum(is_srm(split_p([first, _SPLIT - first])) for first in firsts) / splits


def _alarms(looks: Callable[[int], Iterator[Comparison]], experiments: int) -> tuple[float, float]:
    always: list[BoolArray] = []
    fixed: list[BoolArray] = []
    for groups in _batches(experiments):
        raised = [np.zeros(groups, dtype=np.bool_) for _ in range(2)]
        for found in looks(groups):
            raised[0] |= ~_holds(found, "sequential", 0.0)
            raised[1] |= ~_holds(found, "ci", 0.0)
        always.append(raised[0])
        fixed.append(raised[1])
    return float(np.concatenate(always).mean()), float(np.concatenate(fixed).mean())


def _batches(experiments: int) -> Iterator[int]:
    for begun in range(0, experiments, _AT_ONCE):
        yield min(_AT_ONCE, experiments - begun)


def _holds(found: Comparison, interval: str, truth: float) -> BoolArray:
    return np.asarray((getattr(found, f"{interval}_low") <= truth) & (truth <= getattr(found, f"{interval}_high")))
