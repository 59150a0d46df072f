"""What a file becomes is bounded by what it is: its receipt, its rejected rows, its days and names (contract section 3)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.domain.documents import to_json
from processing.domain.receipts import Receipt, UploadStatus
from processing.frames.json_objects import custom_id_types
from processing.ingest import bounds
from processing.ingest.ingest_file import IngestOutcome
from tests.hostile.case import EVENTS, METRICS, event, ndjson
from tests.hostile.large import metrics_csv, metrics_parquet
from tests.support.ingest import ingest

LARGEST_RECEIPT: Final = 256 * 1024
NASTY: Final = '\x01\U000e0001"\\'
"""Letters that take many bytes where they are escaped."""


def receipt_of(outcome: IngestOutcome) -> bytes:
    """What the receipt says of an outcome."""
    at = datetime(2026, 11, 18, tzinfo=UTC)
    blank = Receipt(
        blob="a",
        customer="c",
        dataset="metrics",
        etag="e",
        size=1,
        format=None,
        status=UploadStatus.ACCEPTED,
        received_at=at,
        finished_at=at,
        in_force=None,
    )
    found = replace(blank, rows=outcome.rows, days=outcome.days, error=outcome.problem)
    return to_json(replace(found, rules=outcome.rules, warnings=outcome.warnings))


def near_misses() -> bytes:
    return metrics_csv(*(f"u,user_id{NASTY[0] * 100}{number},2026-11-18,m,1" for number in range(1_000)))


def long_names() -> bytes:
    return metrics_csv("," * 1_023, more="".join(f",{NASTY[:2] * 500}{number}" for number in range(1_019)))


def days(count: int) -> bytes:
    return metrics_csv(*(f"u,i,{date(2023, 1, 1) + timedelta(days=number)},m,1" for number in range(count)))


def every_rule_broken() -> bytes:
    """Events that break each rule with the longest text that is shown of it."""
    long = NASTY * 300
    names = ("timestamp", "event_name", "event_value", "event_metadata", "user", "timeuuid", "is_test")
    rows: list[dict[str, Any] | str] = [event(**{name: f"{long}{number}"}) for name in names for number in range(30)]
    rows += [event(user={"customIDs": {f"{number}{NASTY}": "x" for number in range(101)}})] * 30
    rows += [NASTY * 100] * 30 + ['{"user":"\\ud800' + NASTY * 50] * 30 + [f'{{"a":{"9" * 5_000}}}'] * 30
    return ndjson(*rows)


LARGE_RECEIPTS: Final[dict[str, tuple[str, Dataset, Callable[[], bytes]]]] = {
    "each of a thousand id types comes near": ("2026-11-17/a.csv", METRICS, near_misses),
    "a thousand columns of long names": ("a.csv", METRICS, long_names),
    "eleven hundred days": ("a.csv", METRICS, lambda: days(1_100)),
    "every rule broken": ("a.ndjson", EVENTS, every_rule_broken),
}


@pytest.mark.parametrize("name", LARGE_RECEIPTS)
def test_a_receipt_stays_small_whatever_the_file(name: str) -> None:
    file, dataset, data = LARGE_RECEIPTS[name]
    outcome = ingest(data(), file, dataset).outcome
    assert outcome.rules or outcome.warnings or len(outcome.days) > 1_000
    assert len(receipt_of(outcome)) < LARGEST_RECEIPT


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("too_many_days", [f"u,i,{date(2020, 1, 1) + timedelta(days=n)},m,1" for n in range(1_101)]),
        ("too_many_metric_names", [f"u,i,2026-11-18,m{n},1" for n in range(10_001)]),
        ("too_many_id_types", [f"u,i{n},2026-11-18,m,1" for n in range(1_001)]),
    ],
)
def test_a_file_that_holds_too_much_is_refused_and_one_at_the_bound_is_not(code: str, lines: list[str]) -> None:
    found = ingest(metrics_csv(*lines), "a.csv", METRICS).outcome
    assert found.problem is not None
    assert (found.problem.code, found.rows.read, found.rejected) == (code, 0, None)
    assert ingest(metrics_csv(*lines[1:]), "a.csv", METRICS).outcome.problem is None


def test_what_bad_rows_hold_is_not_counted() -> None:
    lines = [f"u,i{n},2026-11-18,m{n},x" for n in range(20_000)]
    assert ingest(metrics_csv("u,i,2026-11-18,m,1", *lines), "a.csv", METRICS).outcome.problem is None


def test_a_file_of_too_many_rows_is_refused_as_soon_as_they_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_ROWS", 1_000)
    for file, data in (("a.csv", metrics_csv(*["u,i,2026-11-18,m,1"] * 1_001)), ("a.parquet", metrics_parquet(1_001))):
        problem = ingest(data, file, METRICS).outcome.problem
        assert problem is not None
        assert problem.code == "too_many_rows"
    assert ingest(metrics_parquet(1_000), "a.parquet", METRICS).outcome.problem is None


@pytest.mark.parametrize("column", ["id_type", "metric_name", "unit_id"])
def test_names_of_any_length_are_bad_rows(column: str) -> None:
    found = ingest(metrics_parquet(3, **{column: "x" * 100_000}), "a.parquet", METRICS)
    assert found.reasons() == {record: {("length", column)} for record in (1, 2, 3)}


def test_a_user_of_many_ids_or_of_much_text_is_a_bad_row() -> None:
    def user(count: int, size: int = 1) -> dict[str, Any]:
        return event(user={"customIDs": {f"k{number}": "x" * size for number in range(count)}})

    found = ingest(ndjson(user(100), user(101), user(20_000), user(100, 200)), "a.ndjson", EVENTS)
    assert found.outcome.rows.accepted == 1
    assert found.reasons() == {
        2: {("too_many_ids", "user")},
        3: {("length", "user"), ("too_many_ids", "user")},
        4: {("length", "user")},
    }


def rows_below_long_names() -> bytes:
    more = "".join(f",{'n' * 124}{number}" for number in range(1_019))
    return gzip.compress(metrics_csv(*["," * 1_023 + "x"] * 2_000, more=more))


REJECTED: Final[dict[str, tuple[str, Callable[[], bytes], int]]] = {
    "a long text that a dictionary repeats": ("a.parquet", lambda: metrics_parquet(2_000, unit_id="\x01" * 100_000), 8_000),
    "bytes that are no text": ("a.parquet", lambda: metrics_parquet(2_000, unit_id=b"\xff" + b"\x01" * 100_000), 9_000),
    "a header of long names above delimiters": ("a.csv.gz", rows_below_long_names, 800),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_rejected_row_is_not_much_larger_than_what_it_holds(name: str) -> None:
    file, data, most = REJECTED[name]
    found = ingest(data(), file, METRICS)
    assert len(found.rejected) == 2_000
    assert max(len(json.dumps(line)) for line in found.rejected) < most


def custom(**ids: object) -> dict[str, Any]:
    return event(user={"customIDs": ids})


@pytest.mark.parametrize(
    "name",
    ["k{}", "k{}}}", "k{}\\", 'k"{}', ":{}", "{},", "\u00e9{}", 'k{}":"', "{{{}"],
    ids=["plain", "bracket", "backslash", "quote", "colon", "comma", "letter", "marks", "opening bracket"],
)
def test_the_names_of_custom_ids_are_id_types_of_the_file(name: str) -> None:
    def rows(count: int) -> bytes:
        ids = [name.format(number) for number in range(count)]
        return ndjson(*(custom(**dict.fromkeys(ids[start : start + 100], "x}y")) for start in range(0, count, 100)))

    assert ingest(rows(1_000), "a.ndjson", EVENTS).outcome.problem is None
    problem = ingest(rows(1_001), "a.ndjson", EVENTS).outcome.problem
    assert problem is not None
    assert problem.code == "too_many_id_types"


NAMES = st.text('ab":,}{\\é', min_size=1, max_size=5)
VALUES = st.text('x":,}{\\', min_size=1, max_size=3)


@given(st.lists(st.dictionaries(NAMES, VALUES, min_size=1)))
def test_every_name_of_a_custom_id_is_found(users: list[dict[str, str]]) -> None:
    texts = [{"userID": "u", "customIDs": ids, "more": "v"} for ids in users]
    staged = pl.Series([json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in texts], dtype=pl.String)
    assert custom_id_types(staged) == {name for ids in users for name in ids}


def test_names_of_custom_ids_have_127_characters_at_most() -> None:
    found = ingest(
        ndjson(custom(**{"k" * 127: "x"}), custom(**{"k" * 128: "x"}), custom(**{'k"' * 90: "x"})),
        "a.ndjson",
        EVENTS,
    )
    assert found.reasons() == {record: {("custom_id_length", "user")} for record in (2, 3)}
