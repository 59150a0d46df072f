"""What the transform of a day is given and what it gives back, the same for every dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.domain.publications import TableOutput


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRequest:
    """What decides a day's publication besides its rows."""

    dataset: Dataset
    day: date
    file_prefix: str
    """Begins the name of every file of the publication."""
    ratios_before: tuple[str, ...]
    """Metrics that are ratios by an earlier day."""
    aggregates: Mapping[str, str] = field(default_factory=dict)
    """Metrics of which all rows of a unit count, with how: `sum`, `count`, `min`, `max` or `mean`."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Metrics whose kind does not follow from their rows, with it: `value` or `ratio`."""
    deadline: Callable[[], bool] | None = None
    """Whether the time for this attempt is over; asked for each part and each bucket. None where it never is."""

    def check_deadline(self) -> None:
        """Raise OperatorError once the deadline has passed: a day that is tried again would take as long again."""
        if self.deadline is not None and self.deadline():
            raise OperatorError(
                f"{self.day.isoformat()} of {self.dataset} takes longer to compute than one attempt may: "
                "give the app larger instances, or have the customer upload fewer rows a day"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DayInput:
    """One staged part; of two rows for the same thing, the one of the higher order, then record, is the later."""

    order: int
    size: int
    """Bytes."""
    read: Callable[[], bytes]
    """Gives the Parquet; it is asked again where a day is too large to be worked on at once."""


AT_ONCE: Final = 320_000_000
"""Bytes of parts of which the rows fit on scratch disk as a whole."""

Emit = Callable[[str], None]
"""Takes a finished file away, which it is told by its name below the scratch folder: its table, then its path there. Of a large
day it is called in several threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """What a day's rows came to; the files of `outputs` were emitted, maybe beside others that came to nothing."""

    outputs: tuple[TableOutput, ...]
    input_rows: tuple[int, ...]
    """Rows of each input."""
    rows: int
    """Clean rows: those of the inputs less test rows, duplicates and merged ones."""
    superseded: int
    """Duplicates that were left out."""
    merged: int = 0
    """Rows of aggregated metrics that went into another row."""
    test_rows: int
    ratios: tuple[str, ...]
    """Metrics that rows of this day show to be ratios."""
    overflowed: int = 0
    """Figures of `metric_days`, and sums of `event_units`, that are null because they lie beyond all floats."""
    without_value: Mapping[str, int] = field(default_factory=dict)
    """Metrics that are ratios to their clean rows that lack a part of one, and so have no value."""
    kept: tuple[TableOutput, ...] = ()
    """Files beside the tables that results of experiments need; they were emitted too."""
    warnings: tuple[str, ...] = ()
    """What was asked for and not found, in sentences."""
    first_keys: str | None = None
    """Of a day of exposures, the digest of the set of keys that stand in its `first_exposures`: when a reprocess changes it,
    later days are out of date. None for the other datasets. The same set may have another digest under another program."""
