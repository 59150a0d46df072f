"""A day of events: repeats dropped, ids found, counts and sums right, whatever the parts and memory (contract 4 and 8)."""

from __future__ import annotations

import io
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.publication import shuffle
from processing.publication.events import compute as event_publication
from processing.publication.events.user_ids import find_ids
from processing.publication.model import DayInput
from schemas.rules import INSTANT
from tests.support.days import DAY, ComputedDay, Row, computed, staged_part
from tests.support.soak import times

SCHEMA = {
    "timestamp": INSTANT,
    "event_name": pl.String,
    "event_value": pl.String,
    "event_metadata": pl.String,
    "user": pl.String,
    "timeuuid": pl.String,
    "is_test": pl.Boolean,
}
START = datetime(2026, 11, 18, 8, tzinfo=UTC)
NUMBERS: dict[str | None, float | None] = {
    None: None,
    "": None,
    "1": 1.0,
    "-2.5": -2.5,
    "+4e2": 400.0,
    "0": 0.0,
    "ten": None,
    "1,5": None,
    "0x10": None,
    " 1": None,
    "nan": None,
    "inf": None,
    "1e999": None,
}
"""event_value, and the number that it writes."""


class Id(NamedTuple):
    """A value in JSON, and the id that it is."""

    value: Any
    text: str | None


NOBODY = [Id("", None), Id(None, None), Id(True, None), Id(False, None), Id([1], None), Id({"a": "b"}, None)]
SOMEBODY = [
    Id("u1", "u1"),
    Id("u2", "u2"),
    Id('quo"te\\', 'quo"te\\'),
    Id("é🙂", "é🙂"),
    Id(" ", " "),
    Id(5, "5"),
    Id("5", "5"),
    Id(5.0, "5"),
    Id(-0.25, "-0.25"),
    Id(1e-9, "0.000000001"),
    Id(1e22, "10000000000000000000000"),
    Id(12345678901234567890123, "12345678901234567890123"),
    Id(0, "0"),
]
ids = st.sampled_from([*NOBODY, *SOMEBODY, *SOMEBODY])
ID_TYPES = ["stable_id", "é🙂", "", "user_id", "User_ID", 'a"b']


class User(NamedTuple):
    """A user's text and what it names: id types with their ids, and the userID."""

    text: str | None
    ids: frozenset[tuple[str, str]]
    user_id: str | None


@st.composite
def users(draw: st.DrawFn) -> User:
    value: dict[str, Any] = {}
    found = set()
    user_id = draw(ids) if draw(st.booleans()) else Id(None, None)
    if user_id.value is not None or draw(st.booleans()):
        value["userID"] = user_id.value
    if draw(st.booleans()):
        custom: Any = draw(
            st.dictionaries(st.sampled_from(ID_TYPES), ids, max_size=3) | st.sampled_from(["no object", None, 3])
        )
        is_object = isinstance(custom, dict)
        value["customIDs"] = {kind: each.value for kind, each in custom.items()} if is_object else custom
        found |= {(kind, each.text) for kind, each in custom.items() if each.text is not None} if is_object else set()
    if draw(st.booleans()):
        value["country"] = "NZ"
    if user_id.text is not None:
        found.add(("user_id", user_id.text))
    return User(json.dumps(value, ensure_ascii=False, separators=(",", ":")), frozenset(found), user_id.text)


UUIDS = [f"0000000{digit}-0000-4000-8000-000000000000" for digit in range(4)]


class Event(NamedTuple):
    row: Row
    user: User


events = st.builds(
    lambda second, name, value, metadata, user, uuid, test: Event(
        {
            "timestamp": START + timedelta(seconds=second, microseconds=second),
            "event_name": name,
            "event_value": value,
            "event_metadata": metadata,
            "user": user.text,
            "timeuuid": uuid,
            "is_test": test,
        },
        user,
    ),
    st.integers(0, 5),
    st.sampled_from(["view", "buy", "🙂"]),
    st.sampled_from(list(NUMBERS)),
    st.sampled_from([None, "{}", '{"long":"' + "x" * 100 + '"}']),
    users() | st.just(User(None, frozenset(), None)),
    st.none() | st.sampled_from(UUIDS),
    st.sampled_from([False, False, False, True]),
)


class Limits(NamedTuple):
    rows: int = 2_000_000
    bytes: int = 2**28
    at_once: int = 100_000
    in_one_pass: int = 2**28
    users: int = 2**22


limits = st.builds(
    Limits,
    st.sampled_from([1, 5, 10**6]),
    st.sampled_from([1, 3_000, 2**28]),
    st.sampled_from([1, 3, 10**5]),
    st.sampled_from([2_500, 2**28]),
    st.sampled_from([1, 60, 2**22]),
)


def compute(inputs: Iterable[DayInput], limit: Limits) -> ComputedDay:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle, "_ROWS_IN_MEMORY", limit.rows)
        patch.setattr(shuffle, "_BYTES_IN_MEMORY", limit.bytes)
        patch.setattr(event_publication, "_ROWS_AT_ONCE", limit.at_once)
        patch.setattr(event_publication, "_USERS_AT_ONCE", limit.users)
        patch.setattr(event_publication, "AT_ONCE", limit.in_one_pass)
        patch.setattr(event_publication, "_BUCKETS", 4)
        return computed(Dataset.EVENTS, inputs)


def parts_of(tables: Sequence[Sequence[Event]]) -> list[DayInput]:
    return [staged_part(order, [event.row for event in table], SCHEMA) for order, table in enumerate(tables)]


def kept(tables: Sequence[Sequence[Event]]) -> list[Event]:
    """The day's clean events, by plain loops, in the order of the parts."""
    seen = set()
    found = []
    for event in (event for table in tables for event in table if not event.row["is_test"]):
        uuid = event.row["timeuuid"]
        if uuid is None or uuid not in seen:
            found.append(event)
        seen.add(uuid)
    return found


@settings(max_examples=times(120))
@given(st.lists(st.lists(events, max_size=10), max_size=4), limits, st.randoms(use_true_random=False))
def test_a_day_is_what_a_plain_loop_makes_of_it(tables: list[list[Event]], limit: Limits, random: Any) -> None:
    inputs = parts_of(tables)
    random.shuffle(inputs)  # which row is the earlier one is told by the parts' order, not by when they come
    day = compute(inputs, limit)
    expected = kept(tables)

    def row_of(event: Event) -> Row:
        row = {name: value for name, value in event.row.items() if name != "is_test"}
        return row | {"event_value_numeric": NUMBERS[event.row["event_value"]], "user_id": event.user.user_id}

    assert Counter(map(items_of, day.rows("events"))) == Counter(items_of(row_of(event)) for event in expected)
    assert day.result.rows == len(expected)
    assert day.result.test_rows == sum(event.row["is_test"] for table in tables for event in table)
    assert day.result.input_rows == tuple(len(tables[each.order]) for each in inputs)
    assert sum(day.result.input_rows) == day.result.rows + day.result.superseded + day.result.test_rows

    totals = {(row["metric_name"], row["id_type"]): row for row in day.rows("metric_days")}
    assert list(totals) == sorted(totals)
    assert len(totals) == len(day.rows("metric_days"))
    check_totals(totals, expected)
    check_units(day.rows("event_units"), expected)


def check_totals(totals: dict[tuple[str, str], Row], expected: Sequence[Event]) -> None:
    count: dict[tuple[str, str], int] = defaultdict(int)
    units: dict[tuple[str, str], set[str]] = defaultdict(set)
    numbers: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in expected:
        number = NUMBERS[event.row["event_value"]]
        for id_type in {id_type for id_type, _ in event.user.ids}:
            key = (event.row["event_name"], id_type)
            count[key] += 1
            units[key] |= {unit for each, unit in event.user.ids if each == id_type}
            numbers[key] += [] if number is None else [number]
    assert totals.keys() == count.keys()
    for key, row in totals.items():
        assert row.pop("kind") == "event"
        assert row.pop("count") == count[key]
        assert row.pop("units") == len(units[key])
        found = row.pop("sum")
        assert (found is None) if not numbers[key] else math.isclose(found, sum(numbers[key]), rel_tol=1e-9, abs_tol=1e-9)
        assert {row.pop("metric_name"), row.pop("id_type")} == set(key)
        assert set(row.values()) == {None}


def check_units(found: list[Row], expected: Sequence[Event]) -> None:
    numbers: dict[tuple[str, str, str], list[float | None]] = defaultdict(list)
    for event in expected:
        for id_type, unit in event.user.ids:
            numbers[event.row["event_name"], id_type, unit].append(NUMBERS[event.row["event_value"]])
    rows = {(row["event_name"], row["id_type"], row["unit_id"]): (row["count"], row["sum"]) for row in found}
    assert len(rows) == len(found)
    assert rows.keys() == numbers.keys()
    for key, values in numbers.items():
        count, total = rows[key]
        present = [each for each in values if each is not None]
        assert count == len(values)
        assert (total is None) if not present else math.isclose(total, sum(present), rel_tol=1e-9, abs_tol=1e-9)


def items_of(row: Row) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(row.items()))


def event(second: int = 0, *, value: str | None = None, user: str = '{"userID":"u"}', uuid: str | None = None) -> Event:
    row = {
        "timestamp": START + timedelta(seconds=second),
        "event_name": "view",
        "event_value": value,
        "event_metadata": None,
        "user": user,
        "timeuuid": uuid,
        "is_test": False,
    }
    return Event(row, User(user, frozenset({("user_id", "u")}), "u"))


def replaced(event: Event, name: str) -> Event:
    return event._replace(row=event.row | {"event_name": name})


def custom_ids(count: int, owner: int = 0) -> str:
    return '{"customIDs":{' + ",".join(f'"k{number}":"v{owner}-{number}"' for number in range(count)) + "}}"


@pytest.mark.parametrize("spelling", ["plain", "escaped"])
def test_ids_take_memory_in_proportion_to_the_text_of_their_users(spelling: str) -> None:
    text = custom_ids(50_000)
    users = pl.Series([text if spelling == "plain" else text.replace('"v0-0"', '"\\u0076"')])
    found = find_ids(users)
    assert found.height == 50_000
    assert found.estimated_size() < 8 * len(text)


def test_rows_are_looked_at_so_many_at_a_time_that_their_ids_stay_few() -> None:
    texts = [custom_ids(20_000, owner) for owner in range(40)]
    rows = pl.DataFrame({"user": [None, *texts, *["{}"] * 1_000]})
    slices = list(event_publication._slices(rows))
    assert pl.concat(slices).equals(rows)
    sizes = [int(each.get_column("user").str.len_bytes().sum() or 0) for each in slices]
    assert 1 < len(slices) < 10
    assert max(sizes) <= event_publication._USERS_AT_ONCE


def test_a_user_larger_than_what_is_looked_at_at_once_is_looked_at_alone() -> None:
    day = compute(parts_of([[event(user=custom_ids(200)), event(), event(user=custom_ids(300))]]), Limits(users=1_000))
    assert day.result.rows == 3
    assert len(day.rows("metric_days")) == 301


def test_rows_stand_by_time_then_as_they_were_uploaded() -> None:
    tables = [[event(2, value="a"), event(1, value="b")], [event(1, value="c"), event(0, value="d"), event(2, value="e")]]
    inputs = parts_of(tables)
    for each in (inputs, inputs[::-1]):
        assert [row["event_value"] for row in compute(each, Limits()).rows("events")] == ["d", "b", "c", "a", "e"]


def test_the_same_inputs_give_the_same_files() -> None:
    users = [f'{{"userID":"u{number % 30}"}}' for number in range(40)]
    tables = [
        [event(second % 7, value=str(second), uuid=UUIDS[second % 4]) for second in range(40)],
        [event(value="0.1", user=user) for user in users],
    ]
    first, second = (compute(parts_of(tables), Limits(rows=10)) for _ in range(2))
    assert len(first.files["events"]) > 1
    assert first.files["events"] == second.files["events"]
    assert len(first.files["event_units"]) > 1
    assert first.files["event_units"] == second.files["event_units"]
    assert first.rows("metric_days") == second.rows("metric_days")


def test_the_earliest_of_rows_with_one_timeuuid_is_kept_though_its_timestamp_is_later() -> None:
    tables = [[event(5, value="first", uuid=UUIDS[0])], [event(1, value="second", uuid=UUIDS[0])]]
    day = compute(parts_of(tables), Limits())
    assert [row["event_value"] for row in day.rows("events")] == ["first"]
    assert (day.result.rows, day.result.superseded) == (1, 1)


def test_units_are_distinct_over_buckets_and_parts() -> None:
    tables = [[event(user=f'{{"userID":"u{number % 50}"}}') for number in range(200)] for _ in range(3)]
    (row,) = compute(parts_of(tables), Limits(rows=20, at_once=7)).rows("metric_days")
    assert (row["count"], row["units"], row["sum"]) == (600, 50, None)


def test_files_of_event_units_are_in_the_order_of_event_id_type_and_unit() -> None:
    names = ("view", "buy", "load")
    tables = [
        [
            replaced(event(user=f'{{"userID":"u{number % 50}","customIDs":{{"c":"{number % 7}"}}}}'), names[number % 3])
            for number in range(300)
        ]
    ]
    for limit in (Limits(), Limits(rows=20, at_once=7)):
        day = compute(parts_of(tables), limit)
        assert (len(day.files["event_units"]) > 1) == (limit.rows == 20)
        for data in day.files["event_units"]:
            keys = list(pl.read_parquet(io.BytesIO(data)).select("event_name", "id_type", "unit_id").iter_rows())
            assert keys == sorted(keys)


def test_an_event_counts_once_for_a_unit_that_it_names_twice_and_for_each_of_two_ids_of_one_type() -> None:
    same, other = (f'{{"userID":"u","customIDs":{{"user_id":"{unit}"}}}}' for unit in ("u", "v"))
    day = compute(parts_of([[event(value="2", user=same), event(value="3", user=other)]]), Limits())
    units = {row["unit_id"]: (row["count"], row["sum"]) for row in day.rows("event_units")}
    assert units == {"u": (2, 5.0), "v": (1, 3.0)}
    (total,) = day.rows("metric_days")
    assert (total["count"], total["units"], total["sum"]) == (2, 2, 5.0)


@pytest.mark.parametrize("limit", [Limits(), Limits(rows=1, at_once=1)], ids=["at once", "one by one"])
def test_the_sum_of_a_unit_passes_the_largest_float_on_the_way_or_is_null(limit: Limits) -> None:
    values: dict[str, list[str | None]] = {
        "over": ["1e308", "1e308"],
        "back": ["1e308", "1e308", "-1e308", "5"],
        "plain": ["1", "2"],
        "none": [None],
    }
    tables = [[event(value=value, user=f'{{"userID":"{unit}"}}')] for unit, every in values.items() for value in every]
    day = compute(parts_of(tables), limit)
    sums = {row["unit_id"]: row["sum"] for row in day.rows("event_units")}
    assert sums == {"over": None, "back": pytest.approx(1e308), "plain": 3.0, "none": None}
    assert day.result.overflowed == 2  # that of the unit, and that of the day


def test_a_day_without_rows_has_no_files() -> None:
    for inputs in ([], parts_of([[]])):
        day = compute(inputs, Limits())
        assert [output.table for output in day.result.outputs] == ["events", "event_units", "metric_days"]
        assert not any(output.files for output in day.result.outputs)
        assert [dict(output.partition) for output in day.result.outputs] == [
            {"pst_date": DAY.isoformat()},
            {"pst_date": DAY.isoformat()},
            {"dataset": "events", "pst_date": DAY.isoformat()},
        ]
        assert (day.result.rows, day.result.superseded, day.result.test_rows) == (0, 0, 0)


def test_test_rows_hide_no_event_of_their_timeuuid() -> None:
    hidden = event(value="test", uuid=UUIDS[0])
    hidden.row["is_test"] = True
    day = compute(parts_of([[hidden, event(value="real", uuid=UUIDS[0])]]), Limits())
    assert [row["event_value"] for row in day.rows("events")] == ["real"]
    assert [row["count"] for row in day.rows("event_units")] == [1]
    assert (day.result.rows, day.result.superseded, day.result.test_rows) == (1, 0, 1)
