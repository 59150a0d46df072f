"""Days of exposures: each unit's very first one is kept, once, whatever the parts and memory (contract 8)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.publication import shuffle
from processing.publication.exposures import compute as exposure_publication
from processing.publication.model import DayInput
from schemas.rules import INSTANT
from tests.support.days import DAY, ComputedDay, Row, computed, staged_part
from tests.support.soak import times

SCHEMA = {
    "timestamp": INSTANT,
    "experiment": pl.String,
    "group_id": pl.String,
    "unit_id": pl.String,
    "id_type": pl.String,
    "metadata_json": pl.String,
}
START = datetime(2026, 11, 18, 8, tzinfo=UTC)
Key = tuple[str, str, str]


class Limits(NamedTuple):
    rows: int = 2_000_000
    bytes: int = 2**28
    keys: int = 10**6


limits = st.builds(
    Limits, st.sampled_from([1, 5, 20, 10**6]), st.sampled_from([1, 2_000, 2**28]), st.sampled_from([1, 3, 10**6])
)


def exposure(
    second: int, experiment: str, group: str, unit: str, *, id_type: str = "user_id", metadata: str | None = None
) -> Row:
    return {
        "timestamp": START + timedelta(seconds=second),
        "experiment": experiment,
        "group_id": group,
        "unit_id": unit,
        "id_type": id_type,
        "metadata_json": metadata,
    }


exposures = st.builds(
    exposure,
    st.integers(0, 4),
    st.sampled_from(["e1", "e2", "é🙂"]),
    st.sampled_from(["control", "test", ""]),
    st.sampled_from(["u1", "u2", "e1", "é", "x" * 100]),
    id_type=st.sampled_from(["user_id", "stable_id"]),
    metadata=st.sampled_from([None, "{}", '{"a":1}']),
)
tables = st.lists(st.lists(exposures, max_size=12), max_size=4)


def compute(inputs: Iterable[DayInput], limit: Limits, *, day: date = DAY, earlier: Iterable[bytes] = ()) -> ComputedDay:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle, "_ROWS_IN_MEMORY", limit.rows)
        patch.setattr(shuffle, "_BYTES_IN_MEMORY", limit.bytes)
        patch.setattr(exposure_publication, "_BUCKETS", 4)
        patch.setattr(exposure_publication, "_KEYS_AT_ONCE", limit.keys)
        return computed(Dataset.EXPOSURES, inputs, day=day, earlier=earlier)


def parts_of(parts: Sequence[Sequence[Row]]) -> list[DayInput]:
    return [staged_part(order, rows, SCHEMA) for order, rows in enumerate(parts)]


def key_of(row: Row) -> Key:
    return row["experiment"], row["id_type"], row["unit_id"]


def firsts_of(parts: Sequence[Sequence[Row]], gone: set[Key]) -> dict[Key, Row]:
    """By plain loops: of two rows of one instant the one that was uploaded first stays."""
    found: dict[Key, Row] = {}
    for row in (row for rows in parts for row in rows):
        key = key_of(row)
        if key not in gone and (key not in found or row["timestamp"] < found[key]["timestamp"]):
            found[key] = row
    return found


@settings(max_examples=times(60))
@given(st.lists(st.tuples(tables, limits), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_days_are_what_plain_loops_make_of_them(days: list[tuple[list[list[Row]], Limits]], random: Any) -> None:
    gone: set[Key] = set()
    earlier: list[bytes] = []
    for number, (parts, limit) in enumerate(days):
        inputs = parts_of(parts)
        random.shuffle(inputs)  # which row was first is told by the parts' order, not by when they come
        random.shuffle(earlier)
        day = compute(inputs, limit, day=DAY + timedelta(days=number), earlier=iter(earlier))
        expected = firsts_of(parts, gone)
        rows = day.rows("first_exposures")
        assert len(rows) == len(expected)
        assert {key_of(row): row for row in rows} == expected
        for data in day.files["first_exposures"]:
            keys = [key_of(row) for row in pl.read_parquet(io.BytesIO(data)).to_dicts()]
            assert keys == sorted(keys)
        assert day.result.rows == sum(day.result.input_rows) == sum(map(len, parts))
        assert day.result.input_rows == tuple(len(parts[each.order]) for each in inputs)
        assert (day.result.superseded, day.result.test_rows) == (0, 0)
        gone |= expected.keys()
        earlier += day.files["first_exposures"]


@settings(max_examples=times(60))
@given(tables, tables, limits, limits)
def test_the_digest_of_the_keys_tells_whether_they_are_the_same(
    one: list[list[Row]], other: list[list[Row]], limit: Limits, another: Limits
) -> None:
    first, again = compute(parts_of(one), limit), compute(parts_of(one[::-1]), another)
    assert first.result.first_keys == again.result.first_keys
    changed = compute(parts_of(other), another)
    same = firsts_of(one, set()).keys() == firsts_of(other, set()).keys()
    assert (changed.result.first_keys == first.result.first_keys) == same


def test_of_two_exposures_at_one_instant_the_one_uploaded_first_counts() -> None:
    parts = [[exposure(1, "e", "b", "u"), exposure(1, "e", "c", "u")], [exposure(1, "e", "a", "u")]]
    for inputs in (parts_of(parts), parts_of(parts)[::-1]):
        assert [row["group_id"] for row in compute(inputs, Limits()).rows("first_exposures")] == ["b"]


def test_the_same_inputs_give_the_same_files() -> None:
    parts = [[exposure(number % 3, "e", str(number), f"u{number % 40}") for number in range(200)] for _ in range(2)]
    first, second = (compute(parts_of(parts), Limits(rows=10)) for _ in range(2))
    assert len(first.files["first_exposures"]) > 1
    assert first.files == second.files


def test_a_day_without_rows_has_no_files_and_reads_no_earlier_ones() -> None:
    def earlier() -> Iterator[bytes]:
        raise AssertionError("an earlier file was asked for")
        yield b""

    for inputs in ([], parts_of([[]])):
        day = compute(inputs, Limits(), earlier=earlier())
        (output,) = day.result.outputs
        assert (output.table, dict(output.partition), output.files) == (
            "first_exposures",
            {"pst_date": DAY.isoformat()},
            (),
        )
        assert day.result.rows == 0


def test_a_day_whose_units_were_all_seen_before_has_rows_and_no_files() -> None:
    earlier = compute(parts_of([[exposure(0, "e", "a", "u1"), exposure(0, "e", "a", "u2")]]), Limits())
    day = compute(parts_of([[exposure(0, "e", "b", "u1")]]), Limits(), earlier=earlier.files["first_exposures"])
    assert (day.result.rows, day.files) == (1, {"first_exposures": []})
