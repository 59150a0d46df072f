"""What cannot be said is null and has a note; nothing that leaves the room is NaN or infinite."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.local.environment import PROJECT
from processing.statistics.compare import FIGURES, Comparison, compare, describe
from processing.statistics.estimates import Kind, pool_covariates
from processing.statistics.moments import Moments
from processing.statistics.notes import Note
from tests.statistics.samples import CONTROL, TREATMENT, moments

TESTED = ("ci_low", "ci_high", "p_value", "lift_low", "lift_high", "sequential_low", "sequential_high")
Totals = Sequence[float]


def of(value: Totals, covariate: Totals | None = None, denominator: Totals | None = None) -> Moments:
    return Moments.of_units(
        value,
        covariate=covariate,
        denominator=denominator,
        covariate_denominator=denominator if covariate is not None else None,
    )


def row(control: Moments, treatment: Moments, kind: Kind = Kind.MEAN) -> dict[str, int | float | str | None]:
    return {name: each[0] for name, each in compare(control, treatment, kind=kind, sequential=True).columns().items()}


def nulls(found: dict[str, int | float | str | None]) -> set[str]:
    return {name for name, each in found.items() if each is None and not name.startswith(("cuped", "variance"))}


@pytest.mark.parametrize(
    ("control", "treatment", "note", "missing"),
    [
        ([], [1, 2], "too_few_units", {"delta", "lift", *TESTED}),
        ([1, 2], [], "too_few_units", {"mean", "stddev", "delta", "lift", *TESTED}),
        ([1, 2], [3], "too_few_units", {"stddev", *TESTED}),
        ([4], [3], "too_few_units", {"stddev", *TESTED}),
        ([5, 5, 5], [1, 2], "no_variance", set(TESTED)),
        ([1, 2], [5, 5, 5], "no_variance", set(TESTED)),
        ([0.1] * 1_000, [0.3] * 999, "no_variance", set(TESTED)),
        ([0, 0, 0], [1, 2], "no_variance, control_mean_zero", {"lift", *TESTED}),
        ([-1, 0, 1], [1, 2], "control_mean_zero", {"lift", "lift_low", "lift_high"}),
        ([-1, 0, 1.5], [1, 2, 3], "unbounded_lift", {"lift_low", "lift_high"}),
        ([1e200, 2e200], [1, 2], "overflow", set(TESTED)),
        ([1, 2], [1e308, 1e308, 1e308], "overflow", {"mean", "stddev", "delta", "lift", *TESTED}),
        ([-1.7e308, -1e308 / 3], [1.7e308], "too_few_units, overflow", None),
        ([1e150, 2e150, 3e150], [2e150, 3e150, 4.5e150], None, set()),
        ([1e-150, 2e-150, 3e-150], [2e-150, 3e-150, 4.5e-150], None, set()),
    ],
)
def test_what_has_no_answer_is_null_and_says_why(
    control: Totals, treatment: Totals, note: str | None, missing: set[str] | None
) -> None:
    found = row(of(control), of(treatment))
    assert found["note"] == note
    assert missing is None or nulls(found) - {"note"} == missing
    assert found["units"] == len(treatment)


def test_zero_variance_in_a_group_is_told_of_where_sums_are_not_exact() -> None:
    """The mean of 0.1 a hundred thousand times over is not quite 0.1."""
    found = row(of(np.full(100_003, 0.1).tolist()), of([1, 2]))
    assert found["note"] == "no_variance"
    assert describe(of([0.1] * 77), kind=Kind.MEAN).columns()["stddev"] == [0.0]


def test_a_ratio_without_denominators_or_variance_says_so() -> None:
    some = of([1, 2, 4], denominator=[1, 3, 2])
    assert row(some, of([1, 2], denominator=[0, 0]), Kind.RATIO)["note"] == "no_denominator"
    assert row(of([1, 2], denominator=[1, -1]), some, Kind.RATIO)["note"] == "no_denominator"
    # Each unit's numerator is 0.3 of its denominator: they vary, and the ratio does not.
    same = of([0.3 * each for each in (1, 3, 7, 11)], denominator=[1, 3, 7, 11])
    found = row(some, same, Kind.RATIO)
    assert (found["note"], found["p_value"], found["stddev"]) == ("no_variance", None, 0.0)
    assert found["mean"] == pytest.approx(0.3)


def test_cuped_is_null_without_covariates_and_says_so_where_they_are_all_alike() -> None:
    value, other = [10, 11, 13.0], [12, 13, 17.0]
    cuped = [name for name in FIGURES if name.startswith("cuped")]
    for covariate, note in ((None, None), ([3, 3, 3.0], "no_covariate"), ([0, 0, 0.0], "no_covariate")):
        found = row(of(value, covariate), of(other, covariate))
        assert (found["note"], found["variance_reduction"]) == (note, None)
        assert {found[name] for name in cuped} == {None}
        assert found["p_value"] is not None
    ratio = row(of(value, [1, 2, 3], [0, 0, 0]), of(other, [1, 3, 3], [0, 0, 0]), Kind.RATIO)
    assert ratio["note"] == "no_denominator"


def test_a_covariate_that_tells_everything_leaves_nothing_to_test() -> None:
    found = row(of([11, 12, 14], [1, 2, 4]), of([13, 15, 19], [2, 4, 8]))
    assert (found["note"], found["cuped_p_value"]) == ("no_residual", None)
    assert found["p_value"] is not None
    assert found["cuped_delta"] == pytest.approx(1)


def test_a_group_that_is_compared_with_none_has_its_own_figures() -> None:
    found = describe(moments(CONTROL), kind=Kind.MEAN, note=Note.NO_CONTROL).columns()
    assert (found["units"], found["note"]) == ([40], ["no_control"])
    assert found["mean"] == [pytest.approx(CONTROL[0].mean())]
    assert {found[name][0] for name in FIGURES if name not in ("units", "mean", "stddev")} == {None}
    few = describe(of([1]), kind=Kind.MEAN, note=Note.NO_CONTROL).columns()
    assert few["note"] == ["no_control, too_few_units"]


@pytest.mark.parametrize("confidence", [0, 1, -1, 2, math.nan, math.inf])
def test_a_confidence_lies_between_0_and_1(confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        compare(moments(CONTROL), moments(TREATMENT), kind=Kind.MEAN, confidence=confidence)


def test_every_note_stands_on_the_page() -> None:
    page = (PROJECT / "docs" / "design" / "statistics.md").read_text(encoding="utf-8")
    named = page.partition("## Notes")[2].partition(" What each means")[0]
    assert re.findall(r"`(\w+)`", named)[1:] == list(Note)


any_total = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 0.1, 5e-324, 1e-160, 1e154, 1e155, 1e300, 1.7976931348623157e308, -1.7976931348623157e308]
)


@st.composite
def any_group(draw: st.DrawFn) -> Moments:
    units = draw(st.integers(0, 6))
    columns = [draw(st.lists(any_total, min_size=units, max_size=units)) for _ in range(4)]
    has = draw(st.tuples(st.booleans(), st.booleans()))
    return Moments.of_units(
        columns[0],
        denominator=columns[1] if has[0] else None,
        covariate=columns[2] if has[1] else None,
        covariate_denominator=columns[3] if has[0] and has[1] else None,
    )


def is_finite(found: Comparison) -> bool:
    for name, column in found.columns().items():
        for each in column:
            if name == "note":
                assert each is None or set(str(each).split(", ")) <= set(Note)
            elif each is not None and not math.isfinite(each):  # type: ignore[arg-type]
                return False
    return True


@given(
    control=any_group(),
    treatment=any_group(),
    kind=st.sampled_from(list(Kind)),
    confidence=st.floats(1e-9, 1 - 1e-9),
    is_sequential=st.booleans(),
)
def test_whatever_the_units_are_no_figure_is_nan_or_infinite_and_what_lacks_has_a_note(
    control: Moments, treatment: Moments, kind: Kind, confidence: float, is_sequential: bool
) -> None:
    found = compare(control, treatment, kind=kind, confidence=confidence, sequential=is_sequential)
    assert is_finite(found)
    assert is_finite(describe(control, kind=kind, adjustment=pool_covariates([control, treatment], kind)))
    assert is_finite(compare(control + treatment, treatment, kind=kind, confidence=confidence, sequential=is_sequential))
    columns = {name: each[0] for name, each in found.columns().items()}
    asked = ("mean", "stddev", "delta", "ci_low", "ci_high", "p_value", "lift", "lift_low", "lift_high")
    if any(columns[name] is None for name in asked):
        assert columns["note"]
    for prefix in ("", "cuped_"):
        p_value, low, high = (columns[f"{prefix}{name}"] for name in ("p_value", "ci_low", "ci_high"))
        assert p_value is None or 0 <= p_value <= 1  # type: ignore[operator]
        assert low is None or high is None or low <= high  # type: ignore[operator]
