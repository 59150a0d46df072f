"""What the customer's config masks is masked here too: names that are columns of uploads (contract section 5)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.receipts import MASKED
from processing.web.console.visits import Visit

_NAMES: Final = {Dataset.METRICS: "metric_name", Dataset.EVENTS: "event_name"}


def masks_of(visit: Visit) -> Collection[str]:
    """The columns whose values are masked."""
    return visit.services.config_of(visit.customer).config.mask_values


def hides_names(dataset: Dataset, masks: Collection[str]) -> bool:
    """Whether the names of metrics, or of events, are masked."""
    return _NAMES.get(dataset) in masks


def shown(value: str, column: str, masks: Collection[str]) -> str:
    """A value of a column, masked where the config says so."""
    return MASKED if column in masks else value
