"""Student's t and chi-square, from SciPy, which is imported when a figure is first needed: it takes a second."""

from __future__ import annotations

import numpy as np

from processing.statistics.arrays import FloatArray, floats


def two_sided_p(statistic: FloatArray, df: FloatArray) -> FloatArray:
    """The chance that Student's t with `df` degrees of freedom lies as far from 0 as the statistic."""
    from scipy import special

    return np.minimum(2 * floats(special.stdtr(df, -np.abs(statistic))), 1.0)


def two_sided_t(confidence: float, df: FloatArray) -> FloatArray:
    """How far from 0 Student's t with `df` degrees of freedom lies with a chance of 1 - confidence."""
    from scipy import special

    return -floats(special.stdtrit(df, (1 - confidence) / 2))


def chi_square_p(statistic: float, df: int) -> float:
    """The chance that chi-square with `df` degrees of freedom is as large as the statistic."""
    from scipy import special

    return float(special.chdtrc(df, statistic))
