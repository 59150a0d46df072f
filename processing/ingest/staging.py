"""Accepted rows become Parquet parts, one day each, cut by row count alone (contract section 2).

The same rows in the same order give the same parts, whatever the machine; nothing here looks at time or at bytes on disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.frames.compact import text_bytes
from processing.frames.ordered_pool import all_in_order, in_order

_DAY: Final = "__day"
_ROWS_IN_MEMORY: Final = 1_000_000
_BYTES_IN_MEMORY: Final = 128 * 1024 * 1024
_ROWS_ON_DISK: Final = 6_000_000
_BYTES_ON_DISK: Final = 384 * 1024 * 1024
"""Of text; with the numbers beside it about 600 MiB of scratch disk at worst, and a third of that where text repeats."""
_MANY_DAYS: Final = 31
"""Days of a group that become parts at once; of a file that has many parts already, _FEW_DAYS."""
_FEW_DAYS: Final = 4
_FEW_TO_DIVIDE: Final = 10
"""Days up to which rows are looked for by each of them, in half of the time in which they are grouped."""
MOST_PARTS: Final = 4_000
"""Parts of one file."""
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
    if not isinstance(first, date) or not isinstance(last, date):
        frames = {}
    elif first == last:
        frames = {first: accepted}
    elif (last - first).days < _FEW_TO_DIVIDE:
        each = (first + timedelta(days=number) for number in range((last - first).days + 1))
        frames = {own: frame for own in each if (frame := accepted.filter(days == own)).height}
    else:
        frames = {own: frame for (own,), frame in with_day.partition_by(_DAY, include_key=False, as_dict=True).items()}
    return DayRows(frames=frames, rows=accepted.height, text_bytes=text_bytes(accepted))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Rows of one day of one group on scratch disk."""

    path: Path
    rows: int
    text_bytes: int


class PartWriter:
    """Collects accepted rows and hands finished parts to `emit`, which moves them away; the file is removed after it.

    A group of rows that fills memory becomes one part a day. Where that would make too many parts, because the rows of many
    days are mixed, several groups are kept on scratch disk and put together first. What still makes more than `most` parts
    is refused with CustomerError: each part costs a request here and wherever it is read.

    With a pool, of two threads at least, parts are written in its threads and emitted in one of them while more rows are
    collected, always one at a time and in order; what a thread raises is raised by the next `flush` or by `finish`.
    """

    def __init__(
        self,
        scratch: Path,
        emit: Callable[[LocalPart], None],
        pool: ThreadPoolExecutor | None = None,
        *,
        most: int = MOST_PARTS,
    ) -> None:
        self._scratch = scratch
        self._pool = pool
        self._most = most
        self._writing: Future[None] | None = None
        self._emit = emit
        self._frames: dict[date, list[pl.DataFrame]] = {}
        self._held = 0
        self._bytes = 0
        self._kept: dict[date, list[_Kept]] = {}
        self._kept_rows = 0
        self._kept_bytes = 0
        self._groups = 0
        self._parts = 0
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
        """Write what is held."""
        self._wait()
        if not self._frames:
            return
        frames, self._frames, self._held, self._bytes = self._frames, {}, 0, 0
        self._start(lambda: self._write(frames))

    def finish(self) -> None:
        """Write what is left, and wait until all is written and emitted."""
        self.flush()
        self._wait()
        self._start(self._put_together)
        self._wait()

    def _start(self, work: Callable[[], None]) -> None:
        if self._pool is None:
            work()
        else:
            self._writing = self._pool.submit(work)

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self, frames: dict[date, list[pl.DataFrame]]) -> None:
        self._scratch.mkdir(exist_ok=True)
        days = sorted(frames)
        # Once some groups are kept, all are: the parts of a day stay in the order of its records.
        is_kept = bool(self._kept) or len(days) > (_MANY_DAYS if self._parts < self._most // 4 else _FEW_DAYS)

        def write(day: date) -> _Kept:
            own = frames.pop(day)
            path = self._scratch / f"{day.isoformat()}-{self._groups}.parquet"
            _write_parquet(pl.concat(own, rechunk=False), path)
            size = sum(map(text_bytes, own)) if is_kept else 0
            return _Kept(path=path, rows=sum(frame.height for frame in own), text_bytes=size)

        for day, kept in zip(days, all_in_order(write, days, self._pool), strict=True):
            if is_kept:
                self._kept.setdefault(day, []).append(kept)
                self._kept_rows += kept.rows
                self._kept_bytes += kept.text_bytes
            else:
                self._emit_part(day, kept)
        self._groups += 1
        if self._kept_rows >= _ROWS_ON_DISK or self._kept_bytes >= _BYTES_ON_DISK:
            self._put_together()

    def _put_together(self) -> None:
        """Make parts of the kept groups."""
        kept, self._kept, self._kept_rows, self._kept_bytes = self._kept, {}, 0, 0
        pieces = [(day, piece) for day in sorted(kept) for piece in _pieces(kept[day])]
        for (day, _), part in zip(pieces, in_order(self._joined, pieces, self._pool, most=WRITERS), strict=True):
            self._emit_part(day, part)

    def _joined(self, piece: tuple[date, list[_Kept]]) -> _Kept:
        day, kept = piece
        if len(kept) == 1:
            return kept[0]
        path = self._scratch / f"{day.isoformat()}-whole.parquet"
        _write_parquet(pl.concat([pl.read_parquet(each.path) for each in kept], rechunk=False), path)
        for each in kept:
            each.path.unlink()
        return _Kept(path=path, rows=sum(each.rows for each in kept), text_bytes=0)

    def _emit_part(self, day: date, part: _Kept) -> None:
        self._parts += 1
        if self._parts > self._most:
            raise CustomerError(
                RefusalCode.TOO_MANY_PARTS,
                f"rows of {len(self.days):,} days are mixed: sort the file by day, or upload several files, each of fewer days",
            )
        self._emit(LocalPart(day=day, number=self._numbers[day], rows=part.rows, path=part.path))
        part.path.unlink()
        self._numbers[day] += 1
        self.days[day] += part.rows


def _pieces(kept: Sequence[_Kept]) -> list[list[_Kept]]:
    """What is put together of a day: as much as a group in memory may hold, or one."""
    pieces: list[list[_Kept]] = []
    rows = size = 0
    for each in kept:
        rows, size = rows + each.rows, size + each.text_bytes
        if not pieces or rows > _ROWS_IN_MEMORY or size > _BYTES_IN_MEMORY:
            pieces.append([])
            rows, size = each.rows, each.text_bytes
        pieces[-1].append(each)
    return pieces


def _write_parquet(rows: pl.DataFrame, path: Path) -> None:
    rows.write_parquet(path, compression="lz4", statistics=False)
