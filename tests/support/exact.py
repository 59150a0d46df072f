"""Figures of doubles as fractions and decimals have them, and how near to that a float must be."""

from __future__ import annotations

import decimal
import math
import sys
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

_LARGEST = Fraction(sys.float_info.max)
_SMALLEST = Fraction(math.ulp(0.0))
_CLOSE = Fraction(1, 10**9)


def total(values: Sequence[float]) -> Fraction:
    return sum(map(Fraction, values), Fraction(0))


def size(values: Sequence[float]) -> Fraction:
    """What the values come to without their signs: rounding is relative to it."""
    return sum((abs(Fraction(value)) for value in values), Fraction(0))


def stddev(values: Sequence[float]) -> Fraction | None:
    """The sample standard deviation, with 60 digits; None of fewer than two values."""
    if len(values) < 2:
        return None
    mean = total(values) / len(values)
    variance = sum(((Fraction(value) - mean) ** 2 for value in values), Fraction(0)) / (len(values) - 1)
    with decimal.localcontext() as context:
        context.prec = 60
        return Fraction((Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt())


def percentile(values: Sequence[float], share: float) -> Fraction | None:
    """Interpolated linearly; None of no values."""
    if not values:
        return None
    ordered = sorted(map(Fraction, values))
    place = Fraction(share) * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def is_right(found: float | None, exact: Fraction | None, scale: Fraction) -> bool:
    """Whether a figure is what it must be: null where there is none, and where it lies beyond all floats.

    What it is computed from is of the size of `scale`.
    """
    if exact is None:
        return found is None
    slack = _CLOSE * abs(exact) + _CLOSE * _CLOSE * 10**6 * scale + 4 * _SMALLEST
    if found is None:
        return abs(exact) + slack > _LARGEST
    return math.isfinite(found) and abs(Fraction(found) - exact) <= slack
