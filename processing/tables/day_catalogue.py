"""How the day of each dataset is computed: staged parts in, files of its tables out.

A new data stream is one transform and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.tables.day_model import DayInput, DayRequest, DayResult
from processing.tables.metric_publication import compute_metric_day

DayTransform = Callable[[DayRequest, Iterable[DayInput], Path], DayResult]

_TRANSFORMS: Final[Mapping[Dataset, DayTransform]] = {
    Dataset.METRICS: compute_metric_day,
}
PROCESSED_DATASETS: Final = tuple(_TRANSFORMS)
"""The datasets whose days are processed."""


def compute_day(request: DayRequest, inputs: Iterable[DayInput], scratch: Path) -> DayResult:
    """Compute the day by the transform of its dataset; OperatorError for a dataset that has none."""
    transform = _TRANSFORMS.get(request.dataset)
    if transform is None:
        raise OperatorError(f"days of {request.dataset} are not processed by this version")
    return transform(request, inputs, scratch)
