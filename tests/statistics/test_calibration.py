"""What simulated experiments are told is true as often as is promised; `make bench ARGS=calibration` asks ten times as many.

The seeds are fixed. Shares may be off by four standard deviations of a binomial share, so that chance fails none of these.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from benchmarks.simulated import (
    CORRELATION,
    MEANS,
    RATIOS,
    Truth,
    alarms_of_growing_totals,
    alarms_of_new_units,
    coverage,
    distance_from_uniform,
    flagged,
    narrowing,
)

EXPERIMENTS = 1_000


def off(share: float, experiments: int = EXPERIMENTS) -> float:
    return 4 * math.sqrt(share * (1 - share) / experiments)


@pytest.mark.parametrize("truth", [MEANS, RATIOS], ids=["means", "ratios"])
def test_intervals_hold_the_truth_and_p_values_without_effect_are_uniform(truth: Truth) -> None:
    found = coverage(truth, EXPERIMENTS, seed=11)
    for share in (found.delta, found.lift, found.cuped_delta, found.cuped_lift):
        assert share == pytest.approx(0.95, abs=off(0.95))
    for p_values in (found.p_values, found.cuped_p_values):
        assert p_values.size == EXPERIMENTS
        assert stats.kstest(p_values, "uniform").pvalue > 1e-4
        assert distance_from_uniform(p_values) == pytest.approx(stats.kstest(p_values, "uniform").statistic)


@pytest.mark.parametrize("truth", [MEANS, RATIOS], ids=["means", "ratios"])
def test_the_truth_that_intervals_are_held_to_is_that_of_very_many_units(truth: Truth) -> None:
    many = truth.draw(np.random.default_rng(12), 2_000, 0.5)
    value, denominator = many.mean[:, 0], many.mean[:, 1]
    ratio = value.mean() / denominator.mean()
    error = np.std(value - ratio * denominator) / denominator.mean() / value.size**0.5
    assert ratio == pytest.approx(truth.control + 0.5 * truth.per_effect, abs=4 * error)


def test_cuped_keeps_the_difference_and_narrows_its_interval_as_the_theory_says() -> None:
    found = narrowing(EXPERIMENTS, seed=13)
    assert abs(found.bias) < 4
    assert found.reduction == pytest.approx(CORRELATION**2, abs=0.005)
    assert found.width == pytest.approx((1 - CORRELATION**2) ** 0.5, rel=0.005)


@pytest.mark.parametrize("alarms", [alarms_of_new_units, alarms_of_growing_totals])
def test_looking_every_day_raises_few_false_alarms_with_the_interval_for_it_and_many_with_the_other(
    alarms: Callable[[int, int], tuple[float, float]],
) -> None:
    always, fixed = alarms(200, 14)
    assert always <= 0.05
    assert fixed > 0.15


def test_a_split_that_is_off_is_flagged_and_fair_ones_are_not() -> None:
    assert flagged(0.505, 100, seed=15) == 1
    assert flagged(0.5, EXPERIMENTS, seed=16) <= 0.001 + off(0.001)
