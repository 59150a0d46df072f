"""Divides rows into buckets by a hash of some columns, on disk once they outgrow memory.

Rows that agree in those columns land in the same bucket, so that each bucket can be worked on alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from processing.frames.compact import text_bytes
from processing.frames.ordered_pool import all_in_order

BUCKETS: Final = 16
_ROWS_IN_MEMORY: Final = 2_000_000
_BYTES_IN_MEMORY: Final = 128 * 1024 * 1024
_BYTES_A_VALUE: Final = 16
"""Of every value, besides its text."""
_ROWS_AT_ONCE: Final = 100_000
"""Rows that are divided together; more take longer for each, because they are not in the processor's cache."""
_ROWS_OF_A_BUCKET: Final = 500_000
"""Twice as many in one bucket are looked at for rows that others make needless."""
_BUCKET: Final = "__bucket"

Reduce = Callable[[pl.LazyFrame], pl.LazyFrame]
"""Leaves rows out that others of their bucket make needless, or adds rows up; sooner, later or twice, it comes to the same."""
Bucket = Callable[[], pl.DataFrame]
"""Gives the rows of a bucket, once, in any thread; its place on disk is free then."""


class Shuffle:
    """Takes frames of one schema and gives them back bucket by bucket.

    `by` are the columns, or expressions, whose hash is the bucket, or the hash itself. With `reduce` the rows in memory and
    on disk stay within about twice what it leaves of them. `squeeze` does the same to a bucket that has grown far beyond its
    share because very many rows agree, and to no other. With a pool rows are divided and written in its threads.
    """

    def __init__(
        self,
        scratch: Path,
        by: Sequence[str | pl.Expr] | pl.Expr,
        *,
        reduce: Reduce | None = None,
        squeeze: Reduce | None = None,
        buckets: int = BUCKETS,
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        scratch.mkdir(exist_ok=True)  # a day in several passes comes back
        self._scratch = scratch
        number = by if isinstance(by, pl.Expr) else pl.struct(by).hash(seed=1)
        self._bucket = (number % buckets).cast(pl.UInt16).alias(_BUCKET)
        self._reduce = reduce
        self._squeeze = squeeze
        self._buckets = buckets
        self._pool = pool
        self.rows = 0
        """How many were added."""
        self._frames: list[pl.DataFrame] = []
        self._held = 0
        self._bytes = 0
        self._spills = 0
        self._on_disk: Counter[Path] = Counter()
        """Rows of each bucket's folder."""
        self._rows_when_reduced: Counter[Path] = Counter()
        """Rows that each bucket's folder had when it was last reduced."""

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows."""
        self.rows += frame.height
        self._keep(frame)
        if self._is_full(1):
            self._spill()

    def buckets(self) -> Iterator[Bucket]:
        """All rows, in one bucket while they fit in memory, else in several; an empty bucket is left out.

        With `reduce`, what is given is reduced.
        """
        if self._spills == 0:
            if self._held:
                yield self._all
            return
        self._spill(last=True)
        for folder in sorted(self._on_disk):
            yield partial(self._taken, folder)

    def _all(self) -> pl.DataFrame:
        return self._reduced(pl.concat(self._take_held()).lazy()).collect()

    def _taken(self, folder: Path) -> pl.DataFrame:
        files = sorted(folder.iterdir())
        rows = self._reduced(pl.scan_ipc(files)).collect()
        for file in files:
            file.unlink()
        return rows

    def _keep(self, frame: pl.DataFrame) -> None:
        self._frames.append(frame)
        self._held += frame.height
        self._bytes += text_bytes(frame) + frame.height * frame.width * _BYTES_A_VALUE

    def _take_held(self) -> list[pl.DataFrame]:
        frames, self._frames, self._held, self._bytes = self._frames, [], 0, 0
        return frames

    def _is_full(self, share: float) -> bool:
        return self._held > _ROWS_IN_MEMORY * share or self._bytes > _BYTES_IN_MEMORY * share

    def _reduced(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows if self._reduce is None else self._reduce(rows)

    def _spill(self, *, last: bool = False) -> None:
        """Write what is held, unless reducing it makes enough room."""
        if not self._held:
            return
        if self._reduce is not None:
            self._keep(self._reduce(pl.concat(self._take_held()).lazy()).collect())
            if not last and not self._is_full(0.5):
                return
        divided = self._divided(self._take_held())
        for folder, height in all_in_order(self._write, divided.items(), self._pool):
            self._on_disk[folder] += height
            if self._reduce is not None and not last:
                self._reduce_folder(folder, self._reduce, beyond=_ROWS_IN_MEMORY // self._buckets)
            elif self._squeeze is not None:
                self._reduce_folder(folder, self._squeeze, beyond=_ROWS_OF_A_BUCKET)
        self._spills += 1

    def _divided(self, frames: list[pl.DataFrame]) -> dict[int, list[pl.DataFrame]]:
        """The rows of each bucket, in the order in which they came."""
        pieces = (piece for frame in frames for piece in frame.iter_slices(_ROWS_AT_ONCE))
        divided: defaultdict[int, list[pl.DataFrame]] = defaultdict(list)
        for parts in all_in_order(self._divide, pieces, self._pool):
            for (bucket,), rows in parts.items():
                divided[bucket].append(rows)
        return divided

    def _divide(self, rows: pl.DataFrame) -> dict[tuple[int, ...], pl.DataFrame]:
        return rows.with_columns(self._bucket).partition_by(_BUCKET, include_key=False, as_dict=True)

    def _write(self, divided: tuple[int, list[pl.DataFrame]]) -> tuple[Path, int]:
        """Write the rows of a bucket; its folder and how many there are."""
        bucket, frames = divided
        folder = self._scratch / f"bucket-{bucket:05d}"
        folder.mkdir(exist_ok=True)
        rows = pl.concat(frames)
        frames.clear()
        self._write_file(rows, folder / f"{self._spills:05d}.arrow")
        return folder, rows.height

    def _reduce_folder(self, folder: Path, reduce: Reduce, *, beyond: int) -> None:
        """Reduce a bucket on disk once it has doubled, so that each of its rows is rewritten about twice in all."""
        if self._on_disk[folder] <= 2 * max(self._rows_when_reduced[folder], beyond):
            return
        files = sorted(folder.iterdir())
        rows = reduce(pl.scan_ipc(files)).collect()
        self._write_file(rows, folder / f"{self._spills:05d}.reduced.arrow")
        for file in files:
            file.unlink()
        self._on_disk[folder] = self._rows_when_reduced[folder] = rows.height

    @staticmethod
    def _write_file(rows: pl.DataFrame, path: Path) -> None:
        # Half the size of lz4, for a sixth more time.
        rows.write_ipc(path, compression="zstd")
