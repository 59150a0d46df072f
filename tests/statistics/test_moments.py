"""Moments are the same however their units were divided, and lose no digits to large means."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.statistics.moment_frames import combined, moment_columns, moments_of
from processing.statistics.moments import Moments, Variable
from tests.statistics.samples import CONTROL, TREATMENT, Group, moments, part, together

NAMES = ("value", "denominator", "covariate", "covariate_denominator")
totals = st.floats(-1e9, 1e9).map(lambda value: value if abs(value) > 1e-9 else 0.0)


def same(one: Moments, other: Moments, size: float = 1.0) -> None:
    """Up to rounding of figures as large as the units and as their squares."""
    assert np.array_equal(one.n, other.n)
    assert np.allclose(one.mean, other.mean, rtol=1e-12, atol=1e-12 * size, equal_nan=True)
    bound = 1e-11 * (1.0 + float(np.max(one.n))) * size**2
    assert np.allclose(one.cross, other.cross, rtol=1e-10, atol=bound, equal_nan=True)


@st.composite
def groups(draw: st.DrawFn, least: int = 1) -> Group:
    units = draw(st.integers(least, 30))
    value, denominator, covariate, before = (
        np.array(draw(st.lists(totals, min_size=units, max_size=units)), dtype=np.float64) for _ in range(4)
    )
    return value, denominator, covariate, before


@given(group=groups(), data=st.data())
def test_units_in_any_two_parts_are_the_whole(group: Group, data: st.DataObject) -> None:
    units = group[0].size
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=units, max_size=units)))
    whole, size = moments(group), float(max(np.max(np.abs(each)) for each in group))
    one, other = moments(part(group, chosen)), moments(part(group, ~chosen))
    same(one + other, whole, size)
    same(other + one, whole, size)


@given(group=groups(), cuts=st.lists(st.integers(0, 30), max_size=5))
def test_units_in_any_parts_are_the_whole_out_of_polars_too(group: Group, cuts: list[int]) -> None:
    frame = pl.DataFrame(dict(zip(NAMES, group, strict=True)))
    size = float(max(np.max(np.abs(each)) for each in group))
    part_of = pl.Series("part", np.searchsorted(sorted(cuts), np.arange(frame.height), side="right"))
    columns = moment_columns(NAMES[0], denominator=NAMES[1], covariate=NAMES[2], covariate_denominator=NAMES[3])
    whole = frame.select(columns)
    same(moments_of(whole), _with_axis(moments(group)), size)
    parts = frame.with_columns(part_of, key=pl.lit(1)).group_by("key", "part").agg(columns)
    same(moments_of(combined(parts, ["key"])), _with_axis(moments(group)), size)


def _with_axis(single: Moments) -> Moments:
    return Moments(n=single.n[None], mean=single.mean[None], cross=single.cross[None])


def test_many_pairs_at_once_are_each_as_if_it_were_alone() -> None:
    several = Moments.of_units(np.stack([CONTROL[0], 2 * CONTROL[2]]), denominator=np.stack([CONTROL[1], CONTROL[3]]))
    for row, (value, denominator) in enumerate([(CONTROL[0], CONTROL[1]), (2 * CONTROL[2], CONTROL[3])]):
        alone = Moments.of_units(value, denominator=denominator)
        same(Moments(n=several.n[row], mean=several.mean[row], cross=several.cross[row]), alone, 100)


def test_groups_out_of_polars_are_those_of_their_rows() -> None:
    groups = {"control": CONTROL, "treatment": TREATMENT}
    frame = pl.concat(
        pl.DataFrame(dict(zip(NAMES, group, strict=True))).with_columns(group=pl.lit(name)) for name, group in groups.items()
    )
    for columns, keys in (
        (moment_columns("value"), ()),
        (moment_columns("value", denominator="denominator"), ("denominator",)),
        (moment_columns("value", covariate="covariate"), ("covariate",)),
    ):
        found = frame.lazy().group_by("group", maintain_order=True).agg(columns).collect()
        for row, group in enumerate(groups.values()):
            by_name = dict(zip(NAMES, group, strict=True))
            expected = Moments.of_units(group[0], **{key: by_name[key] for key in keys})
            same(moments_of(found[row]), _with_axis(expected), 100)
            assert moments_of(found[row]).has_covariate.tolist() == ["covariate" in keys]


def test_a_row_without_units_is_a_group_without_units() -> None:
    nothing = pl.DataFrame({"value": [], "covariate": []}, schema={"value": pl.Float64, "covariate": pl.Float64})
    for columns in (moment_columns("value"), moment_columns("value", covariate="covariate")):
        empty = moments_of(nothing.select(columns))
        assert empty.n.tolist() == [0]
        known = _with_axis(Moments.of_units(CONTROL[0], covariate=CONTROL[2] if len(columns) > 3 else None))
        same(empty + known, known, 100)
        same(known + empty, known, 100)
        same(empty + empty, empty)


def test_a_variance_far_below_the_mean_keeps_its_digits() -> None:
    """Units at 1e9 that differ by a quarter at most: sums of their squares would have no digit of it."""
    offsets = np.arange(1_000) / 4096
    exact = sum((Fraction(each) - Fraction(float(offsets.sum())) / 1_000) ** 2 for each in offsets.tolist())
    found = Moments.of_units(1e9 + offsets)
    assert found.cross[0, 0] == pytest.approx(float(exact), rel=1e-9)
    halves = Moments.of_units(1e9 + offsets[:300]) + Moments.of_units(1e9 + offsets[300:])
    assert halves.cross[0, 0] == pytest.approx(float(exact), rel=1e-5)
    frame = pl.DataFrame({"value": 1e9 + offsets}).select(moment_columns("value"))
    assert moments_of(frame).cross[0, 0, 0] == pytest.approx(float(exact), rel=1e-9)


def test_plain_sums_give_the_same_where_they_have_the_digits() -> None:
    given = dict(zip(Variable, CONTROL, strict=True))
    sums = {variable: each.sum() for variable, each in given.items()}
    products = {(one, two): (given[one] * given[two]).sum() for one in Variable for two in Variable if one <= two}
    same(Moments.of_sums(40, sums=sums, products=products), moments(CONTROL), 100)
    values = {Variable.VALUE: [CONTROL[0].sum(), 0.0]}
    squares = {(Variable.VALUE, Variable.VALUE): [(CONTROL[0] ** 2).sum(), 0.0]}
    two = Moments.of_sums([40, 0], sums=values, products=squares)
    one, none = (Moments(n=two.n[row], mean=two.mean[row], cross=two.cross[row]) for row in range(2))
    same(one, Moments.of_units(CONTROL[0]), 100)
    same(none, Moments.of_units([]))


def test_plain_sums_without_a_digit_of_the_variance_say_that_there_is_none() -> None:
    values = np.full(1_000, 0.1)
    sums, squares = {Variable.VALUE: values.sum()}, {(Variable.VALUE, Variable.VALUE): (values**2).sum()}
    assert Moments.of_sums(1_000, sums=sums, products=squares).cross[0, 0] == 0
    with pytest.raises(KeyError):
        Moments.of_sums(1_000, sums=sums, products={})


def test_what_was_put_together_is_what_was_measured_together() -> None:
    same(moments(CONTROL) + moments(TREATMENT), moments(together(CONTROL, TREATMENT)), 100)
