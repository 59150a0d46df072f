"""Splits, corrections and bounds of totals at their edges, and SciPy is imported where a figure is needed and nowhere else."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.local.environment import PROJECT
from processing.statistics.corrections import Correction, adjust
from processing.statistics.split import SRM_BELOW, is_srm, split_p
from processing.statistics.winsor import winsor_bounds, winsor_bounds_of

totals = st.lists(st.floats(-1e6, 1e6) | st.just(0.0), max_size=60)
shares = st.sampled_from([0.6, 0.9, 0.999, 1.0])
p_lists = st.lists(st.none() | st.floats(0, 1), max_size=20)


def test_a_split_that_cannot_be_judged_is_null() -> None:
    assert split_p([]) is None
    assert split_p([10]) is None
    assert split_p([0, 0]) is None
    assert split_p([10, 0], [1, 0]) is None
    assert not is_srm(None)


def test_units_where_none_should_be_are_no_chance() -> None:
    assert split_p([10, 1], [1, 0]) == 0
    assert split_p([10_000_000, 1]) == 0


def test_a_group_without_weight_and_units_is_as_if_it_were_not_there() -> None:
    assert split_p([52, 0, 48], [1, 0, 1]) == split_p([52, 48])


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [1, float("nan")], [1, float("inf")]])
def test_weights_that_are_none_are_turned_down(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split_p([1, 2], weights)


@given(units=st.lists(st.integers(0, 10**12), min_size=2, max_size=6), unit=st.sampled_from([1e-300, 0.01, 3, 1e300]))
def test_a_split_is_the_same_in_any_order_and_any_unit_of_weights(units: list[int], unit: float) -> None:
    weights = [unit * (1 + number) for number in range(len(units))]
    found, backwards = split_p(units, [1 + each for each in range(len(units))]), split_p(units[::-1], weights[::-1])
    assert (found is None) == (backwards is None) == (sum(units) == 0)
    if found is not None:
        assert 0 <= found <= 1
        assert backwards == pytest.approx(found, rel=1e-6, abs=1e-300)


def test_a_split_of_a_million_that_is_half_a_percent_off_is_flagged_and_a_fair_one_is_not() -> None:
    assert is_srm(split_p([505_000, 495_000]))
    assert not is_srm(split_p([500_400, 499_600]))
    assert not is_srm(SRM_BELOW)


@given(p_values=p_lists, correction=st.sampled_from(list(Correction)))
def test_adjusted_p_values_are_no_smaller_keep_their_order_and_their_nulls(
    p_values: list[float | None], correction: Correction
) -> None:
    found = adjust(p_values, correction)
    given_ = np.array(p_values, dtype=np.float64)
    known = ~np.isnan(given_)
    assert np.array_equal(np.isnan(found), ~known)
    assert np.all((found[known] >= given_[known] * (1 - 1e-15)) & (found[known] <= 1))
    order = np.argsort(given_[known], kind="stable")
    assert np.all(np.diff(found[known][order]) >= 0)
    assert np.array_equal(adjust([*p_values, None], correction)[:-1], found, equal_nan=True)
    if correction is Correction.NONE:
        assert np.array_equal(found, given_, equal_nan=True)


def test_a_single_p_value_is_not_changed() -> None:
    for correction in Correction:
        assert adjust([0.03, None], correction)[0] == 0.03
        assert adjust([], correction).size == 0


def test_totals_are_cut_at_the_quantile_of_those_that_are_not_0() -> None:
    values = [0.0] * 1_000 + [float(each) for each in range(1, 102)]
    assert winsor_bounds(values, 0.99) == (0.0, 100.0)
    assert winsor_bounds([-each for each in values], 0.99) == (-100.0, 0.0)
    assert winsor_bounds([*values, *(-each for each in values)], 0.999) == pytest.approx((-100.799, 100.799))
    # A few refunds among many sales: the lowest share of the totals is set to 0, never above.
    assert winsor_bounds([*range(1, 2_000), -50], 0.999)[0] == 0.0
    assert winsor_bounds([0.0, 0.0], 0.999) == (0.0, 0.0) == winsor_bounds([], 0.999)
    assert winsor_bounds([3.0, -2.0], 1) == (-2.0, 3.0)


@given(values=totals, share=shares)
def test_bounds_hold_0_lie_within_the_totals_and_turn_with_their_sign(values: list[float], share: float) -> None:
    low, high = winsor_bounds(values, share)
    assert min([*values, 0.0]) <= low <= 0 <= high <= max([*values, 0.0])
    assert winsor_bounds([-each for each in values], share) == pytest.approx((-high, -low))
    if share == 1:
        assert np.array_equal(np.clip(values, low, high), values)


@given(values=st.lists(st.none() | st.floats(-1e6, 1e6) | st.just(0.0), max_size=40), share=shares)
def test_polars_finds_the_same_bounds(values: list[float | None], share: float) -> None:
    frame = pl.DataFrame({"total": values, "metric": ["m"] * len(values)}, schema={"total": pl.Float64, "metric": pl.String})
    expected = winsor_bounds(values, share)
    low, high = winsor_bounds_of("total", share)
    (found,) = frame.select(low=low, high=high).rows()
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)
    over = {"low": low.over("metric"), "high": high.over("metric")}
    for rows in (
        frame.group_by("metric").agg(low=low, high=high),
        frame.select("metric", **over),
    ):
        for _, *bounds in rows.rows():
            assert bounds == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("share", [0.5, 0, -1, 1.1, float("nan")])
def test_a_share_that_would_cut_half_is_turned_down(share: float) -> None:
    with pytest.raises(ValueError, match="half"):
        winsor_bounds([1.0], share)
    with pytest.raises(ValueError, match="half"):
        winsor_bounds_of("total", share)


IMPORTED = """
import sys
import function_app, processing.cli.main, processing.web.app
import processing.statistics.compare, processing.statistics.corrections, processing.statistics.split
before = "scipy" in sys.modules
assert processing.statistics.split.split_p([1, 2]) is not None
print(before, "scipy" in sys.modules)
"""


def test_scipy_is_imported_with_the_first_figure_and_not_with_the_program() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
