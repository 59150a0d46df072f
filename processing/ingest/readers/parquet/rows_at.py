"""Some rows of Arrow data, whatever their types."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def rows_at(rows: Any, places: npt.NDArray[np.int64]) -> Any:
    """A `pyarrow.Table` of the rows at ascending places of a table or a record batch."""
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
    try:
        return table.take(pa.array(places))
    except pa.ArrowNotImplementedError:
        # Views of text and bytes can be sliced alone.
        breaks = np.flatnonzero(np.diff(places) != 1) + 1
        runs = [run for run in np.split(places, breaks) if len(run)]
        pieces = [table.slice(int(run[0]), len(run)) for run in runs]
        # A copy: a slice would hold all that it is of.
        return pa.concat_tables(pieces).combine_chunks() if pieces else table.slice(0, 0)
