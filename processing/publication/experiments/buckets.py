"""Frames of units divided by a hash of the unit, on disk where there are many, so that each bucket is worked on alone."""

from __future__ import annotations

import shutil
from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import Final

import polars as pl

from processing.publication.experiments.units import UNIT

_ROWS_OF_A_BUCKET: Final = 1_000_000
_MOST: Final = 256
_BUCKET: Final = "__bucket"


def buckets_for(rows: int) -> int:
    """How many buckets so many rows are divided into."""
    return min(max(1, -(-rows // _ROWS_OF_A_BUCKET)), _MOST)


class Buckets:
    """Keeps frames by kind and bucket; rows of one unit are in the same bucket of every kind. One bucket stays in memory."""

    def __init__(self, scratch: Path, count_: int) -> None:
        self.count = count_
        self._scratch = scratch
        self._frames: defaultdict[tuple[str, int], list[pl.DataFrame]] = defaultdict(list)
        self._numbers = count()

    def add(self, kind: str, frame: pl.DataFrame) -> None:
        """Divide rows, which have the columns of UNIT, and keep them with those that are there."""
        if self.count == 1:
            self._frames[kind, 0].append(frame)
            return
        bucket = (pl.struct(UNIT).hash(seed=6) % self.count).cast(pl.UInt16).alias(_BUCKET)
        parts = frame.with_columns(bucket).partition_by(_BUCKET, as_dict=True, include_key=False)
        for (number,), part in parts.items():
            self._write(kind, int(number), part)

    def put(self, kind: str, number: int, frame: pl.DataFrame) -> None:
        """Keep rows that are known to be of one bucket in the place of those that are there."""
        self.drop(kind, number)
        if self.count == 1:
            self._frames[kind, 0].append(frame)
        elif frame.height:
            self._write(kind, number, frame)

    def get(self, kind: str, number: int) -> pl.DataFrame | None:
        """All rows of a bucket; None where there are none."""
        frames = self._frames[kind, number] or [pl.read_parquet(path) for path in sorted(self._folder(kind, number).glob("*"))]
        return pl.concat(frames) if frames else None

    def take(self, kind: str, number: int) -> pl.DataFrame | None:
        """The same, which is not kept any longer."""
        found = self.get(kind, number)
        self.drop(kind, number)
        return found

    def drop(self, kind: str, number: int) -> None:
        """Forget the rows of a bucket."""
        self._frames.pop((kind, number), None)
        shutil.rmtree(self._folder(kind, number), ignore_errors=True)

    def _write(self, kind: str, number: int, frame: pl.DataFrame) -> None:
        folder = self._folder(kind, number)
        folder.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(folder / f"{next(self._numbers):08d}", compression="lz4", statistics=False)

    def _folder(self, kind: str, number: int) -> Path:
        return self._scratch / kind / f"{number:05d}"
