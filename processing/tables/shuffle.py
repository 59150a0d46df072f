"""Divides rows into buckets by a hash of some columns, on disk once they outgrow memory.

Rows that agree in those columns land in the same bucket, so that each bucket can be worked on alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

_BUCKETS: Final = 16
_ROWS_IN_MEMORY: Final = 2_000_000
_BUCKET: Final = "__bucket"


class Shuffle:
    """Takes frames of one schema and gives them back bucket by bucket."""

    def __init__(self, scratch: Path, by: Sequence[str]) -> None:
        self._scratch = scratch
        self._bucket = (pl.struct(by).hash(seed=1) % _BUCKETS).alias(_BUCKET)
        self._frames: list[pl.DataFrame] = []
        self._held = 0
        self._spills = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows."""
        self._frames.append(frame)
        self._held += frame.height
        if self._held > _ROWS_IN_MEMORY:
            self._spill()

    def buckets(self) -> Iterator[pl.LazyFrame]:
        """All rows, in one bucket while they fit in memory, else in sixteen; an empty bucket is left out."""
        if self._spills == 0:
            if self._held:
                yield pl.concat(self._frames).lazy()
            return
        self._spill()
        for folder in sorted(self._scratch.glob("bucket-*")):
            files = sorted(folder.iterdir())
            yield pl.scan_ipc(files)
            for file in files:
                file.unlink()

    def _spill(self) -> None:
        if not self._held:
            return
        rows = pl.concat(self._frames).with_columns(self._bucket)
        self._frames, self._held = [], 0
        for (bucket,), frame in rows.partition_by(_BUCKET, include_key=False, as_dict=True).items():
            folder = self._scratch / f"bucket-{bucket:02d}"
            folder.mkdir(exist_ok=True)
            frame.write_ipc(folder / f"{self._spills:05d}.arrow", compression="lz4")
        self._spills += 1
