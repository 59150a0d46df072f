"""Accepted rows become Parquet parts, one day each, cut by row count alone (contract section 2).

The same rows in the same order give the same parts, whatever the machine; nothing here looks at time or at bytes on disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from processing.domain.errors import CustomerError
from processing.tables.compact import text_bytes
from processing.tables.side_by_side import all_in_order

_DAY: Final = "__day"
_ROWS_IN_MEMORY: Final = 1_000_000
_BYTES_IN_MEMORY: Final = 128 * 1024 * 1024
_MOST_DAYS: Final = 1_100
WRITERS: Final = 3
"""Threads: two write parts, and one waits for them and moves them away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPart:
    """A finished part on scratch disk."""

    day: date
    number: int
    """From 0 within the day, in the order of the records."""
    rows: int
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRows:
    """Accepted rows of one batch, divided by day; to divide each small batch takes half the time of a large one."""

    frames: Mapping[date, pl.DataFrame]
    """Typed rows in the order of their records."""
    rows: int
    text_bytes: int
    """Bytes of all text in them."""


def divide(accepted: pl.DataFrame, day: pl.Expr) -> DayRows:
    """Typed rows by their days, which `day` tells (Date)."""
    with_day = accepted.with_columns(day.alias(_DAY))
    days = with_day.get_column(_DAY)
    first, last = days.min(), days.max()
    if first == last:
        frames = {first: accepted} if isinstance(first, date) else {}
    else:
        frames = {own: frame for (own,), frame in with_day.partition_by(_DAY, include_key=False, as_dict=True).items()}
    return DayRows(frames=frames, rows=accepted.height, text_bytes=text_bytes(accepted))


class PartWriter:
    """Collects accepted rows and hands finished parts to `emit`, which moves them away; the file is removed after it.

    With a pool, of two threads at least, parts are written in its threads and emitted in one of them while more rows are
    collected, always one at a time and in order. Raises CustomerError for a file of more than 1,100 days, about three years:
    each day costs a part of its own; what a thread raises is raised by the next `flush` or by `finish`.
    """

    def __init__(
        self,
        scratch: Path,
        emit: Callable[[LocalPart], None],
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        self._scratch = scratch
        self._pool = pool
        self._writing: Future[None] | None = None
        self._emit = emit
        self._frames: dict[date, list[pl.DataFrame]] = {}
        self._held = 0
        self._bytes = 0
        self._numbers: Counter[date] = Counter()
        self.days: Counter[date] = Counter()
        """Accepted rows of each day so far."""

    def add(self, accepted: DayRows) -> None:
        """Take the rows of the next batch."""
        for day, frame in accepted.frames.items():
            self._frames.setdefault(day, []).append(frame)
        self._held += accepted.rows
        self._bytes += accepted.text_bytes
        if self._held >= _ROWS_IN_MEMORY or self._bytes >= _BYTES_IN_MEMORY:
            self.flush()

    def flush(self) -> None:
        """Write what is held as one part a day."""
        self._wait()
        if not self._frames:
            return
        frames, self._frames, self._held, self._bytes = self._frames, {}, 0, 0
        if self._pool is None:
            self._write(frames)
        else:
            self._writing = self._pool.submit(self._write, frames)

    def finish(self) -> None:
        """Write what is left, and wait until all is written and emitted."""
        self.flush()
        self._wait()

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self, frames: dict[date, list[pl.DataFrame]]) -> None:
        if len(self.days.keys() | frames.keys()) > _MOST_DAYS:
            raise CustomerError("too_many_days", f"the file has rows of more than {_MOST_DAYS:,} days: upload several files")
        self._scratch.mkdir(exist_ok=True)
        days = sorted(frames)
        rows = {day: sum(frame.height for frame in frames[day]) for day in days}

        def write(day: date) -> Path:
            path = self._scratch / f"{day.isoformat()}.parquet"
            pl.concat(frames.pop(day), rechunk=False).write_parquet(path, compression="lz4", statistics=False)
            return path

        for day, path in zip(days, all_in_order(write, days, self._pool), strict=True):
            self._emit(LocalPart(day=day, number=self._numbers[day], rows=rows[day], path=path))
            path.unlink()
            self._numbers[day] += 1
            self.days[day] += rows[day]
