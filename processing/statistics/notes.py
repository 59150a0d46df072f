"""Why a comparison lacks a figure (contract section 8, experiments)."""

from __future__ import annotations

from enum import StrEnum

from processing.statistics.arrays import BoolArray


class Note(StrEnum):
    """What the column `note` says, as its value; where several hold, in this order."""

    NO_CONTROL = "no_control"
    """No group is known to be control, so that nothing is compared."""
    TOO_FEW_UNITS = "too_few_units"
    """A group has fewer than 2 units: no interval, no p-value."""
    NO_DENOMINATOR = "no_denominator"
    """The denominators of a group come to 0: no ratio."""
    OVERFLOW = "overflow"
    """A total or the square of one lies beyond all floats."""
    NO_VARIANCE = "no_variance"
    """All units of a group are alike: no interval, no p-value."""
    CONTROL_MEAN_ZERO = "control_mean_zero"
    """The mean of control is 0: no lift."""
    UNBOUNDED_LIFT = "unbounded_lift"
    """The mean of control is too near to 0 for its variance: the lift's interval, with or without CUPED, has no ends."""
    NO_COVARIATE = "no_covariate"
    """All units are alike in the days before their exposure: nothing for CUPED to use."""
    NO_RESIDUAL = "no_residual"
    """With CUPED all units of a group are alike: the days before tell the days after, and no interval is left."""


Notes = dict[Note, BoolArray]
"""For each note the pairs that it holds for."""


def merged(*several: Notes) -> Notes:
    """What holds in any of them."""
    found: Notes = {}
    for notes in several:
        for note, holds in notes.items():
            found[note] = found[note] | holds if note in found else holds
    return found
