"""What holds of every comparison: it turns around, moves and stretches with its units, and its figures agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from processing.statistics.compare import FIGURES, Comparison, compare, describe
from processing.statistics.estimates import Kind, estimate, pool_covariates
from processing.statistics.intervals import fieller, welch
from processing.statistics.moments import Moments
from tests.statistics.samples import CONTROL, TREATMENT, Group, moments, together

MIRRORED = (
    ("delta", "delta"),
    ("ci_low", "ci_high"),
    ("ci_high", "ci_low"),
    ("sequential_low", "sequential_high"),
    ("sequential_high", "sequential_low"),
)
kinds = st.sampled_from(list(Kind))
confidences = st.sampled_from([0.5, 0.9, 0.95, 0.999])


@st.composite
def samples(draw: st.DrawFn) -> Group:
    """Units with totals of either sign and denominators above 0, and what they had before."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    units, centre, spread = draw(st.integers(2, 40)), draw(st.floats(-20, 20)), draw(st.floats(0.1, 30))
    before = random.normal(3, 1, units)
    value = centre + spread * random.normal(0, 1, units) + draw(st.floats(-3, 3)) * before
    return value, random.integers(1, 5, units).astype(float), before, random.integers(1, 4, units).astype(float)


def compared(control: Group, treatment: Group, kind: Kind, confidence: float = 0.95) -> Comparison:
    return compare(moments(control), moments(treatment), kind=kind, confidence=confidence, sequential=True)


def near(expected: object) -> object:
    return pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True)


@given(control=samples(), treatment=samples(), kind=kinds)
def test_with_the_groups_exchanged_everything_is_mirrored(control: Group, treatment: Group, kind: Kind) -> None:
    found, mirrored = compared(control, treatment, kind), compared(treatment, control, kind)
    for prefix in ("", "cuped_"):
        for name, other in MIRRORED:
            assert getattr(found, prefix + name) == near(-getattr(mirrored, prefix + other))
        assert getattr(found, f"{prefix}p_value") == near(getattr(mirrored, f"{prefix}p_value"))
        bounds = [[getattr(each, prefix + name) + 1 for name in ("lift_low", "lift_high")] for each in (found, mirrored)]
        if np.all(np.array(bounds) > 1e-3):
            assert bounds[0] == near([1 / bounds[1][1], 1 / bounds[1][0]])


@given(control=samples(), treatment=samples(), kind=kinds, factor=st.sampled_from([-3.0, 1e-6, 0.5, 1e6]))
def test_other_units_of_the_metric_change_differences_alone(
    control: Group, treatment: Group, kind: Kind, factor: float
) -> None:
    found = compared(control, treatment, kind)
    scaled = compared((factor * control[0], *control[1:]), (factor * treatment[0], *treatment[1:]), kind)
    for prefix in ("", "cuped_"):
        assert getattr(scaled, f"{prefix}delta") / factor == near(getattr(found, f"{prefix}delta"))
        for name in ("p_value", "lift", "lift_low", "lift_high"):
            assert getattr(scaled, prefix + name) == near(getattr(found, prefix + name))
        low, high = ("ci_low", "ci_high") if factor > 0 else ("ci_high", "ci_low")
        assert getattr(scaled, prefix + low) / factor == near(getattr(found, f"{prefix}ci_low"))
        assert getattr(scaled, prefix + high) / factor == near(getattr(found, f"{prefix}ci_high"))
    assert scaled.variance_reduction == near(found.variance_reduction)


@given(control=samples(), treatment=samples(), kind=kinds, factor=st.sampled_from([-2.0, 1e-3, 1e3]), moved=st.floats(-9, 9))
def test_other_units_of_the_covariate_change_nothing(
    control: Group, treatment: Group, kind: Kind, factor: float, moved: float
) -> None:
    """It may be moved, too, of a ratio by as much for each of its denominators."""
    found = compared(control, treatment, kind)

    def other(group: Group) -> Group:
        value, denominator, before, weight = group
        return value, denominator, factor * before + moved * (weight if kind is Kind.RATIO else 1), weight

    again = compared(other(control), other(treatment), kind)
    for name in FIGURES:
        assert getattr(again, name) == near(getattr(found, name)), name


@given(control=samples(), treatment=samples(), moved=st.floats(-1e4, 1e4))
def test_what_is_added_to_every_unit_changes_no_difference(control: Group, treatment: Group, moved: float) -> None:
    found = compared(control, treatment, Kind.MEAN)
    again = compared((control[0] + moved, *control[1:]), (treatment[0] + moved, *treatment[1:]), Kind.MEAN)
    for name in ("stddev", "delta", "ci_low", "ci_high", "p_value", "cuped_delta", "cuped_ci_low", "cuped_p_value"):
        assert getattr(again, name) == near(getattr(found, name)), name


@given(control=samples(), treatment=samples(), kind=kinds, confidence=confidences)
def test_the_p_value_the_interval_and_the_lift_say_the_same(
    control: Group, treatment: Group, kind: Kind, confidence: float
) -> None:
    found = compared(control, treatment, kind, confidence)
    for prefix in ("", "cuped_"):
        figures = {
            name: float(getattr(found, prefix + name)) for name in ("ci_low", "ci_high", "p_value", "lift_low", "lift_high")
        }
        if np.isnan(figures["p_value"]):
            continue
        assume(abs(figures["p_value"] - (1 - confidence)) > 1e-6)
        differs = figures["p_value"] < 1 - confidence
        assert differs == (figures["ci_low"] > 0 or figures["ci_high"] < 0)
        if not np.isnan(figures["lift_low"]):
            assert differs == (figures["lift_low"] > 0 or figures["lift_high"] < 0)
            assert figures["lift_low"] <= getattr(found, f"{prefix}lift") <= figures["lift_high"]


@given(control=samples(), treatment=samples(), kind=kinds, confidence=confidences)
def test_an_end_of_the_lift_cannot_be_told_from_the_truth(
    control: Group, treatment: Group, kind: Kind, confidence: float
) -> None:
    """Fieller's definition: treatment less (1 + lift) times control is t standard errors of that from 0."""
    before, after = estimate(moments(control), kind), estimate(moments(treatment), kind)
    difference = welch(before, after, confidence)
    lift = fieller(before, difference)
    for end in (lift.low, lift.high):
        if not np.isnan(end) and abs(end) < 1e4:
            rho = end + 1
            error = np.sqrt(after.variance + rho**2 * before.variance)
            assert abs(after.mean - rho * before.mean) / error == pytest.approx(difference.critical, rel=1e-5)


@given(control=samples(), treatment=samples(), kind=kinds)
def test_the_interval_for_all_looks_holds_the_one_for_a_single_look(control: Group, treatment: Group, kind: Kind) -> None:
    """At many degrees of freedom; t of few is wider than anything that is known of many units."""
    found = compared(together(*[control] * 50), together(*[treatment] * 50), kind)
    assert found.sequential_low < found.ci_low
    assert found.sequential_high > found.ci_high


def test_groups_of_one_experiment_are_adjusted_alike() -> None:
    """A third group moves the adjusted means of the others together; the group that nothing is compared with has the same."""
    third = (TREATMENT[0] + 1, *TREATMENT[1:])
    for kind in Kind:
        known = [moments(each) for each in (CONTROL, TREATMENT, third)]
        adjustment = pool_covariates(known, kind)
        rows = [compare(known[0], each, kind=kind, adjustment=adjustment) for each in known[1:]]
        control = describe(known[0], kind=kind, adjustment=adjustment)
        for row in rows:
            assert row.cuped_mean - control.cuped_mean == near(row.cuped_delta)
        assert rows[0].cuped_mean == near(describe(known[1], kind=kind, adjustment=adjustment).cuped_mean)
        alone = pool_covariates([known[0] + known[1] + known[2]], kind)
        assert adjustment.centre == near(alone.centre)


def test_many_metrics_at_once_are_each_as_if_it_were_alone() -> None:
    both = together(CONTROL, TREATMENT)
    for kind in Kind:
        pairs = [(CONTROL, TREATMENT), (TREATMENT, CONTROL), (CONTROL, both)]
        stacked = [
            Moments(
                **{name: np.stack([getattr(moments(pair[side]), name) for pair in pairs]) for name in ("n", "mean", "cross")}
            )
            for side in (0, 1)
        ]
        found = compare(*stacked, kind=kind, sequential=True).columns()
        alone = [compared(*pair, kind).columns() for pair in pairs]
        for name, column in found.items():
            assert column == [pytest.approx(each[name][0], rel=1e-12) if name != "note" else each[name][0] for each in alone]


def test_a_comparison_is_a_record_that_keeps_its_names() -> None:
    found = compared(CONTROL, TREATMENT, Kind.MEAN)
    assert replace(found, delta=np.array(1.0)).columns()["delta"] == [1.0]
    assert list(found.columns()) == [*FIGURES, "note"]
