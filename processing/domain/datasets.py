"""The four folders of a drop container, and what each is for (contract sections 2 and 4)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Dataset(StrEnum):
    """A top folder of a drop container."""

    METRICS = "metrics"
    EVENTS = "events"
    EXPOSURES = "exposures"
    SIGNALS = "signals"


DATA_DATASETS: Final = (Dataset.METRICS, Dataset.EVENTS, Dataset.EXPOSURES)
"""Those that hold rows; `signals` holds markers."""
