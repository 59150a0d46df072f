"""An attempt ends once its time is over, and asks often enough whether it is (contract section 3)."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.ingest.ingest_file import IngestOutcome, IngestRequest, ingest_file
from processing.publication.compute_day import compute_day
from processing.publication.events import compute as event_publication
from processing.publication.model import AT_ONCE, DayInput, DayRequest
from schemas.rules import INSTANT
from tests.support.bytes_source import Bytes
from tests.support.days import DAY, Row, staged_part
from tests.support.ingest import UPLOADED_AT

_MIB = 1024 * 1024
_SELDOMEST = 8 * _MIB
"""Bytes, unpacked, of which none may be read without a question."""
_HEADER = b"unit_id,id_type,date,metric_name,metric_value\n"
_ROW = b"u,t,2026-11-18,m,1\n"
_EVENT = b'{"timestamp":1795000000,"event_name":"e","user":{"userID":"u"}}\n'


class Clock:
    """A deadline that passes when it was asked so often."""

    def __init__(self, asks: int) -> None:
        self._left = asks
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        self._left -= 1
        return self._left < 0


def ingested(name: str, data: bytes, clock: Callable[[], bool], dataset: Dataset = Dataset.METRICS) -> IngestOutcome:
    request = IngestRequest(name=name, dataset=dataset, uploaded_at=UPLOADED_AT, deadline=clock)
    with tempfile.TemporaryDirectory() as scratch:
        return ingest_file(request, Bytes(data), scratch=Path(scratch), emit=lambda _dataset, _part: None)


def parquet_rows(count: int) -> bytes:
    row = {"unit_id": "u", "id_type": "t", "date": "2026-11-18", "metric_name": "m", "metric_value": "1"}
    data = io.BytesIO()
    pl.DataFrame([row]).select(pl.all().repeat_by(count).explode()).write_parquet(data)
    return data.getvalue()


def packed(data: bytes) -> bytes:
    return gzip.compress(data, 1)


FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "csv": ("a.csv", lambda: _HEADER + _ROW * 600_000),
    "csv.gz": ("a.csv.gz", lambda: packed(_HEADER + _ROW * 600_000)),
    "blank lines": ("a.csv.gz", lambda: packed(_HEADER + _ROW + b"\n" * 24 * _MIB)),
    "blank lines before the header": ("a.csv.gz", lambda: packed(b"\n" * 24 * _MIB + _HEADER + _ROW)),
    "a long line": ("a.csv.gz", lambda: packed(_HEADER + _ROW + b"x" * 12 * _MIB + b"\n")),
    "zeros behind an archive": ("a.csv.gz", lambda: packed(_HEADER + _ROW) + b"\0" * 64 * _MIB),
    "ndjson": ("a.ndjson", lambda: _EVENT * 200_000),
    "blank ndjson": ("a.ndjson.gz", lambda: packed(_EVENT + b"\n" * 24 * _MIB)),
    "parquet": ("a.parquet", lambda: parquet_rows(600_000)),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_refused_at_each_question_and_asked_once_in_a_few_mib(kind: str) -> None:
    name, make = FILES[kind]
    data, dataset = make(), Dataset.EVENTS if "ndjson" in kind else Dataset.METRICS
    unhurried = Clock(10**9)
    assert ingested(name, data, unhurried, dataset).problem is None
    unpacked = len(gzip.decompress(data)) if name.endswith(".gz") else 0
    # What is fetched comes in ranges of 16 MiB, which are unpacked and worked on in smaller pieces.
    assert unhurried.asked >= max(2, unpacked // _SELDOMEST, len(data) // (2 * _SELDOMEST))
    for asks in sorted({0, 1, unhurried.asked // 2, unhurried.asked - 1}):
        clock = Clock(asks)
        problem = ingested(name, data, clock, dataset).problem
        assert problem is not None
        assert problem.code == "takes_too_long"
        assert "upload several smaller files" in problem.message
        # Nothing goes on behind a deadline that has passed, but for what was begun before.
        assert clock.asked <= asks + 2


METRIC = {
    "unit_id": pl.String,
    "id_type": pl.String,
    "date": pl.Date,
    "metric_name": pl.String,
    "metric_value": pl.Float64,
    "numerator": pl.Float64,
    "denominator": pl.Float64,
    "is_test": pl.Boolean,
}
EVENT = {
    **dict.fromkeys(("event_name", "event_value", "event_metadata", "user", "timeuuid"), pl.String),
    "timestamp": INSTANT,
    "is_test": pl.Boolean,
}
EXPOSURE = {
    **dict.fromkeys(("experiment", "group_id", "unit_id", "id_type", "metadata_json"), pl.String),
    "timestamp": INSTANT,
}
_AT = datetime(2026, 11, 18, 9, tzinfo=UTC)
_PARTS = 5


def _day(dataset: Dataset) -> list[DayInput]:
    rows: dict[Dataset, Row] = {
        Dataset.METRICS: {"unit_id": "u", "id_type": "t", "date": DAY, "metric_name": "m", "metric_value": 1.0},
        Dataset.EVENTS: {"timestamp": _AT, "event_name": "e", "user": '{"userID":"u"}', "is_test": False},
        Dataset.EXPOSURES: {"timestamp": _AT, "experiment": "x", "group_id": "g", "unit_id": "u", "id_type": "t"},
    }
    schemas: dict[Dataset, dict[str, Any]] = {
        Dataset.METRICS: METRIC,
        Dataset.EVENTS: EVENT,
        Dataset.EXPOSURES: EXPOSURE,
    }
    schema = schemas[dataset]
    row = {"is_test": False} | rows[dataset] if dataset is Dataset.METRICS else rows[dataset]
    return [staged_part(order, [{name: row.get(name) for name in schema}] * 3, schema) for order in range(_PARTS)]


def _computed(dataset: Dataset, clock: Callable[[], bool], inputs: list[DayInput]) -> int:
    request = DayRequest(dataset=dataset, day=DAY, file_prefix="p", ratios_before=(), deadline=clock)
    with tempfile.TemporaryDirectory() as scratch:
        return compute_day(request, inputs, Path(scratch), lambda _name: None).rows


@pytest.mark.parametrize("dataset", [Dataset.METRICS, Dataset.EVENTS, Dataset.EXPOSURES])
def test_a_day_is_given_up_at_each_question_and_asked_for_each_part_and_bucket(dataset: Dataset) -> None:
    unhurried = Clock(10**9)
    assert _computed(dataset, unhurried, _day(dataset)) > 0
    assert unhurried.asked > _PARTS
    for asks in range(unhurried.asked):
        with pytest.raises(OperatorError, match=f"2026-11-18 of {dataset} takes longer"):
            _computed(dataset, Clock(asks), _day(dataset))


def test_a_day_in_several_passes_is_asked_for_in_each(monkeypatch: pytest.MonkeyPatch) -> None:
    once, often = Clock(10**9), Clock(10**9)
    _computed(Dataset.EVENTS, once, _day(Dataset.EVENTS))
    monkeypatch.setattr(event_publication, "AT_ONCE", AT_ONCE // 100_000)
    _computed(Dataset.EVENTS, often, _day(Dataset.EVENTS))
    assert often.asked >= once.asked + _PARTS
