"""Means, splits and corrections are those of SciPy, and CUPED's those of least squares, whatever the units are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from processing.statistics.compare import compare
from processing.statistics.corrections import Correction, adjust
from processing.statistics.distributions import two_sided_p, two_sided_t
from processing.statistics.estimates import Kind, pool_covariates
from processing.statistics.moments import Moments
from processing.statistics.split import split_p

SEEDS = range(8)


def near(expected: object) -> object:
    return pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_difference_of_means_is_welchs_of_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    control = random.lognormal(1, 1, random.integers(2, 400))
    treatment = random.normal(3 + seed % 2, 1 + seed, random.integers(2, 400))
    found = compare(Moments.of_units(control), Moments.of_units(treatment), kind=Kind.MEAN, confidence=0.9)
    expected = stats.ttest_ind(treatment, control, equal_var=False)
    interval = expected.confidence_interval(0.9)
    assert found.p_value == near(expected.pvalue)
    assert (found.ci_low, found.ci_high) == (near(interval.low), near(interval.high))
    assert found.stddev == near(np.std(treatment, ddof=1))


def test_t_is_that_of_scipy_from_one_degree_of_freedom_to_very_many_and_far_from_0() -> None:
    df, statistic = np.meshgrid([1, 1.5, 3, 99.7, 1e6, 1e15], [0, 0.1, 2, 8, 40, 300.0])
    assert two_sided_p(statistic, df) == near(2 * stats.t.sf(statistic, df))
    for confidence in (0.5, 0.95, 0.9999):
        assert two_sided_t(confidence, df) == near(stats.t.ppf((1 + confidence) / 2, df))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_split_is_judged_as_by_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.uniform(0.1, 5, 2 + seed % 4)
    units = random.multinomial(10_000, weights / weights.sum())
    expected = stats.chisquare(units, weights / weights.sum() * units.sum()).pvalue
    assert split_p(units.tolist(), weights.tolist()) == near(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_p_values_are_adjusted_as_by_scipy(seed: int) -> None:
    p_values = np.random.default_rng(seed).uniform(0, 1, 1 + 3 * seed) ** 2
    assert adjust(p_values, Correction.BENJAMINI_HOCHBERG) == near(stats.false_discovery_control(p_values, method="bh"))


@pytest.mark.parametrize("seed", SEEDS)
def test_cuped_takes_away_what_least_squares_find(seed: int) -> None:
    random = np.random.default_rng(seed)
    groups = [(random.normal(group, 1 + group, 50 + 20 * group), random.normal(0, 1, 50 + 20 * group)) for group in range(2)]
    groups = [(before * seed + noise, before) for before, noise in groups]
    known = [Moments.of_units(value, covariate=before) for value, before in groups]
    rows = np.concatenate([np.full(value.size, group) for group, (value, _) in enumerate(groups)])
    value, before = (np.concatenate(each) for each in zip(*groups, strict=True))
    (_, delta, theta), *_ = np.linalg.lstsq(np.stack([np.ones(rows.size), rows, before], axis=1), value)
    assert pool_covariates(known, Kind.MEAN).theta == pytest.approx(theta, rel=1e-9, abs=1e-9)
    found = compare(*known, kind=Kind.MEAN)
    assert found.cuped_delta == pytest.approx(delta, rel=1e-9, abs=1e-9)
    # The means of both groups at the covariate of both together.
    assert found.cuped_mean == pytest.approx(groups[1][0].mean() - theta * (groups[1][1].mean() - before.mean()), rel=1e-9)
    residuals = [np.var(y - theta * x, ddof=1) / y.size for y, x in groups]
    plain = [np.var(y, ddof=1) / y.size for y, _ in groups]
    assert found.variance_reduction == pytest.approx(1 - sum(residuals) / sum(plain), rel=1e-9, abs=1e-9)
