"""Examples with known answers: from books and papers, and from other programs, named with their versions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from processing.statistics.compare import compare
from processing.statistics.corrections import Correction, adjust
from processing.statistics.estimates import Kind, estimate, pool_covariates
from processing.statistics.intervals import fieller, welch
from processing.statistics.moments import Moments
from processing.statistics.split import is_srm, split_p
from tests.statistics.samples import CONTROL, TREATMENT, Group, moments

# Student (1908), "The probable error of a mean": hours of sleep gained by two drugs.
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)
# Benjamini, Hochberg (1995), section 4.1: fifteen hypotheses about treatments of myocardial infarction.
INFARCTION = (
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459),
    *(0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
)


def near(expected: float) -> object:
    return pytest.approx(expected, rel=1e-9)


def test_the_sleep_of_student_is_compared_as_in_the_manual_of_r() -> None:
    """`t.test(extra ~ group, data = sleep)`: t = -1.8608, df = 17.776, p = 0.07939, from -3.3654832 to 0.2054832."""
    second, first = (estimate(Moments.of_units(group), Kind.MEAN) for group in reversed(SLEEP))
    difference = welch(second, first, 0.95)
    assert [first.mean, second.mean] == [pytest.approx(0.75), pytest.approx(2.33)]
    assert difference.df == pytest.approx(17.776, abs=5e-4)
    assert difference.p_value == pytest.approx(0.07939, abs=5e-6)
    assert [difference.low, difference.high] == [pytest.approx(-3.3654832, abs=5e-8), pytest.approx(0.2054832, abs=5e-8)]


def test_fifteen_hypotheses_are_rejected_as_by_benjamini_and_hochberg() -> None:
    """At 0.05 their procedure rejects four, Bonferroni's three."""
    assert np.sum(adjust(INFARCTION, Correction.BENJAMINI_HOCHBERG) <= 0.05) == 4
    assert np.sum(adjust(INFARCTION, Correction.BONFERRONI) <= 0.05) == 3
    # statsmodels 0.15.0, multipletests(method="fdr_bh")
    assert adjust(INFARCTION, Correction.BENJAMINI_HOCHBERG)[3:9] == pytest.approx(
        [0.035625, 0.0603, 0.0298 * 15 / 7, 0.0298 * 15 / 7, 0.0645, 0.0765]
    )


def test_peas_of_mendel_are_as_they_should_be_and_users_of_a_page_are_not() -> None:
    """Mendel's 556 peas at 9:3:3:1, chi-square 0.470; the sample ratio of Kohavi, Tang, Xu (2020), chapter 3: 1.8e-6."""
    assert split_p([315, 108, 101, 32], [9, 3, 3, 1]) == near(stats.chi2.sf(0.4700239808, 3))
    users = split_p([821_588, 815_482])
    assert users == pytest.approx(1.8e-6, abs=5e-8)
    assert is_srm(users)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.MEAN, (1.3, -2.04727284962496, 4.647272849624962, 0.4420642936589845, -10.48187698384437, 13.08187698384437)),
        (
            Kind.RATIO,
            (2.02, 0.0086630394088, 4.031336960591175, 0.04904264667116265, -5.064052227802332, 9.104052227802332),
        ),
    ],
)
def test_means_and_ratios_are_compared_as_by_gbstats(kind: Kind, expected: tuple[float, ...]) -> None:
    """By gbstats 0.8.0, TwoSidedTTest and SequentialTwoSidedTTest, absolute."""
    found = compare(moments(CONTROL), moments(TREATMENT), kind=kind, sequential=True)
    names = ("delta", "ci_low", "ci_high", "p_value", "sequential_low", "sequential_high")
    assert [getattr(found, name) for name in names] == [near(each) for each in expected]


def test_an_interval_for_all_looks_may_be_tuned_for_other_numbers_of_units() -> None:
    """By gbstats 0.8.0, alpha 0.1 and a tuning parameter of 200."""
    found = compare(moments(CONTROL), moments(TREATMENT), kind=Kind.RATIO, confidence=0.9, sequential=True, tuned_for=200)
    assert [found.sequential_low, found.sequential_high] == [near(-0.8499949658042278), near(4.889994965804227)]


def test_cuped_is_the_analysis_of_covariance() -> None:
    """By statsmodels 0.15.0, OLS on a constant, the group and the covariate; the interval by gbstats 0.8.0 with that theta."""
    theta = pool_covariates([moments(CONTROL), moments(TREATMENT)], Kind.MEAN).theta
    found = compare(moments(CONTROL), moments(TREATMENT), kind=Kind.MEAN, sequential=True)
    assert [theta, found.cuped_delta] == [near(2.026263810875873), near(0.9555351521510952)]
    assert [found.cuped_ci_low, found.cuped_ci_high] == [near(0.28599080079254), near(1.625079503509666)]
    assert found.cuped_p_value == near(0.005742369586193785)
    assert [found.cuped_sequential_low, found.cuped_sequential_high] == [near(-1.3979842443188475), near(3.3090545486210545)]


@pytest.mark.parametrize(
    ("group", "ratio", "error"), [(CONTROL, 5.48, 0.6311462588021894), (TREATMENT, 7.5, 0.7766917020285464)]
)
def test_the_error_of_a_ratio_is_that_of_a_mean_of_rows_in_clusters(group: Group, ratio: float, error: float) -> None:
    """By statsmodels 0.15.0, OLS of the rows on a constant, cov_type "cluster" by unit, which divides by n and not n - 1."""
    found = estimate(moments(group), Kind.RATIO)
    assert found.mean == near(ratio)
    assert math.sqrt(found.variance * (found.n - 1) / found.n) == near(error)


@pytest.mark.parametrize("shared", [0.0, 0.3])
@pytest.mark.parametrize("kind", list(Kind))
def test_fiellers_interval_is_that_of_the_formula_for_two_estimates_that_may_be_correlated(kind: Kind, shared: float) -> None:
    """Fieller (1954): a / b with variances v11, v22 and covariance v12, and g = t^2 v22 / b^2."""
    control, treatment = estimate(moments(CONTROL), kind), estimate(moments(TREATMENT), kind)
    difference = welch(control, treatment, 0.95)
    a, b, t = float(treatment.mean), float(control.mean), float(stats.t.ppf(0.975, difference.df))
    v11, v22, v12 = float(treatment.variance) + shared, float(control.variance) + shared, shared
    g = t**2 * v22 / b**2
    root = math.sqrt(v11 - 2 * a / b * v12 + (a / b) ** 2 * v22 - g * (v11 - v12**2 / v22))
    low, high = ((a / b - g * v12 / v22 + sign * t / b * root) / (1 - g) for sign in (-1, 1))
    found = fieller(control, difference, shared)
    assert [found.low + 1, found.high + 1] == [near(low), near(high)]
