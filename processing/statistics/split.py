"""Whether units fell among the groups as they should (contract section 8, experiments)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from processing.statistics.distributions import chi_square_p

SRM_BELOW: Final = 0.001
"""A `srm_p` below it means that the groups are not what was meant to be compared."""


def split_p(units: Sequence[int], weights: Sequence[float] | None = None) -> float | None:
    """The p-value of the units of each group against its expected share; None where there is nothing to compare.

    Chi-square = sum of (units - expected)^2 / expected, with one degree of freedom less than groups. `weights` are in any
    unit, all alike by default; a group of weight 0 that has units makes it 0. Raises ValueError for weights that are negative,
    not finite, all 0, or of another number than `units`. Source: Pearson (1900); as a test of experiments, Fabijan et al.
    (2019), "Diagnosing sample ratio mismatch in online controlled experiments".
    """
    shares = [1.0] * len(units) if weights is None else [float(weight) for weight in weights]
    largest = max(shares, default=0.0)
    if len(shares) != len(units) or not all(0 <= share < float("inf") for share in shares) or (shares and largest == 0):
        raise ValueError("weights must be as many as groups, finite, not negative, and one above 0")
    shares = [share / largest for share in shares] if shares else []
    if any(count and not share for count, share in zip(units, shares, strict=True)):
        return 0.0
    pairs = [(count, share) for count, share in zip(units, shares, strict=True) if share]
    total, whole = sum(count for count, _ in pairs), sum(share for _, share in pairs)
    if len(pairs) <= 1 or total == 0:
        return None
    expected = [(count, total * (share / whole)) for count, share in pairs]
    return chi_square_p(sum((count - due) * ((count - due) / due) for count, due in expected), len(pairs) - 1)


def is_srm(p_value: float | None) -> bool:
    """Whether the row carries `srm`."""
    return p_value is not None and p_value < SRM_BELOW
