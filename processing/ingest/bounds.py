"""How much one file may hold: bytes, columns and rows, and what costs more than its bytes (contract section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode

LARGEST_UNPACKED: Final = 100 * 1000**3
"""Bytes of a file once it is unpacked."""
LONGEST_RECORD: Final = 16 * 1024 * 1024
"""Bytes."""
MOST_COLUMNS: Final = 1_024
MOST_ROWS: Final = 100_000_000
MOST_DAYS: Final = 1_100
"""About three years; each day costs a part of its own."""
MOST_METRICS: Final = 10_000
MOST_ID_TYPES: Final = 1_000


class FileBounds:
    """Counts what a file holds while it is read, and raises CustomerError as soon as that is too much.

    Of rows that were answered before, which many requests sent, only their number is bounded.
    """

    def __init__(self, *, are_answered: bool = False) -> None:
        self._bounds_kinds = not are_answered
        self._days: set[date] = set()
        self._metrics: set[str] = set()
        self._id_types: set[str] = set()
        self._rows = 0

    def add_rows(self, count: int) -> None:
        """So many more records, bad ones included."""
        self._rows += count
        refuse_too_many_rows(self._rows)

    def add_days(self, days: Iterable[date]) -> None:
        """The days of accepted rows."""
        self._days.update(days)
        if self._bounds_kinds and len(self._days) > MOST_DAYS:
            raise CustomerError(
                RefusalCode.TOO_MANY_DAYS,
                f"the file has rows of more than {MOST_DAYS:,} days: upload several files, each of fewer days",
            )

    def add_metrics(self, names: Iterable[str]) -> None:
        """The metrics of accepted rows."""
        self._metrics.update(names)
        if self._bounds_kinds and len(self._metrics) > MOST_METRICS:
            raise CustomerError(
                RefusalCode.TOO_MANY_METRIC_NAMES,
                f"the file names more than {MOST_METRICS:,} metrics: is something else in metric_name? "
                "Otherwise upload several files, each of fewer metrics",
            )

    def add_id_types(self, names: Iterable[str]) -> None:
        """The id types of accepted rows."""
        self._id_types.update(names)
        if self._bounds_kinds and len(self._id_types) > MOST_ID_TYPES:
            raise CustomerError(
                RefusalCode.TOO_MANY_ID_TYPES,
                f"the file names more than {MOST_ID_TYPES:,} id types: write the kind of id, such as user_id, into id_type or "
                "as the name in customIDs, and the id itself into unit_id or as its value",
            )


def refuse_too_many_rows(count: int) -> None:
    """Raise CustomerError for a file of more rows than are read."""
    if count > MOST_ROWS:
        raise CustomerError(RefusalCode.TOO_MANY_ROWS, f"the file has more than {MOST_ROWS:,} rows: upload several files")
