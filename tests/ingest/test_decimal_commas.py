"""A decimal comma is read in every column of numbers, in every format, and behind expressions (contract section 3)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from processing.domain.datasets import Dataset
from schemas.customer_config import CustomerConfig
from tests.support.ingest import Ingested, Row, ingest


def csv(rows: list[Row]) -> bytes:
    texts = [{name: json.dumps(value) if isinstance(value, dict) else value for name, value in row.items()} for row in rows]
    return pl.DataFrame(texts).write_csv(separator=";").encode()


def ndjson(rows: list[Row]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(rows: list[Row]) -> bytes:
    data = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), data)
    return data.getvalue()


FORMS: Mapping[str, Callable[[list[Row]], bytes]] = {"csv": csv, "ndjson": ndjson, "parquet": parquet}


def read(form: str, rows: list[Row], dataset: Dataset = Dataset.METRICS, **part: Any) -> Ingested:
    part["csv"] = {"decimal": ",", "delimiter": ";"}
    config = CustomerConfig.model_validate({"datasets": {dataset: part}})
    return ingest(FORMS[form](rows), f"{dataset}/a.{form}", dataset, config=config)


def metric(**values: Any) -> Row:
    return {"unit_id": "u1", "id_type": "user_id", "date": "2026-11-18", "metric_name": "m", **values}


def column(found: Ingested, name: str, dataset: Dataset = Dataset.METRICS) -> list[Any]:
    return [row[name] for rows in found.rows(dataset).values() for row in rows]


@pytest.mark.parametrize("form", FORMS)
def test_every_number_of_metrics_may_have_one(form: str) -> None:
    found = read(form, [metric(metric_value="1,5", numerator="-0,25", denominator="2e3")])
    assert [column(found, name) for name in ("metric_value", "numerator", "denominator")] == [[1.5], [-0.25], [2000.0]]


@pytest.mark.parametrize("form", FORMS)
def test_the_values_of_a_wide_table_may_have_one(form: str) -> None:
    rows = [{"unit_id": "u1", "id_type": "user_id", "date": "2026-11-18", "amount": "1,5", "sessions": "3"}]
    found = read(form, rows, values={"revenue": "amount", "sessions": "sessions"})
    assert column(found, "metric_value") == [1.5, 3.0]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("amount", [12.5, 3.0]),
        ("TRIM(amount)", [12.5, 3.0]),
        ("amount * 2", [25.0, 6.0]),
        ("CAST(amount AS DOUBLE)", [12.5, 3.0]),
        ("ROUND(amount / 4, 1)", [3.1, 0.8]),
        ("COALESCE(amount, '0')", [12.5, 3.0]),
        ("CASE WHEN amount > 5 THEN amount ELSE amount * 1.5 END", [12.5, 4.5]),
        ("REPLACE(amount, ',', '.')", [12.5, 3.0]),
        ("REPLACE(amount, '2', '4')", [14.5, 3.0]),
        ("amount || '1'", [12.51, 31.0]),
        ("GREATEST(amount, 4)", [12.5, 4.0]),
        ("COALESCE(NULLIF(amount, '3'), '0,5')", [12.5, 0.5]),
        ("0.5", [0.5, 0.5]),
        ("more.price", [2.5, 2.25]),
        ("more.price + amount", [15.0, 5.25]),
    ],
)
def test_an_expression_reads_one(form: str, sql: str, values: list[float]) -> None:
    rows = [metric(amount="12,5", more={"price": "2,5"}), metric(amount="3", more={"price": "2.25"})]
    found = read(form, rows, select={"metric_value": sql})
    assert not found.outcome.rules
    assert column(found, "metric_value") == values


def test_numbers_of_json_have_a_point_whatever_its_texts_have() -> None:
    found = read("ndjson", [metric(metric_value=1.25), metric(metric_value="1,5"), metric(metric_value=2)])
    assert column(found, "metric_value") == [1.25, 1.5, 2.0]


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("select", [{}, {"metric_value": "TRIM(metric_value)"}, {"metric_value": "metric_value + 0"}])
def test_a_point_in_text_means_thousands_and_is_turned_down(form: str, select: Mapping[str, str]) -> None:
    found = read(
        form, [metric(metric_value="1,5"), metric(metric_value="1.234"), metric(metric_value="1.234,5")], select=select
    )
    assert column(found, "metric_value") == [1.5]
    (rule,) = found.outcome.rules
    # What an expression cannot read has no value.
    assert (rule.rule, rule.count) == ("value_missing" if "+" in select.get("metric_value", "") else "not_a_number", 2)


@pytest.mark.parametrize("form", FORMS)
def test_both_in_one_text_are_no_number_in_any_format(form: str) -> None:
    assert read(form, [metric(metric_value="1,5"), metric(metric_value="1.234,5")]).outcome.rows.rejected == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_condition_reads_one(form: str) -> None:
    found = read(form, [metric(metric_value="12,5"), metric(metric_value="3")], where="metric_value > 12.4")
    assert column(found, "metric_value") == [12.5]


VALUES = ["12,5", "-0,5e3", ",5", "a, b", "1,2,3", "12", None, "v1.2", "1.234,5"]
STAGED = ["12.5", "-0.5e3", ".5", "a, b", "1,2,3", "12", None, "v1.2", "1.234,5"]


def event(value: str | None, **more: Any) -> Row:
    return {"timestamp": "2026-11-18T09:00:00Z", "event_name": "e", "user": '{"userID":"u1"}', "event_value": value, **more}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("select", [{}, {"event_value": "event_value"}])
def test_the_value_of_an_event_counts_as_a_number_with_it(form: str, select: Mapping[str, str]) -> None:
    found = read(form, [event(value) for value in VALUES], Dataset.EVENTS, select=select)
    assert column(found, "event_value", Dataset.EVENTS) == STAGED


@pytest.mark.parametrize("form", FORMS)
def test_so_does_the_value_of_segments_events(form: str) -> None:
    call = {"event": "e", "userId": "u1", "timestamp": "2026-11-18T09:00:00Z"}
    rows = [{**call, "properties": {"value": value}} for value in ("12,5", "2.5", "x")]
    assert column(read(form, rows, Dataset.EVENTS), "event_value", Dataset.EVENTS) == ["12.5", "2.5", "x"]


def test_without_the_config_a_comma_is_none() -> None:
    found = ingest(ndjson([event("12,5")]), "events/a.ndjson", Dataset.EVENTS)
    assert column(found, "event_value", Dataset.EVENTS) == ["12,5"]
    assert ingest(parquet([metric(metric_value="1,5")]), "metrics/a.parquet", Dataset.METRICS).outcome.rows.accepted == 0


def test_constants_of_the_config_have_either() -> None:
    for text in ("0,5", "0.5"):
        assert column(read("csv", [metric()], constants={"metric_value": text}), "metric_value") == [0.5]
