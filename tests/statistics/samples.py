"""Groups of units that several tests use."""

from __future__ import annotations

import numpy as np

from processing.statistics.arrays import FloatArray, floats
from processing.statistics.moments import Moments

Group = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""Totals, denominators, covariates and the covariates' denominators of units."""


def by_rule(units: int, first: int, second: int, third: int) -> Group:
    """A group that every program can make, without a generator of random numbers."""
    unit = np.arange(units)
    before = (unit * first) % 13
    value = 2 * before + (unit * unit) % second + (units > 40)
    denominator, denominator_before = 1 + (unit * unit * third) % 4, 1 + (unit * first * first) % 5
    return floats(value), floats(denominator), floats(before), floats(denominator_before)


CONTROL, TREATMENT = by_rule(40, 7, 5, 3), by_rule(50, 5, 7, 2)


def moments(group: Group) -> Moments:
    value, denominator, covariate, covariate_denominator = group
    return Moments.of_units(value, denominator=denominator, covariate=covariate, covariate_denominator=covariate_denominator)


def together(*groups: Group) -> Group:
    value, denominator, covariate, covariate_denominator = (np.concatenate(each) for each in zip(*groups, strict=True))
    return value, denominator, covariate, covariate_denominator


def part(group: Group, chosen: slice | FloatArray) -> Group:
    value, denominator, covariate, covariate_denominator = (each[chosen] for each in group)
    return value, denominator, covariate, covariate_denominator
