"""How the day of each dataset is computed: staged parts in, files of its tables out.

A new data stream is one transform and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.domain.publications import TableSpec
from processing.publication.delta.specs import (
    DAYS,
    EVENT_UNITS,
    EVENTS,
    EXPERIMENT_RESULTS,
    FIRST_EXPOSURES,
    METRIC_DAYS,
    METRIC_ROWS,
)
from processing.publication.events.compute import compute_event_day
from processing.publication.exposures.compute import compute_exposure_day
from processing.publication.metrics.compute import compute_metric_day
from processing.publication.model import DayInput, DayRequest, DayResult, Emit

DayTransform = Callable[[DayRequest, Sequence[DayInput], Path, Emit, Iterable[bytes]], DayResult]


def compute_day(
    request: DayRequest, inputs: Sequence[DayInput], scratch: Path, emit: Emit, earlier: Iterable[bytes] = ()
) -> DayResult:
    """Compute the day by the transform of its dataset; OperatorError for a dataset that has none.

    `scratch` is an empty folder; each file is emitted as soon as it is finished. `earlier` are the Parquet files of the
    tables named in EARLIER_DAYS_OF, those of the earlier published days: each is asked for once, when the one before is done
    with.
    """
    transform = _TRANSFORMS.get(request.dataset)
    if transform is None:
        raise OperatorError(f"days of {request.dataset} are not processed by this version")
    return transform(request, inputs, scratch, emit, earlier)


def _alone(compute: Callable[[DayRequest, Sequence[DayInput], Path, Emit], DayResult]) -> DayTransform:
    """The transform of a dataset whose days do not depend on the tables of earlier ones."""
    return lambda request, inputs, scratch, emit, _earlier: compute(request, inputs, scratch, emit)


_TRANSFORMS: Final[Mapping[Dataset, DayTransform]] = {
    Dataset.METRICS: _alone(compute_metric_day),
    Dataset.EVENTS: _alone(compute_event_day),
    Dataset.EXPOSURES: compute_exposure_day,
}
EARLIER_DAYS_OF: Final[Mapping[Dataset, str]] = {Dataset.EXPOSURES: FIRST_EXPOSURES.name}
"""The table whose files of earlier days the transform of a dataset needs; the others need none."""
TABLES_OF: Final[Mapping[Dataset, tuple[TableSpec, ...]]] = {
    Dataset.METRICS: (METRIC_ROWS, METRIC_DAYS, DAYS),
    Dataset.EVENTS: (EVENTS, EVENT_UNITS, METRIC_DAYS, DAYS),
    Dataset.EXPOSURES: (FIRST_EXPOSURES, DAYS),
    Dataset.EXPERIMENTS: (EXPERIMENT_RESULTS, DAYS),
}
"""The tables that every publication of a stream is brought into, in this order."""
