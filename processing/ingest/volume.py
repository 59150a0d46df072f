"""Uploads that hold far more or far fewer rows of a day than days of their stream do (contract section 5).

Far more is told of any upload: more than three times the rows of the largest of the last days. Far fewer can be told only where
every one of these days came in a single file, and of a day that is not published: others are put together from several.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from processing.domain.datasets import Dataset
from processing.domain.reasons import WarningCode
from processing.domain.receipts import ReceiptWarning
from processing.ingest.receipt_warnings import DayVolume, StreamDays
from processing.ingest.validation.explanation import MOST_EXAMPLES

_LEAST_DAYS: Final = 5
"""Days that are a habit."""
_TIMES: Final = 3
_LEAST_ROWS: Final = 1_000
"""Of the larger side: what is smaller comes and goes by chance."""


@dataclass(frozen=True, slots=True)
class _Habit:
    """What the last days of a stream were like."""

    days: int
    least: int
    most: int
    """Rows."""
    is_one_file: bool
    """Whether each of them came in one."""

    @classmethod
    def of(cls, volumes: Collection[DayVolume]) -> Self | None:
        """None of too few days."""
        if len(volumes) < _LEAST_DAYS:
            return None
        rows = [each.rows for each in volumes]
        return cls(len(rows), min(rows), max(rows), all(each.files == 1 for each in volumes))

    def is_broken_by(self, rows: int, *, is_published: bool) -> bool:
        """Whether so many rows of a day are far more or fewer."""
        is_more = rows >= _LEAST_ROWS and rows > _TIMES * self.most
        is_less = self.is_one_file and not is_published and self.least >= _LEAST_ROWS and _TIMES * rows < self.least
        return is_more or is_less


def volume_warnings(rows: Mapping[Dataset, Mapping[date, int]], streams: Mapping[Dataset, StreamDays]) -> list[ReceiptWarning]:
    """One warning of all days of an upload whose accepted rows are unlike the last days of their stream."""
    found, count = [], 0
    for dataset, own in sorted(rows.items()):
        stream = streams.get(dataset, StreamDays())
        habit = _Habit.of(stream.volumes)
        published = stream.late.published if stream.late is not None else frozenset()
        for day, here in sorted(own.items()):
            if habit is not None and here and habit.is_broken_by(here, is_published=day in published):
                usual = f"{habit.least:,} to {habit.most:,}" if habit.least < habit.most else f"{habit.most:,} each"
                found.append(f"{here:,} of {day.isoformat()}, where the last {habit.days} days had {usual}")
                count += here
    if not found:
        return []
    more = f"; and of {len(found) - MOST_EXAMPLES:,} more days" if len(found) > MOST_EXAMPLES else ""
    message = f"rows are far more or fewer than usual: {'; '.join(found[:MOST_EXAMPLES])}{more}"
    return [ReceiptWarning(code=WarningCode.VOLUME, message=message, count=count)]
