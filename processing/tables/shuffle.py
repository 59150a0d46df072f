"""Divides rows into buckets by a hash of some columns, on disk once they outgrow memory.

Rows that agree in those columns land in the same bucket, so that each bucket can be worked on alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from processing.tables.compact import text_bytes

BUCKETS: Final = 16
_ROWS_IN_MEMORY: Final = 2_000_000
_BYTES_IN_MEMORY: Final = 128 * 1024 * 1024
_BYTES_A_VALUE: Final = 16
"""Of every value, besides its text."""
_BUCKET: Final = "__bucket"

Reduce = Callable[[pl.LazyFrame], pl.LazyFrame]
"""Leaves rows out that others of their bucket make needless; sooner, later or twice, the same rows are left in the end."""


class Shuffle:
    """Takes frames of one schema and gives them back bucket by bucket.

    `by` are the columns, or expressions, whose hash is the bucket, or the hash itself. With `reduce` the rows in memory and
    on disk stay within about twice what it leaves of them.
    """

    def __init__(
        self, scratch: Path, by: Sequence[str | pl.Expr] | pl.Expr, *, reduce: Reduce | None = None, buckets: int = BUCKETS
    ) -> None:
        self._scratch = scratch
        number = by if isinstance(by, pl.Expr) else pl.struct(by).hash(seed=1)
        self._bucket = (number % buckets).alias(_BUCKET)
        self._reduce = reduce
        self._buckets = buckets
        self._frames: list[pl.DataFrame] = []
        self._held = 0
        self._bytes = 0
        self._spills = 0
        self._on_disk: Counter[Path] = Counter()
        """Rows of each bucket's folder."""
        self._reduced: Counter[Path] = Counter()
        """Rows that each bucket's folder had when it was last reduced."""

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows."""
        self._hold(frame)
        if self._is_full(1):
            self._spill()

    def buckets(self) -> Iterator[pl.LazyFrame]:
        """All rows, in one bucket while they fit in memory, else in several; an empty bucket is left out.

        A bucket is there until the next one is asked for. With `reduce`, what is given is reduced.
        """
        if self._spills == 0:
            if self._held:
                yield self._less(pl.concat(self._frames).lazy())
            return
        self._spill(last=True)
        for folder in sorted(self._on_disk):
            files = sorted(folder.iterdir())
            yield self._less(pl.scan_ipc(files))
            for file in files:
                file.unlink()

    def _hold(self, frame: pl.DataFrame) -> None:
        self._frames.append(frame)
        self._held += frame.height
        self._bytes += text_bytes(frame) + frame.height * frame.width * _BYTES_A_VALUE

    def _is_full(self, share: float) -> bool:
        return self._held > _ROWS_IN_MEMORY * share or self._bytes > _BYTES_IN_MEMORY * share

    def _less(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows if self._reduce is None else self._reduce(rows)

    def _spill(self, *, last: bool = False) -> None:
        """Write what is held, unless reducing it makes enough room."""
        if not self._held:
            return
        rows = self._less(pl.concat(self._frames).lazy()).collect()
        self._frames, self._held, self._bytes = [], 0, 0
        if self._reduce is not None and not last:
            self._hold(rows)
            if not self._is_full(0.5):
                return
            self._frames, self._held, self._bytes = [], 0, 0
        divided = rows.with_columns(self._bucket).partition_by(_BUCKET, include_key=False, as_dict=True)
        del rows
        for (bucket,), frame in divided.items():
            folder = self._scratch / f"bucket-{bucket:03d}"
            folder.mkdir(exist_ok=True)
            frame.write_ipc(folder / f"{self._spills:05d}.arrow", compression="lz4")
            self._on_disk[folder] += frame.height
            if self._reduce is not None and not last:
                self._reduce_folder(folder)
        self._spills += 1

    def _reduce_folder(self, folder: Path) -> None:
        """Reduce a bucket on disk once it has doubled, so that each of its rows is rewritten about twice in all."""
        least = _ROWS_IN_MEMORY // self._buckets
        if self._on_disk[folder] <= 2 * max(self._reduced[folder], least):
            return
        files = sorted(folder.iterdir())
        rows = self._less(pl.scan_ipc(files)).collect()
        rows.write_ipc(folder / f"{self._spills:05d}.reduced.arrow", compression="lz4")
        for file in files:
            file.unlink()
        self._on_disk[folder] = self._reduced[folder] = rows.height
