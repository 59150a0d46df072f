"""Small files that were made to become much: each costs what its bytes are worth, whatever it says."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.samples import FOLDER

_HEADER: Final = "unit_id,id_type,date,metric_name,metric_value"
_DAY: Final = "2026-10-28"
_GOOD: Final = f"u,user_id,{_DAY},m,1"
_MAKER: Final = 1
"""Rises when the same attack becomes other bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One file, and what ingest must find in it."""

    title: str
    name: str
    make: Callable[[], bytes]
    rows: int
    rejected: int
    dataset: str = "metrics"

    @property
    def right(self) -> dict[str, int]:
        """The counts of rows."""
        return {"read": self.rows, "accepted": self.rows - self.rejected, "rejected": self.rejected}

    def file(self, folder: Path = FOLDER) -> Path:
        """The file, made unless it is there already."""
        path = folder / f"attack-v{_MAKER}-{self.name}"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = folder / f"{os.getpid()}-{path.name}"
            unfinished.write_bytes(self.make())
            unfinished.rename(path)
        return path


def _csv(*rows: str, more: str = "") -> bytes:
    return ("\n".join([_HEADER + more, *rows]) + "\n").encode()


def _dictionary() -> bytes:
    """Ten thousand rows that name one text of 100,000 letters which JSON writes with six characters each."""
    count = 10_000
    units = pa.DictionaryArray.from_arrays(pa.array([0] * count + [1], pa.int32()), pa.array(["\x01" * 100_000, "u"]))
    table = pa.table(
        {
            "unit_id": units,
            "id_type": ["user_id"] * (count + 1),
            "date": [_DAY] * (count + 1),
            "metric_name": ["m"] * (count + 1),
            "metric_value": [1.0] * (count + 1),
        }
    )
    out = pa.BufferOutputStream()
    pq.write_table(table, out, compression="zstd", write_statistics=False, store_schema=False)
    data: bytes = out.getvalue().to_pybytes()
    return data


def _marks() -> bytes:
    """Four megabytes of every mark that could stand in for the bare carriage return before them."""
    marks = "".join(f"\x1f{number}\x1e" for number in reversed(range(500_000)))
    return _csv("u\rv" + _GOOD[1:], marks + _GOOD[1:], _GOOD)


def _names() -> bytes:
    """A thousand long names of columns above twenty thousand rows of one value and commas."""
    more = "".join(f",{'n' * 124}{number:04}" for number in range(1_019))
    return gzip.compress(_csv(_GOOD + "," * 1_019, *["x" + "," * 1_023] * 20_000, more=more))


def _ids() -> bytes:
    """A user with twenty thousand custom ids."""
    event = {"timestamp": f"{_DAY}T10:00:00Z", "event_name": "e", "user": {"userID": "u"}}
    hostile = {**event, "user": {"customIDs": {f"k{number}": "x" for number in range(20_000)}}}
    return f"{json.dumps(event)}\n{json.dumps(hostile)}\n".encode()


def _near_misses() -> bytes:
    """A thousand id types that are nearly ours, each of which could be warned of."""
    return _csv(*(f"u,user_id{number},{_DAY},m,1" for number in range(1_000)))


def _days() -> bytes:
    """A row of each of 1,100 days, in turn and again and again."""
    days = [date(2026, 10, 28) - timedelta(days=number) for number in range(1_100)]
    return gzip.compress(_csv(*(f"u,user_id,{day},m,1" for _ in range(50) for day in days)))


ATTACKS: Final = (
    Attack(title="one long text named by every row", name="dictionary.parquet", make=_dictionary, rows=10_001, rejected=10_000),
    Attack(title="marks that stand for line ends", name="marks.csv", make=_marks, rows=3, rejected=1),
    Attack(title="long names above empty rows", name="names.csv.gz", make=_names, rows=20_001, rejected=20_000),
    Attack(title="twenty thousand custom ids", name="ids.ndjson", make=_ids, rows=2, rejected=1, dataset="events"),
    Attack(title="a thousand near misses of an id type", name="near.csv", make=_near_misses, rows=1_000, rejected=0),
    Attack(title="rows of 1,100 days in turn", name="days.csv.gz", make=_days, rows=55_000, rejected=0),
)
