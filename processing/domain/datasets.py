"""The four folders of a drop container, and the streams of days (contract sections 2, 4 and 8)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Dataset(StrEnum):
    """A top folder of a drop container, or what only has days."""

    METRICS = "metrics"
    EVENTS = "events"
    EXPOSURES = "exposures"
    SIGNALS = "signals"
    EXPERIMENTS = "experiments"
    """No folder: its days are computed from those of the others."""


DATA_DATASETS: Final = (Dataset.METRICS, Dataset.EVENTS, Dataset.EXPOSURES)
"""Those that hold rows; `signals` holds markers."""
FOLDERS: Final = (*DATA_DATASETS, Dataset.SIGNALS)
"""All that customers upload to."""
STREAM_DATASETS: Final = (*DATA_DATASETS, Dataset.EXPERIMENTS)
"""Those that have days."""
