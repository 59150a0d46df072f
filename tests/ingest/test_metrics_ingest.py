"""metrics: exactly the spoiled rows are rejected, with the right reasons, and what is staged equals the rest cell by cell."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.domain.receipts import RowCounts
from processing.ingest import ingest_file as engine
from processing.ingest import staging
from processing.ingest.ingest_file import IngestRequest, ingest_file
from processing.ingest.readers.csv import reader as csv_reader
from processing.ingest.staging import LocalPart
from schemas.customer_config import CustomerConfig
from tests.support.bytes_source import Bytes
from tests.support.ingest import UPLOAD_DAY, UPLOADED_AT, Ingested, Reasons, Row, Staged, by_day, ingest
from tests.support.soak import times
from tests.support.uploads import as_csv

COLUMNS = ("unit_id", "id_type", "date", "metric_name", "metric_value", "numerator", "denominator", "is_test")

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.one_of(st.tuples(numbers, st.none() | numbers, st.none() | numbers), st.tuples(st.none(), numbers, numbers))
rows = st.builds(
    lambda unit, kind, day, name, value, test: dict(zip(COLUMNS, (unit, kind, day, name, *value, test), strict=True)),
    words.filter(lambda text: "\ufeff" not in text and re.fullmatch(r"-?\d+\.0+", text) is None),
    words,
    st.dates(date(1999, 1, 1), UPLOAD_DAY + timedelta(days=1)),
    words,
    values,
    st.sampled_from([None, True, False]),
)

# What is changed in a row, and the rules that it then breaks: (rule, column).
SPOILERS: list[tuple[dict[str, str], Reasons]] = [
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


def as_text(row: Row) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in row.items()}


def ingest_csv(data: bytes, most: float = 1.0) -> Ingested:
    return ingest(data, "metrics/a.csv", Dataset.METRICS, config=CustomerConfig(max_rejected_fraction=most))


@settings(max_examples=times(150))
@given(spoilt, st.permutations(COLUMNS))
def test_exactly_the_spoilt_rows_are_rejected_with_their_reasons(
    table: list[tuple[Row, tuple[dict[str, str], Reasons] | None]], columns: list[str]
) -> None:
    lines = [{**as_text(row), **(spoiler[0] if spoiler else {})} for row, spoiler in table]
    found = ingest_csv(as_csv(lines, columns))

    good = {number: row for number, (row, spoiler) in enumerate(table, 1) if spoiler is None}
    assert found.outcome.rows.read == len(table)
    assert found.outcome.rows.accepted == len(good)
    assert found.outcome.rows.rejected == len(table) - len(good)
    assert found.outcome.days == Counter(row["date"] for row in good.values())

    assert found.rows(Dataset.METRICS) == by_day(
        {number: {**row, "is_test": bool(row["is_test"])} for number, row in good.items()}
    )

    assert found.reasons() == {number: spoiler[1] for number, (_, spoiler) in enumerate(table, 1) if spoiler}
    for line in found.rejected:
        uploaded = lines[line["record"] - 1]
        assert line["row"] == {name: value for name, value in uploaded.items() if value}
    counts = Counter({(rule.rule, rule.column): rule.count for rule in found.outcome.rules})
    assert counts == Counter(reason for each in found.reasons().values() for reason in each)


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
    found = ingest_csv(as_csv(lines, COLUMNS[:5]))
    outcome = found.outcome
    assert outcome.days == {date(2026, 11, day): 10 for day in (10, 11, 12)}
    for day in outcome.days:
        parts = [part for part in found.parts if part.day == day]
        assert [part.number for part in parts] == list(range(len(parts)))
        values = [value for part in parts for value in part.frame.get_column("metric_value")]
        assert values == sorted(values)


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
    found = ingest_csv(as_csv(lines, COLUMNS), most=0.10)
    outcome = found.outcome
    assert (outcome.problem is not None) is refused
    assert outcome.rows.read == outcome.rows.accepted + outcome.rows.rejected == 100
    assert len(found.rejected) == rejected


def test_a_small_file_has_no_budget() -> None:
    outcome = ingest_csv(
        b"unit_id,id_type,date,metric_name,metric_value\n" + b"u,t,2026-11-18,m,x\n" * 98 + GOOD, most=0.10
    ).outcome
    assert (outcome.problem, outcome.rows.rejected) == (None, 98)


def test_a_receipt_shows_the_first_twenty_and_counts_all() -> None:
    found = ingest_csv(b"unit_id,id_type,date,metric_name,metric_value\n" + b"u,t,2026-11-18,m,%s\n" % (b"y" * 70) * 50)
    (rule,) = found.outcome.rules
    assert (rule.count, len(found.rejected)) == (50, 50)
    assert [example.record for example in rule.examples] == list(range(1, 21))
    assert rule.examples[0].value == "y" * 64
    assert found.rejected[0]["reasons"][0]["value"] == "y" * 64


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"unit_id,id_type,date\n", "missing_column"),
        (b"unit_id,id_type,date,metric_name,metric_value,unit_id\n", "duplicate_column"),
        (b"UNIT_ID, unit_id ,id_type,date,metric_name,metric_value\n", "duplicate_column"),
    ],
)
def test_a_header_that_does_not_fit_refuses_the_file(header: bytes, code: str) -> None:
    found = ingest_csv(header + b"u,t,2026-11-18,m,1\n")
    assert found.outcome.problem is not None
    assert found.outcome.problem.code == code
    assert found.parts == []


def test_names_are_found_after_trimming_and_lower_casing_and_extra_ones_ignored_with_warnings() -> None:
    found = ingest_csv(b" Unit_ID,ID_TYPE,Date,metric_name,metric_value,more\nu,t,2026-11-18,m,1,x\n")
    assert [warning.code for warning in found.outcome.warnings] == ["column_name_differs", "extra_columns"]
    assert found.only_row(Dataset.METRICS)["unit_id"] == "u"


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
    outcome = ingest_csv(as_csv(rows, COLUMNS[:5])).outcome
    assert outcome.problem is not None
    assert outcome.problem.code == "too_many_days"
    assert ingest_csv(as_csv(rows[:-1], COLUMNS[:5])).outcome.problem is None


BAD, GOOD = b",t,2026-11-18,m,1\n", b"u,t,2026-11-18,m,1\n"


def ingest_in_small_blocks(data: bytes, monkeypatch: pytest.MonkeyPatch, **config: float) -> Ingested:
    monkeypatch.setattr(engine, "MOST_EXPLAINED", 300)
    monkeypatch.setattr(csv_reader, "_BLOCK", 20 * len(GOOD))
    header = b"unit_id,id_type,date,metric_name,metric_value\n"
    return ingest(header + data, "metrics/a.csv", Dataset.METRICS, config=CustomerConfig.model_validate(config))


@pytest.mark.parametrize("pattern", [BAD, BAD + BAD + GOOD, BAD + GOOD * 7])
def test_reading_stops_where_enough_rows_are_bad_and_more_than_are_allowed(
    pattern: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ingest_in_small_blocks(pattern * 2_000, monkeypatch)
    rows, problem = found.outcome.rows, found.outcome.problem
    assert problem is not None
    assert problem.code == "too_many_rejected_rows"
    assert f"the first {rows.read:,} rows, behind which reading stopped" in problem.message
    bad = len(found.rejected)
    assert 300 <= bad <= 325
    assert bad > rows.read / 10
    assert rows == RowCounts(read=rows.read, rejected=rows.read)
    assert found.outcome.days == {}
    assert [rule.count for rule in found.outcome.rules] == [bad]
    assert ("no row has unit_id" in problem.message) == (pattern == BAD)


@pytest.mark.parametrize(
    ("data", "config"),
    [
        # Bad ones are more than enough, and never too many.
        (GOOD * 4_500 + BAD * 500, {}),
        ((BAD + GOOD * 9) * 400, {}),
        # The config wants all of it read.
        (BAD * 1_999 + GOOD, {"max_rejected_fraction": 1.0}),
        ((GOOD * 3 + BAD * 7) * 200, {"max_rejected_fraction": 0.7}),
    ],
)
def test_a_file_whose_share_of_bad_rows_is_allowed_is_read_to_its_end(
    data: bytes, config: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ingest_in_small_blocks(data, monkeypatch, **config)
    lines = data.splitlines(keepends=True)
    assert found.outcome.rows.read == len(lines)
    assert len(found.rejected) == lines.count(BAD) > 300
    assert found.outcome.problem is None


def test_a_file_whose_last_rows_are_bad_is_read_up_to_where_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ingest_in_small_blocks(GOOD * 1_000 + BAD * 1_000, monkeypatch)
    assert found.outcome.problem is not None
    assert found.outcome.problem.code == "too_many_rejected_rows"
    assert 300 <= len(found.rejected) <= 325


@pytest.mark.parametrize(("share", "rows", "bad"), [(0.7, 170, 119), (0.1, 170, 17), (0.29, 100, 29), (0.0, 100, 0)])
def test_the_allowed_share_of_bad_rows_is_taken_and_one_row_more_refuses_the_file(share: float, rows: int, bad: int) -> None:
    header = b"unit_id,id_type,date,metric_name,metric_value\n"
    for more, is_refused in ((0, False), (1, True)):
        data = header + BAD * (bad + more) + GOOD * (rows - bad - more)
        found = ingest(data, "a.csv", Dataset.METRICS, config=CustomerConfig(max_rejected_fraction=share))
        assert (found.outcome.problem is not None) == is_refused


def test_a_quoted_empty_field_is_no_value_like_a_bare_one() -> None:
    header = b"unit_id,id_type,date,metric_name,metric_value,is_test\n"
    found = ingest_csv(header + b'"",t,2026-11-18,m,1,""\nu,t,2026-11-18,m,1,""\n')
    assert found.reasons() == {1: {("required", "unit_id")}}
    assert found.only_row(Dataset.METRICS)["is_test"] is False


def test_rows_whose_every_value_the_config_gives_are_taken_or_rejected_all_the_same() -> None:
    constants = {"unit_id": "u", "id_type": "t", "date": "2026-11-18", "metric_name": "m", "metric_value": "1"}
    for values, accepted in ((constants, 3), (constants | {"metric_value": "x"}, 0)):
        config = CustomerConfig.model_validate({"datasets": {"metrics": {"constants": values}}, "max_rejected_fraction": 1.0})
        found = ingest(b"note\na\nb\nc\n", "a.csv", Dataset.METRICS, config=config)
        assert (found.outcome.rows.accepted, found.outcome.rows.rejected) == (accepted, 3 - accepted)
