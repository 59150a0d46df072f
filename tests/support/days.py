"""Staged parts made of plain rows, and the tables that a day of them comes to."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.publications import TableFile
from processing.publication.compute_day import compute_day
from processing.publication.model import DayInput, DayRequest, DayResult

Row = dict[str, Any]
DAY = date(2026, 11, 18)


def staged_part(order: int, rows: Sequence[Row], schema: Mapping[str, Any]) -> DayInput:
    """Rows as a staged part."""
    data = io.BytesIO()
    pl.DataFrame(list(rows), schema=dict(schema)).write_parquet(data)
    return DayInput(order=order, size=len(data.getvalue()), read=data.getvalue)


class Emitted:
    """Files that were taken away from a scratch folder."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.files: dict[str, bytes] = {}
        """Name below the scratch folder to contents."""

    def take(self, name: str) -> None:
        """Take a file away."""
        assert name not in self.files
        self.files[name] = (self._scratch / name).read_bytes()
        (self._scratch / name).unlink()


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputedDay:
    """A day's result and the contents of its files."""

    result: DayResult
    files: dict[str, list[bytes]]
    """Table to its files."""

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, file after file."""
        return [row for data in self.files[table] for row in pl.read_parquet(io.BytesIO(data)).to_dicts()]


def computed(dataset: Dataset, inputs: Iterable[DayInput], *, day: date = DAY, earlier: Iterable[bytes] = ()) -> ComputedDay:
    """The day of `inputs`, with the statistics of every file held against its rows."""
    with tempfile.TemporaryDirectory() as scratch:
        request = DayRequest(dataset=dataset, day=day, file_prefix="p", ratios_before=())
        emitted = Emitted(Path(scratch))
        result = compute_day(request, list(inputs), Path(scratch), emitted.take, earlier)
        files: dict[str, list[bytes]] = {}
        for output in result.outputs:
            files[output.table] = [emitted.files[f"{output.table}/{file.path}"] for file in output.files]
            for file, data in zip(output.files, files[output.table], strict=True):
                assert file.path.startswith("/".join(f"{key}={value}" for key, value in output.partition.items()) + "/p-")
                assert file.partition == output.partition
                assert file.size == len(data)
                _check_statistics(file, pl.read_parquet(io.BytesIO(data)))
    return ComputedDay(result=result, files=files)


def _check_statistics(file: TableFile, frame: pl.DataFrame) -> None:
    found = json.loads(file.statistics)
    assert found["numRecords"] == file.rows == frame.height > 0
    assert found["nullCount"] == {name: frame.get_column(name).null_count() for name in frame.columns}
    assert found["minValues"].keys() == found["maxValues"].keys()
    for name in frame.columns:
        values = [_comparable(value) for value in frame.get_column(name) if value is not None]
        if name in found["minValues"]:
            low, high = (_bound(found[side][name], values[0]) for side in ("minValues", "maxValues"))
            assert all(low <= value <= high for value in values), name
        else:
            # Left out only where there is nothing, or where it would be too long to print.
            assert not values or max(len(str(value)) for value in values) > 64, name


def _comparable(value: Any) -> Any:
    # Readers compare text by its bytes.
    return value.encode() if isinstance(value, str) else value


def _bound(printed: Any, like: Any) -> Any:
    return datetime.fromisoformat(printed) if isinstance(like, datetime) else _comparable(printed)
