"""What all formulas say of arrays: NaN is "not known" between them, and no division or overflow warns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
"""Figures of many pairs; NaN where there is none."""
BoolArray = npt.NDArray[np.bool_]


def silent() -> np.errstate:
    """A context in which what cannot be computed becomes NaN or infinite without a warning; `finite` takes both away."""
    return np.errstate(all="ignore")


def floats(values: npt.ArrayLike | Sequence[float | None]) -> FloatArray:
    """As 64-bit floats; None becomes NaN."""
    return np.asarray(values, dtype=np.float64)


def finite(values: FloatArray) -> FloatArray:
    """The same with NaN where a figure is infinite."""
    return np.where(np.isfinite(values), values, np.nan)
