"""Ids that look like none are accepted with a warning, and what is no id at all is rejected (contract section 4)."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from processing.domain.datasets import Dataset
from schemas.customer_config import CustomerConfig
from tests.support.ingest import Ingested, ingest

HEADER = "unit_id,id_type,date,metric_name,metric_value"


def metrics(*ids: str, id_type: str = "user_id", config: CustomerConfig | None = None) -> Ingested:
    rows = "".join(f'"{each}",{id_type},2026-11-18,m,1\n' for each in ids)
    return ingest(f"{HEADER}\n{rows}".encode(), "metrics/a.csv", Dataset.METRICS, config=config or CustomerConfig())


def unlikely(found: Ingested) -> dict[str, int]:
    return {each.message: each.count for each in found.outcome.warnings if each.code == "unlikely_ids"}


def parquet(ids: Any) -> bytes:
    table = pa.table(
        {
            "unit_id": ids,
            "id_type": ["user_id"] * len(ids),
            "date": ["2026-11-18"] * len(ids),
            "metric_name": ["m"] * len(ids),
            "metric_value": [1.0] * len(ids),
        }
    )
    data = io.BytesIO()
    pq.write_table(table, data)
    return data.getvalue()


@pytest.mark.parametrize(
    "text",
    ["null", "NULL", "undefined", "NaN", "nan", "None", "N/A", "[object Object]", "00000000-0000-0000-0000-000000000000"],
)
def test_texts_that_stand_for_nobody_are_counted(text: str) -> None:
    ((message, count),) = unlikely(metrics(text, "u1", text)).items()
    assert count == 2
    assert repr(text) in message


@pytest.mark.parametrize("text", ["9.9E+15", "9.91214E+15", "1,5E+12", "1e+20"])
def test_ids_in_scientific_notation_have_lost_digits(text: str) -> None:
    ((message, count),) = unlikely(metrics(text, "u1")).items()
    assert count == 1
    assert "lost digits" in message


@pytest.mark.parametrize(
    "text", ["u1", "0", "nullable", "12e45678", "1e5", "e+5", "nobody@null", "00000000-0000-0000-0000-000000000001"]
)
def test_other_ids_are_taken_without_a_word(text: str) -> None:
    assert unlikely(metrics(text)) == {}


def test_users_of_events_are_looked_at_too() -> None:
    users: Sequence[dict[str, Any]] = [
        {"userID": "null"},
        {"userID": "u1", "customIDs": {"stable_id": "undefined"}},
        {"customIDs": {"device": "a", "stable_id": "NaN"}},
        {"userID": "u1"},
        {"userID": "9.9E+15"},
    ]
    data = "".join(json.dumps({"timestamp": 1795000000, "event_name": "e", "user": user}) + "\n" for user in users)
    found = ingest(data.encode(), "events/a.ndjson", Dataset.EVENTS)
    assert sorted(unlikely(found).values()) == [1, 3]


def test_masked_ids_are_counted_and_not_shown() -> None:
    ((message, count),) = unlikely(metrics("null", config=CustomerConfig.model_validate({"mask_values": True}))).items()
    assert count == 1
    assert "'null'" not in message


def test_an_id_type_that_stands_for_nothing_is_told() -> None:
    ((message, count),) = unlikely(metrics("u1", "u2", id_type="null")).items()
    assert count == 2
    assert "id_type" in message


def test_floating_point_ids_beyond_what_they_can_tell_apart_are_counted() -> None:
    found = ingest(parquet(pa.array([2.0**53, 123.0, None], pa.float64())), "metrics/a.parquet", Dataset.METRICS)
    ((message, count),) = unlikely(found).items()
    assert (count, "2^53" in message) == (1, True)


@pytest.mark.parametrize(
    "ids",
    [pa.array([True, False]), pa.array([{"a": 1}, {"a": 2}]), pa.array([["a"], ["b"]])],
    ids=["truth values", "structs", "lists"],
)
def test_what_is_no_id_is_rejected_in_parquet(ids: Any) -> None:
    found = ingest(parquet(ids), "metrics/a.parquet", Dataset.METRICS)
    assert [(rule.rule, rule.column, rule.count) for rule in found.outcome.rules] == [("not_an_id", "unit_id", 2)]


def test_a_whole_number_with_an_empty_fraction_is_that_number_in_every_format() -> None:
    record = '{"unit_id":123.0,"id_type":"user_id","date":"2026-11-18","metric_name":"m","metric_value":1}\n'
    found = [
        metrics("123.0"),
        metrics("123.000"),
        metrics("\ufeff123"),
        ingest(record.encode(), "metrics/a.ndjson", Dataset.METRICS),
        ingest(record.replace("123.0", '"123.0"').encode(), "metrics/a.ndjson", Dataset.METRICS),
        ingest(parquet(pa.array([123.0])), "metrics/a.parquet", Dataset.METRICS),
        ingest(parquet(pa.array(["123.0"])), "metrics/a.parquet", Dataset.METRICS),
    ]
    assert [each.only_row(Dataset.METRICS)["unit_id"] for each in found] == ["123"] * len(found)


def test_a_parquet_column_that_the_engine_has_no_type_for_is_passed_over_and_told_where_it_is_read() -> None:
    own = pl.DataFrame(
        {"unit_id": ["u1"], "id_type": ["user_id"], "date": ["2026-11-18"], "metric_name": ["m"], "metric_value": [1.0]}
    )
    data = io.BytesIO()
    own.with_columns(big=pl.lit(2**100, pl.Int128)).write_parquet(data)
    found = ingest(data.getvalue(), "metrics/a.parquet", Dataset.METRICS)
    assert found.only_row(Dataset.METRICS)["unit_id"] == "u1"
    assert [each.code for each in found.outcome.warnings] == ["extra_columns"]


def test_calls_of_segment_that_are_no_events_are_filtered_even_where_there_is_no_other() -> None:
    calls = [
        {"type": each, "userId": "u1", "messageId": "m", "timestamp": "2026-11-18T09:00:00Z"} for each in ("page", "identify")
    ]
    track = {"type": "track", "event": "bought", "userId": "u1", "messageId": "m", "timestamp": "2026-11-18T09:00:00Z"}
    mixed = ingest("".join(json.dumps(each) + "\n" for each in (*calls, track)).encode(), "events/a.json", Dataset.EVENTS)
    assert (mixed.outcome.rows.accepted, mixed.outcome.rows.filtered, mixed.outcome.rows.rejected) == (1, 2, 0)
    alone = ingest("".join(json.dumps(each) + "\n" for each in calls).encode(), "events/a.json", Dataset.EVENTS)
    assert (alone.outcome.rows.filtered, alone.outcome.rows.rejected) == (2, 0)
