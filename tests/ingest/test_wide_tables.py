"""Wide tables: a record is a row for each of its values, counts once, and is rejected whole (contract section 4)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from processing.domain.datasets import Dataset
from schemas.customer_config import CustomerConfig
from tests.support.ingest import Ingested, Row, ingest
from tests.support.uploads import as_csv, as_ndjson, as_parquet

DAY = date(2026, 11, 18)
CONFIG = CustomerConfig.model_validate(
    {"max_rejected_fraction": 1, "datasets": {"metrics": {"values": {"revenue": "amount", "sessions": "n"}}}}
)
KEY = {"id_type": "user_id", "date": "2026-11-18"}


def found(rows: list[Row], how: str = "csv", config: CustomerConfig = CONFIG) -> Ingested:
    columns = list(rows[0])
    data = as_csv(rows, columns) if how == "csv" else as_ndjson(rows, columns)
    data = as_parquet(rows, columns) if how == "parquet" else data
    return ingest(data, f"metrics/a.{how}", Dataset.METRICS, config=config)


def values(ingested: Ingested) -> list[tuple[Any, ...]]:
    rows = ingested.rows(Dataset.METRICS).get(DAY, [])
    return sorted((row["unit_id"], row["metric_name"], row["metric_value"]) for row in rows)


@pytest.mark.parametrize("how", ["csv", "ndjson", "parquet"])
def test_a_record_is_a_row_for_each_value_and_counts_once(how: str) -> None:
    rows: list[Row] = [
        {"unit_id": "u", **KEY, "amount": "1.5", "n": "3"},
        {"unit_id": "v", **KEY, "amount": None, "n": "4"},
        {"unit_id": "w", **KEY, "amount": "2", "n": None},
    ]
    ingested = found(rows, how)
    assert values(ingested) == [("u", "revenue", 1.5), ("u", "sessions", 3.0), ("v", "sessions", 4.0), ("w", "revenue", 2.0)]
    assert (ingested.outcome.rows.read, ingested.outcome.rows.accepted, ingested.outcome.days) == (3, 3, {DAY: 3})
    assert ingested.outcome.warnings == ()


def test_a_bad_value_rejects_its_record_whole_and_a_record_without_any_is_none() -> None:
    rows: list[Row] = [
        {"unit_id": "u", **KEY, "amount": "x", "n": "3"},
        {"unit_id": "v", **KEY, "amount": None, "n": None},
        {"unit_id": "w", **KEY, "amount": "inf", "n": "y"},
        {"unit_id": "z", **KEY, "amount": "1", "n": "1"},
    ]
    ingested = found(rows)
    assert values(ingested) == [("z", "revenue", 1.0), ("z", "sessions", 1.0)]
    assert (ingested.outcome.rows.accepted, ingested.outcome.rows.rejected) == (1, 3)
    reasons = ingested.reasons()
    assert ("not_a_number", "amount") in reasons[1]
    assert reasons[2] == {("value_missing", None)}
    assert {("finite", "amount"), ("not_a_number", "n")} <= reasons[3]


def test_rows_that_a_later_record_supersedes_are_told_by_value() -> None:
    rows: list[Row] = [
        {"unit_id": "u", **KEY, "amount": "1", "n": None},
        {"unit_id": "u", **KEY, "amount": None, "n": "1"},
        {"unit_id": "u", **KEY, "amount": "2", "n": None},
    ]
    (warning,) = found(rows).outcome.warnings
    assert (warning.code, warning.count) == ("same_key_in_file", 1)
    assert warning.message.endswith("records 1 and 3")


def test_a_file_may_lack_a_value_column() -> None:
    assert values(found([{"unit_id": "u", **KEY, "n": "1"}])) == [("u", "sessions", 1.0)]


def test_a_file_without_any_of_them_holds_one_metric_in_a_row_as_ever() -> None:
    ingested = found([{"unit_id": "u", **KEY, "metric_name": "m", "metric_value": "1"}])
    assert values(ingested) == [("u", "m", 1.0)]


def test_a_value_may_be_computed() -> None:
    config = {"datasets": {"metrics": {"values": {"revenue": "amount"}, "select": {"amount": "CAST(price AS DOUBLE) * 2"}}}}
    ingested = found([{"unit_id": "u", **KEY, "price": "1.5"}], config=CustomerConfig.model_validate(config))
    assert values(ingested) == [("u", "revenue", 3.0)]


def test_a_masked_value_is_shown_nowhere() -> None:
    config = CONFIG.model_copy(update={"mask_values": ("amount",)})
    ingested = found([{"unit_id": "u", **KEY, "amount": "secret", "n": "1"}], config=config)
    assert "secret" not in str(ingested.rejected) + str(ingested.outcome)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"datasets": {"events": {"values": {"a": "b"}}}}, "only metrics"),
        ({"datasets": {"metrics": {"values": {"a": "date"}}}}, "is no value"),
        ({"datasets": {"metrics": {"values": {"a": "x", "b": "x"}}}}, "twice"),
        ({"metrics": {"a": {"kind": "ratio"}}, "datasets": {"metrics": {"values": {"a": "x"}}}}, "pinned to ratio"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(config: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CustomerConfig.model_validate(config)
