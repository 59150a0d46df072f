"""P-values of many metrics together, so that what differs by chance is found more rarely (contract section 8, experiments)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from processing.statistics.arrays import FloatArray, floats


class Correction(StrEnum):
    """The key `correction` of an experiment."""

    NONE = "none"
    BENJAMINI_HOCHBERG = "bh"
    """Of the metrics found to differ, the expected share of wrong ones is bounded."""
    BONFERRONI = "bonferroni"
    """The chance of even one wrong one is bounded."""


def adjust(p_values: Sequence[float | None] | FloatArray, correction: Correction) -> FloatArray:
    """Adjusted p-values in the order of `p_values`, a list; None or NaN stays NaN and does not count.

    Of m p-values, Bonferroni gives min(1, m p), and Benjamini-Hochberg, of the k-th smallest, the least of m p_j / j over
    all j from k on. Source: Benjamini, Hochberg (1995), "Controlling the false discovery rate", Journal of the Royal
    Statistical Society B 57; as adjusted p-values in Yekutieli, Benjamini (1999), Journal of Statistical Planning and
    Inference 82.
    """
    found = floats(p_values).copy()
    known = np.flatnonzero(~np.isnan(found))
    if correction is Correction.BONFERRONI:
        found[known] = np.minimum(found[known] * known.size, 1.0)
    elif correction is Correction.BENJAMINI_HOCHBERG:
        falling = known[np.argsort(-found[known], kind="stable")]
        ranks = np.arange(falling.size, 0, -1)
        found[falling] = np.minimum.accumulate(np.minimum(found[falling] * (falling.size / ranks), 1.0))
    return found
