"""Notices rows of metrics that a later row of the same file supersedes, by their hashes (contract section 4).

Two rows of metrics are about the same thing when unit, id type, metric, day and test flag agree. A hash of 64 bits stands for
them: among as many rows as are looked at, two that differ have the same one in fewer than 1 of 100,000 files.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from processing.domain.reasons import WarningCode
from processing.domain.receipts import ReceiptWarning
from processing.frames.one_value import is_one_value
from processing.ingest.readers.raw_batches import RECORD
from processing.ingest.validation.explanation import MOST_EXAMPLES

MOST_ROWS: Final = 10_000_000
"""Of metrics of one file that are looked at: 8 bytes each in memory, and as much again for a moment at the end."""
_KEY: Final = ("unit_id", "metric_name", "id_type", "date", "is_test")

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRows:
    """Rows of one batch by what they are about."""

    hashes: Hashes
    first: int
    """Record number of the first."""
    offsets: npt.NDArray[np.uint32] | None
    """How far the record of each is behind the first's; None where every record between is one of these rows."""

    def renumbered(self, records: int) -> KeyedRows:
        """The same rows behind so many records."""
        return replace(self, first=self.first + records)

    def record(self, place: int) -> int:
        """Record number of a row."""
        return self.first + (place if self.offsets is None else int(self.offsets[place]))


def accepted_records(kept: pl.DataFrame, rejected: pl.DataFrame) -> pl.Series:
    """The record numbers of the accepted rows of a batch."""
    records = kept.get_column(RECORD)
    return records.filter(~records.is_in(rejected.get_column(RECORD).implode())) if rejected.height else records


def keyed_rows(accepted: pl.DataFrame, records: pl.Series, aggregated: Collection[str]) -> KeyedRows:
    """The accepted rows of a batch of metrics but for those of aggregated metrics, of which all rows are meant to count."""
    if aggregated:
        are_meant = ~accepted.get_column("metric_name").is_in(list(aggregated))
        if not are_meant.all():
            records, accepted = records.filter(are_meant), accepted.filter(are_meant)
    numbers = records.to_numpy()
    first = int(numbers.min()) if len(numbers) else 0
    # In a wide table a record stands for several rows, one metric behind the other.
    is_run = not len(numbers) or (int(numbers[0]), int(numbers[-1])) == (first, first + len(numbers) - 1)
    offsets = None if is_run else (numbers - first).astype(np.uint32)
    return KeyedRows(hashes=_hashes(accepted), first=first, offsets=offsets)


def _hashes(rows: pl.DataFrame) -> Hashes:
    hashes = np.zeros(rows.height, np.uint64)
    for seed, name in enumerate(_KEY, start=1):
        column = rows.get_column(name)
        # Most files have one id type and one day, which need no hash of each row.
        is_same = name != "unit_id" and is_one_value(column)
        hashes ^= (column.head(1) if is_same else column).hash(seed).to_numpy()
    return hashes


def _repeated(hashes: Hashes) -> Hashes:
    """The hashes that come more than once, side by side: each as often as it comes but once. Sorts those that it is given."""
    # In place, and as signed numbers, of which the processor sorts several at a time; which order it is does not matter.
    hashes.view(np.int64).sort()
    repeated: Hashes = hashes[1:][hashes[1:] == hashes[:-1]]
    return repeated


@dataclass(slots=True)
class KeyTally:
    """Collects what the rows of a file are about."""

    _batches: list[KeyedRows] = field(default_factory=list)
    _rows: int = 0

    def add(self, rows: KeyedRows) -> None:
        """Take a batch, in the order of the file."""
        if self._rows + len(rows.hashes) <= MOST_ROWS and len(rows.hashes):
            self._batches.append(rows)
        self._rows += len(rows.hashes)

    def warnings(self) -> list[ReceiptWarning]:
        """How many rows are superseded by a later one of the file, with examples by their record numbers."""
        if not self._batches:
            return []
        repeated = _repeated(np.concatenate([each.hashes for each in self._batches]))
        count = len(repeated)
        if not count:
            return []
        shown = _examples(self._batches, repeated)
        examples = ", ".join(f"{first:,} and {last:,}" for first, last in shown)
        superseded = "1 row is" if count == 1 else f"{count:,} rows are"
        message = (
            f"{superseded} superseded by a later row of the file with the same unit, id type, metric, day and test flag; "
            f"for example records {examples}"
        )
        return [ReceiptWarning(code=WarningCode.SAME_KEY_IN_FILE, message=message, count=count)]


def _examples(batches: Sequence[KeyedRows], repeated: Hashes) -> list[tuple[int, int]]:
    """The first and the last record of the first keys that come more than once."""
    first: dict[int, int] = {}
    for batch in batches:
        for place in _places(batch, repeated):
            if len(first) == MOST_EXAMPLES:
                break
            first.setdefault(int(batch.hashes[place]), batch.record(place))
        if len(first) == MOST_EXAMPLES:
            break
    last, keys = dict(first), np.array(list(first), np.uint64)
    for batch in batches:
        for place in _places(batch, keys):
            last[int(batch.hashes[place])] = batch.record(place)
    return [(record, last[key]) for key, record in first.items()]


def _places(batch: KeyedRows, keys: Hashes) -> list[int]:
    """Where the rows of some keys stand."""
    # numpy would sort all hashes of the batch for each question.
    return pl.Series(batch.hashes).is_in(pl.Series(keys).implode()).arg_true().to_list()
