"""metrics: exactly the spoiled rows are rejected, with the right reasons, and what is staged equals the rest cell by cell."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandera.errors
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.domain.days import PST
from processing.tables import staging
from processing.tables.batches import RECORD
from processing.tables.ingest import IngestOutcome, IngestRequest, ingest_file
from processing.tables.rules import compile_rules, raw_column
from processing.tables.staging import LocalPart
from schemas.customer_config import CustomerConfig
from schemas.metrics import metrics
from tests.support.bytes_source import Bytes

UPLOAD_DAY = date(2026, 11, 18)
UPLOADED_AT = PST.start_of(UPLOAD_DAY)
COLUMNS = ("unit_id", "id_type", "date", "metric_name", "metric_value", "numerator", "denominator", "is_test")
Row = dict[str, Any]

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.one_of(st.tuples(numbers, st.none() | numbers, st.none() | numbers), st.tuples(st.none(), numbers, numbers))
rows = st.builds(
    lambda unit, kind, day, name, value, test: dict(zip(COLUMNS, (unit, kind, day, name, *value, test), strict=True)),
    words,
    words,
    st.dates(date(1999, 1, 1), UPLOAD_DAY + timedelta(days=1)),
    words,
    values,
    st.sampled_from([None, True, False]),
)

# What is changed in a row, and the rules that it then breaks: (rule, column).
SPOILERS: list[tuple[dict[str, str], set[tuple[str, str | None]]]] = [
    ({"unit_id": ""}, {("required", "unit_id")}),
    ({"unit_id": "x" * 513}, {("length", "unit_id")}),
    ({"id_type": ""}, {("required", "id_type")}),
    ({"date": "2026-02-29"}, {("not_a_date", "date")}),
    ({"date": "2026-1-1"}, {("not_a_date", "date")}),
    ({"date": "0000-01-01"}, {("not_a_date", "date")}),
    ({"date": "20.11.2026"}, {("not_a_date", "date")}),
    ({"date": "2026-11-20"}, {("date_in_future", "date")}),
    ({"date": ""}, {("required", "date")}),
    ({"metric_name": "x" * 128}, {("length", "metric_name")}),
    ({"metric_value": "twelve"}, {("not_a_number", "metric_value")}),
    ({"metric_value": "1,5"}, {("not_a_number", "metric_value")}),
    ({"metric_value": "nan"}, {("finite", "metric_value")}),
    ({"metric_value": "1e999"}, {("finite", "metric_value")}),
    ({"numerator": "-inf"}, {("finite", "numerator")}),
    ({"metric_value": "", "denominator": ""}, {("value_missing", None)}),
    ({"is_test": "maybe"}, {("not_a_boolean", "is_test")}),
    (
        {"unit_id": "", "metric_value": "x", "date": "x"},
        {("required", "unit_id"), ("not_a_number", "metric_value"), ("not_a_date", "date")},
    ),
]
spoilt = st.lists(st.tuples(rows, st.none() | st.sampled_from(SPOILERS)), min_size=1, max_size=40)


class Staged:
    """Keeps the parts of one ingest."""

    def __init__(self) -> None:
        self.frames: list[tuple[date, int, pl.DataFrame]] = []

    def __call__(self, dataset: Dataset, part: LocalPart) -> None:
        assert dataset is Dataset.METRICS
        frame = pl.read_parquet(part.path)
        assert frame.height == part.rows
        self.frames.append((part.day, part.number, frame))


def as_text(row: Row) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in row.items()}


def ingest(data: bytes, name: str = "metrics/a.csv", most: float = 1.0) -> tuple[IngestOutcome, Staged, list[dict[str, Any]]]:
    staged = Staged()
    config = CustomerConfig(max_rejected_fraction=most)
    request = IngestRequest(name=name, dataset=Dataset.METRICS, uploaded_at=UPLOADED_AT, config=config)
    with tempfile.TemporaryDirectory() as scratch:
        outcome = ingest_file(request, Bytes(data), scratch=Path(scratch), emit=staged)
        lines = outcome.rejected.read_text(encoding="utf-8").splitlines() if outcome.rejected else []
    return outcome, staged, [json.loads(line) for line in lines]


def csv_of(lines: Sequence[dict[str, str]], columns: Sequence[str] = COLUMNS) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


@settings(max_examples=150, deadline=None)
@given(spoilt, st.permutations(COLUMNS))
def test_exactly_the_spoilt_rows_are_rejected_with_their_reasons(
    table: list[tuple[Row, tuple[dict[str, str], set[tuple[str, str | None]]] | None]], columns: list[str]
) -> None:
    lines = [{**as_text(row), **(spoiler[0] if spoiler else {})} for row, spoiler in table]
    outcome, staged, rejected = ingest(csv_of(lines, columns))

    good = {number: row for number, (row, spoiler) in enumerate(table, 1) if spoiler is None}
    assert outcome.rows.read == len(table)
    assert outcome.rows.accepted == len(good)
    assert outcome.rows.rejected == len(table) - len(good)
    assert outcome.days == Counter(row["date"] for row in good.values())

    found = {row.pop(RECORD): row for _, _, frame in staged.frames for row in frame.to_dicts()}
    assert found == {number: {**row, "is_test": bool(row["is_test"])} for number, row in good.items()}
    assert all(row["date"] == day for day, _, frame in staged.frames for row in frame.to_dicts())

    reasons = {line["record"]: {(reason["rule"], reason["column"]) for reason in line["reasons"]} for line in rejected}
    assert reasons == {number: spoiler[1] for number, (_, spoiler) in enumerate(table, 1) if spoiler}
    for line in rejected:
        uploaded = lines[line["record"] - 1]
        assert {name: value or "" for name, value in line["row"].items()} == uploaded
    counts = Counter({(rule.rule, rule.column): rule.count for rule in outcome.rules})
    assert counts == Counter(reason for found in reasons.values() for reason in found)


cells = st.one_of(
    words, st.sampled_from(["", "nan", "inf", "-1", "2026-11-18", "2026-11-20", "true", "x" * 128, "x" * 513, "1e999"])
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {name: st.none() | numbers | st.just(float("nan")) | st.just(float("inf")) for name in COLUMNS[4:7]}
            | {
                "unit_id": st.none() | st.sampled_from(["", "u", "x" * 512, "x" * 513]),
                "id_type": st.none() | words,
                "date": st.none() | st.dates(date(2026, 11, 16), date(2026, 11, 22)),
                "metric_name": st.none() | st.sampled_from(["", "m", "x" * 127, "x" * 128]),
                "is_test": st.booleans(),
            }
        ),
        min_size=1,
        max_size=30,
    )
)
def test_the_compiled_rules_agree_with_pandera(table: list[Row]) -> None:
    """The masks are pandera's checks taken out of pandera: both must turn down the same rows."""
    schema = metrics(latest_day=UPLOAD_DAY + timedelta(days=1))
    dtypes = {name: column.dtype.type for name, column in schema.columns.items()}
    frame = pl.DataFrame(table, schema=dtypes)
    try:
        schema.validate(frame, lazy=True)
        turned_down = set()
    except pandera.errors.SchemaErrors as error:
        turned_down = set(error.failure_cases.get_column("index").to_list())
    # The rules see typed values beside the raw text that they came from; here every text fitted its type.
    raws = frame.with_columns(pl.col(name).cast(pl.String).alias(raw_column(name)) for name in frame.columns)
    masks = raws.select(rule.fails.alias(str(index)) for index, rule in enumerate(compile_rules(schema)))
    assert all(masks.get_column(name).null_count() == 0 for name in masks.columns)
    assert {index for index, row in enumerate(masks.iter_rows()) if any(row)} == turned_down


@pytest.mark.parametrize("limit", [1, 7, 1_000_000])
def test_parts_are_cut_by_rows_alone_and_keep_the_order(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "_ROWS_IN_MEMORY", limit)
    lines = [
        {
            "unit_id": f"u{index}",
            "id_type": "t",
            "date": f"2026-11-{10 + index % 3}",
            "metric_name": "m",
            "metric_value": str(index),
        }
        for index in range(30)
    ]
    outcome, staged, _ = ingest(csv_of(lines, COLUMNS[:5]))
    assert outcome.days == {date(2026, 11, day): 10 for day in (10, 11, 12)}
    for day in outcome.days:
        parts = sorted((number, frame) for each, number, frame in staged.frames if each == day)
        assert [number for number, _ in parts] == list(range(len(parts)))
        records = [record for _, frame in parts for record in frame.get_column(RECORD)]
        assert records == sorted(records)


@pytest.mark.parametrize(("rejected", "refused"), [(10, False), (11, True)])
def test_the_budget_of_bad_rows_is_exact(rejected: int, refused: bool) -> None:
    lines = [
        {
            **as_text(dict.fromkeys(COLUMNS)),
            "unit_id": "u",
            "id_type": "t",
            "date": "2026-11-18",
            "metric_name": "m",
            "metric_value": "bad" if index < rejected else "1",
        }
        for index in range(100)
    ]
    outcome, _, kept = ingest(csv_of(lines), most=0.10)
    assert (outcome.problem is not None) is refused
    assert outcome.rows.read == outcome.rows.accepted + outcome.rows.rejected == 100
    assert len(kept) == rejected


def test_a_small_file_has_no_budget() -> None:
    outcome, _, _ = ingest(b"unit_id,id_type,date,metric_name,metric_value\n" + b"u,t,2026-11-18,m,x\n" * 99, most=0.10)
    assert (outcome.problem, outcome.rows.rejected) == (None, 99)


def test_a_receipt_shows_the_first_twenty_and_counts_all() -> None:
    outcome, _, rejected = ingest(
        b"unit_id,id_type,date,metric_name,metric_value\n" + b"u,t,2026-11-18,m,%s\n" % (b"y" * 70) * 50
    )
    (rule,) = outcome.rules
    assert (rule.count, len(rejected)) == (50, 50)
    assert [example.record for example in rule.examples] == list(range(1, 21))
    assert rule.examples[0].value == "y" * 64
    assert rejected[0]["reasons"][0]["value"] == "y" * 70


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"unit_id,id_type,date\n", "missing_column"),
        (b"unit_id,id_type,date,metric_name,metric_value,unit_id\n", "duplicate_column"),
        (b"UNIT_ID, unit_id ,id_type,date,metric_name,metric_value\n", "duplicate_column"),
    ],
)
def test_a_header_that_does_not_fit_refuses_the_file(header: bytes, code: str) -> None:
    outcome, staged, _ = ingest(header + b"u,t,2026-11-18,m,1\n")
    assert outcome.problem is not None
    assert outcome.problem.code == code
    assert staged.frames == []


def test_names_are_found_after_trimming_and_lower_casing_and_extra_ones_ignored_with_warnings() -> None:
    outcome, staged, _ = ingest(b" Unit_ID,ID_TYPE,Date,metric_name,metric_value,more\nu,t,2026-11-18,m,1,x\n")
    assert [warning.code for warning in outcome.warnings] == ["column_name_differs", "extra_columns"]
    assert staged.frames[0][2].get_column("unit_id").to_list() == ["u"]


class Failing(Bytes):
    """Bytes that can be read only once."""

    def read(self, offset: int, length: int) -> bytes:
        if offset:
            raise OSError("no space")
        return super().read(offset, length)


@pytest.mark.parametrize("part", ["source", "emit"])
def test_errors_of_the_outside_world_pass_through(part: str, tmp_path: Path) -> None:
    def broken(_dataset: Dataset, _part: LocalPart) -> None:
        raise OSError("no space")

    data = b"unit_id,id_type,date,metric_name,metric_value\n" + b"u,t,2026-11-18,m,1\n" * (10**6 if part == "source" else 1)
    request = IngestRequest(name="a.csv", dataset=Dataset.METRICS, uploaded_at=UPLOADED_AT)
    with pytest.raises(OSError, match="no space"):
        ingest_file(request, Failing(data), scratch=tmp_path, emit=broken if part == "emit" else Staged())


def test_a_file_of_too_many_days_is_refused() -> None:
    first = date(2020, 1, 1)
    rows = [
        {"unit_id": "u", "id_type": "t", "date": str(first + timedelta(days=day)), "metric_name": "m", "metric_value": "1"}
        for day in range(1_101)
    ]
    outcome, _, _ = ingest(csv_of(rows, COLUMNS[:5]))
    assert outcome.problem is not None
    assert outcome.problem.code == "too_many_days"
    assert ingest(csv_of(rows[:-1], COLUMNS[:5]))[0].problem is None
