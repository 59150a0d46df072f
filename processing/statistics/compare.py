"""The door: groups of an experiment as columns of `experiment_results` (contract section 8, experiments)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from processing.statistics.arrays import BoolArray, FloatArray, finite, silent
from processing.statistics.estimates import Adjustment, Estimate, Kind, adjusted, estimate, pool_covariates
from processing.statistics.intervals import TUNED_FOR, Difference, confidence_sequence, fieller, welch
from processing.statistics.moments import Moments
from processing.statistics.notes import Note, Notes, merged


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Columns of `experiment_results` for many metrics at once, each of the same shape; NaN stands for null.

    Figures are in units of the metric; lifts and `variance_reduction` are shares of 1.
    """

    units: FloatArray
    mean: FloatArray
    """Of a ratio, the sum of its numerators over that of its denominators."""
    stddev: FloatArray
    """With n - 1; of a ratio, of what each unit adds to it."""
    delta: FloatArray
    """Less control."""
    ci_low: FloatArray
    ci_high: FloatArray
    lift: FloatArray
    """Over control, less 1."""
    lift_low: FloatArray
    lift_high: FloatArray
    p_value: FloatArray
    sequential_low: FloatArray
    """Of delta, at all looks at once; NaN unless asked for."""
    sequential_high: FloatArray
    cuped_mean: FloatArray
    cuped_stddev: FloatArray
    cuped_delta: FloatArray
    cuped_ci_low: FloatArray
    cuped_ci_high: FloatArray
    cuped_lift: FloatArray
    cuped_lift_low: FloatArray
    cuped_lift_high: FloatArray
    cuped_p_value: FloatArray
    cuped_sequential_low: FloatArray
    cuped_sequential_high: FloatArray
    variance_reduction: FloatArray
    """By which share CUPED makes the variance of delta smaller."""
    notes: Notes

    def columns(self) -> dict[str, list[int | float | str | None]]:
        """What leaves this room: a list for each column, `note` among them, with None for all that is NaN or infinite."""
        found: dict[str, list[int | float | str | None]] = {}
        for name in FIGURES:
            known = np.atleast_1d(finite(getattr(self, name))).ravel().tolist()
            found[name] = [None if value != value else value for value in known]  # noqa: PLR0124 - NaN alone differs from itself
        found["units"] = [0 if value is None else int(value) for value in found["units"]]
        held = {note: np.atleast_1d(self.notes[note]).ravel() for note in Note if note in self.notes}
        found["note"] = [
            ", ".join(note for note, holds in held.items() if holds[row]) or None for row in range(len(found["units"]))
        ]
        return found


FIGURES = tuple(field.name for field in fields(Comparison) if field.name != "notes")
"""The columns that are numbers."""


def compare(
    control: Moments,
    treatment: Moments,
    *,
    kind: Kind,
    confidence: float = 0.95,
    adjustment: Adjustment | None = None,
    sequential: bool = False,
    tuned_for: float = TUNED_FOR,
) -> Comparison:
    """The rows of `treatment` as compared with `control`, one for each pair of moments.

    `adjustment` is that of `pool_covariates` over all groups of the experiment, so that each has one adjusted mean; by default
    it is made from these two. Of moments without covariates CUPED's figures are NaN. `tuned_for` is in units of both groups
    together. Raises ValueError for a confidence that is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError("a confidence lies between 0 and 1")
    pooled = adjustment or pool_covariates([control, treatment], kind)
    looks = _Looks(confidence=confidence, tuned_for=tuned_for if sequential else None)
    before, after = estimate(control, kind), estimate(treatment, kind)
    cuped_before, cuped_after = adjusted(control, kind, pooled), adjusted(treatment, kind, pooled)
    difference, figures, notes = _compared(before, after, 0.0, looks)
    cuped_difference, cuped_figures, cuped_notes = _compared(cuped_before, cuped_after, pooled.shared, looks)
    with silent():
        has_covariate = control.has_covariate | treatment.has_covariate
        reduction = finite(1 - cuped_difference.variance / difference.variance)
    return Comparison(
        **_of_group(treatment, after, cuped_after),
        **figures,
        **{f"cuped_{name}": figure for name, figure in cuped_figures.items()},
        variance_reduction=reduction,
        notes=merged(notes, _of_cuped(pooled, cuped_notes, has_covariate & np.isfinite(difference.variance))),
    )


def describe(group: Moments, *, kind: Kind, adjustment: Adjustment | None = None, note: Note | None = None) -> Comparison:
    """The rows of a group that is compared with none: control itself, or with NO_CONTROL as `note` each of the groups."""
    own = estimate(group, kind)
    nothing = np.full(group.n.shape, np.nan)
    blank = dict.fromkeys(FIGURES, nothing)
    cuped = None if adjustment is None else adjusted(group, kind, adjustment)
    notes = own.notes if note is None else merged(own.notes, {note: np.full(group.n.shape, fill_value=True)})
    return Comparison(**{**blank, **_of_group(group, own, cuped)}, notes=notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looks:
    confidence: float
    tuned_for: float | None
    """None where there is one look alone."""


def _compared(
    control: Estimate, treatment: Estimate, shared: FloatArray | float, looks: _Looks
) -> tuple[Difference, dict[str, FloatArray], Notes]:
    difference = welch(control, treatment, looks.confidence)
    lift = fieller(control, difference, shared)
    low = high = np.full(difference.delta.shape, np.nan)
    if looks.tuned_for is not None:
        low, high = confidence_sequence(difference, control.n + treatment.n, looks.confidence, looks.tuned_for)
    figures = {
        "delta": difference.delta,
        "ci_low": difference.low,
        "ci_high": difference.high,
        "lift": lift.lift,
        "lift_low": lift.low,
        "lift_high": lift.high,
        "p_value": difference.p_value,
        "sequential_low": low,
        "sequential_high": high,
    }
    own: Notes = {
        Note.CONTROL_MEAN_ZERO: control.mean == 0,
        Note.UNBOUNDED_LIFT: lift.is_unbounded,
        Note.OVERFLOW: _is_beyond(control, treatment, difference, lift.lift),
    }
    return difference, figures, merged(control.notes, treatment.notes, own)


def _is_beyond(control: Estimate, treatment: Estimate, difference: Difference, lift: FloatArray) -> BoolArray:
    """Whether two figures that are there gave one that is not, or an interval without ends."""
    both = np.isfinite(control.mean) & np.isfinite(treatment.mean)
    tested = np.isfinite(control.variance) & np.isfinite(treatment.variance)
    has_lift = np.isfinite(difference.delta) & (control.mean != 0)
    lost = (both & np.isnan(difference.delta)) | (has_lift & np.isnan(lift))
    return np.asarray(lost | (tested & ~(np.isfinite(difference.low) & np.isfinite(difference.high))))


def _of_group(group: Moments, own: Estimate, cuped: Estimate | None) -> dict[str, FloatArray]:
    nothing = np.full(group.n.shape, np.nan)
    return {
        "units": group.n,
        "mean": own.mean,
        "stddev": own.stddev,
        "cuped_mean": nothing if cuped is None else cuped.mean,
        "cuped_stddev": nothing if cuped is None else cuped.stddev,
    }


def _of_cuped(pooled: Adjustment, notes: Notes, is_asked: BoolArray) -> Notes:
    """What a comparison with CUPED adds to what is said of the one without, where that one has a test."""
    is_there = np.isfinite(pooled.theta)
    return {
        Note.OVERFLOW: notes[Note.OVERFLOW] & is_there,
        Note.UNBOUNDED_LIFT: notes[Note.UNBOUNDED_LIFT],
        Note.NO_COVARIATE: is_asked & ~is_there,
        Note.NO_RESIDUAL: notes[Note.NO_VARIANCE] & is_there,
    }
