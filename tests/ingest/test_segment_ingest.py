"""Segment's shape of events: what is staged, in which dataset, and what is turned down, whatever the format (contract 4)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.domain.days import PST
from processing.ingest.readers.segment import EXPOSURE_NAMES
from schemas.customer_config import CustomerConfig
from tests.support.ingest import UPLOADED_AT, Reasons, Row, by_day, ingest
from tests.support.instants import spelt_instants
from tests.support.soak import times
from tests.support.uploads import as_csv, as_ndjson, as_parquet

COLUMNS = ("event", "userId", "anonymousId", "properties", "timestamp", "originalTimestamp", "receivedAt", "messageId")
EXPERIMENT_KEYS = ("experiment", "experimentName", "gate", "gateName", "config", "configName")
GROUP_KEYS = ("group", "groupName", "group_id", "ruleID", "variant")

words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\[]{}<>#=;&$%|"), min_size=1, max_size=8)
instants = spelt_instants(datetime(2000, 1, 1, tzinfo=UTC), UPLOADED_AT + timedelta(days=1))
# Beyond 38 digits a number breaks a rule of its own in NDJSON.
whole_numbers = st.integers(-(2**100), 2**100)
metadata = st.dictionaries(words, st.none() | st.booleans() | whole_numbers | words, max_size=2)
values = st.none() | words | whole_numbers | st.booleans()


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A row of Segment's, sound or not: each part of it may be absent."""
    stamps = {name: draw(st.none() | instants) for name in ("timestamp", "originalTimestamp", "receivedAt")}
    properties: Row = draw(st.dictionaries(words.map(lambda each: f"x{each}"), words, max_size=1))
    if draw(st.booleans()):
        properties |= {"value": draw(values), "metadata": draw(metadata | st.none() | st.just(["not an object"]))}
    if draw(st.booleans()):
        properties |= draw(st.dictionaries(st.sampled_from(EXPERIMENT_KEYS), st.none() | words, max_size=2))
        properties |= draw(st.dictionaries(st.sampled_from(GROUP_KEYS), words | whole_numbers, max_size=2))
    return {
        "event": draw(
            st.sampled_from(EXPOSURE_NAMES)
            | names
            | st.sampled_from([None, "a[b]", "statsig::other", EXPOSURE_NAMES[0].upper()])
        ),
        "userId": draw(st.none() | words),
        "anonymousId": draw(st.none() | words),
        "properties": draw(st.just(properties) | st.none()),
        "messageId": draw(st.none() | words),
        **{name: None if stamp is None else stamp[0] for name, stamp in stamps.items()},
        "meant": next((stamp[1] for stamp in stamps.values() if stamp is not None), None),
    }


def expected(row: Row) -> tuple[Dataset, Row, Reasons]:
    """The dataset of a row, what is staged of it, and why it is not."""
    if row["event"] in EXPOSURE_NAMES:
        return (Dataset.EXPOSURES, *_exposure(row))
    return (Dataset.EVENTS, *_event(row))


def _exposure(row: Row) -> tuple[Row, Reasons]:
    properties = row["properties"] or {}
    staged = {
        "timestamp": row["meant"],
        "experiment": _first(properties, EXPERIMENT_KEYS),
        "group_id": _first(properties, GROUP_KEYS),
        "unit_id": row["userId"] or row["anonymousId"],
        "id_type": "stable_id" if row["userId"] is None and row["anonymousId"] is not None else "user_id",
        "metadata_json": None,
    }
    needed = ("timestamp", "experiment", "group_id", "unit_id")
    return staged, {("required", name) for name in needed if staged[name] is None}


def _event(row: Row) -> tuple[Row, Reasons]:
    properties = row["properties"] or {}
    user = {} if row["userId"] is None else {"userID": row["userId"]}
    user |= {} if row["anonymousId"] is None else {"customIDs": {"stable_id": row["anonymousId"]}}
    about = properties.get("metadata")
    staged = {
        "timestamp": row["meant"],
        "event_name": row["event"],
        "event_value": _text(properties.get("value")),
        "event_metadata": None if about is None else compact(about),
        "user": compact(user) if user else None,
        "timeuuid": None,
        "is_test": False,
    }
    reasons: Reasons = {("required", name) for name in ("timestamp", "event_name", "user") if staged[name] is None}
    if row["event"] == "a[b]":
        reasons.add(("forbidden_character", "event_name"))
    if isinstance(about, list):
        reasons.add(("not_an_object", "event_metadata"))
    return staged, reasons


def _first(properties: Row, keys: Sequence[str]) -> str | None:
    return next((text for key in keys if (text := _text(properties.get(key))) is not None), None)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else compact(value)


def _texts(table: Sequence[Row]) -> list[Row]:
    """Properties as JSON text."""
    return [row | {"properties": json.dumps(row["properties"]) if row["properties"] is not None else None} for row in table]


def _written(table: Sequence[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "meant"} for row in table]


FORMS: Mapping[str, tuple[str, Callable[[list[Row], Sequence[str]], bytes]]] = {
    "csv": ("events/a.csv", lambda table, columns: as_csv(_texts(table), columns)),
    "ndjson": ("events/a.ndjson", as_ndjson),
    "ndjson, properties as text": ("events/a.ndjson", lambda table, columns: as_ndjson(_texts(table), columns)),
    "parquet": ("events/a.parquet", lambda table, columns: as_parquet(_texts(table), columns)),
}


# In CSV a row of nothing at all is a blank line, and no record.
records = rows().filter(
    lambda row: any(str(value).strip() for name, value in row.items() if name != "meant" and value is not None)
)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=times(60))
@given(st.lists(records, min_size=1, max_size=15), st.permutations(COLUMNS))
def test_each_row_goes_to_its_dataset_or_is_rejected_with_its_reasons(form: str, table: list[Row], columns: list[str]) -> None:
    name, write = FORMS[form]
    found = ingest(write(_written(table), columns), name, Dataset.EVENTS)

    known = {record: expected(row) for record, row in enumerate(table, 1)}
    assert found.refused is None
    assert found.reasons() == {record: reasons for record, (_, _, reasons) in known.items() if reasons}
    for dataset in (Dataset.EVENTS, Dataset.EXPOSURES):
        own = {record: staged for record, (route, staged, reasons) in known.items() if route is dataset and not reasons}
        assert found.rows(dataset) == by_day(own)
    sound = [staged for _, staged, reasons in known.values() if not reasons]
    assert found.outcome.days == Counter(PST.day_of(staged["timestamp"]) for staged in sound)
    assert (found.outcome.rows.read, found.outcome.rows.accepted) == (len(table), len(sound))
    assert found.outcome.rows.rejected == len(table) - len(sound)


def test_structs_of_parquet_are_properties_too() -> None:
    row = {
        "event": "buy",
        "userId": 7,
        "originalTimestamp": UPLOADED_AT,
        "properties": {"value": 1.5, "metadata": [("a", "b")]},
    }
    properties = pa.struct([("value", pa.float64()), ("metadata", pa.map_(pa.string(), pa.string()))])
    types = {"userId": pa.int64(), "originalTimestamp": pa.timestamp("us", "UTC"), "properties": properties}
    staged = ingest(as_parquet([row], list(row), types), "a.parquet", Dataset.EVENTS).only_row(Dataset.EVENTS)
    assert staged["timestamp"] == UPLOADED_AT
    assert (staged["user"], staged["event_value"], staged["event_metadata"]) == ('{"userID":"7"}', "1.5", '{"a":"b"}')


def test_our_own_columns_come_before_what_segment_calls_the_same() -> None:
    row = {
        "event": "theirs",
        "event_name": "ours",
        "userId": "theirs",
        "user": {"userID": "ours"},
        "timestamp": "2026-11-18T09:00:00Z",
        "originalTimestamp": "2026-11-17T09:00:00Z",
        "properties": {"value": "theirs"},
        "event_value": "ours",
    }
    found = ingest(as_ndjson([row, row | {"event_name": "", "event_value": None}], list(row)), "a.ndjson", Dataset.EVENTS)
    ((first, second),) = found.rows(Dataset.EVENTS).values()
    assert (first["event_name"], first["event_value"], first["user"]) == ("ours", "ours", '{"userID":"ours"}')
    assert first["timestamp"] == datetime(2026, 11, 18, 9, tzinfo=UTC)
    assert (second["event_name"], second["event_value"]) == ("theirs", "theirs")


GATE: Row = {
    "event": EXPOSURE_NAMES[0],
    "userId": "u",
    "originalTimestamp": "1795000000",
    "properties": {"gate": "g", "group": "x"},
}


def test_below_metrics_segments_shape_is_not_taken() -> None:
    found = ingest(as_ndjson([GATE], list(GATE)), "a.ndjson", Dataset.METRICS)
    # NDJSON has no header: what is not there is null in every row.
    assert found.parts == []
    assert found.outcome.rows.rejected == 1
    problem = ingest(as_csv(_texts([GATE]), list(GATE)), "a.csv", Dataset.METRICS).outcome.problem
    assert problem is not None
    assert problem.code == "missing_column"


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=times(30))
@given(st.lists(records, min_size=1, max_size=15))
def test_below_exposures_the_exposures_are_taken_and_segments_other_records_are_bad_rows(form: str, table: list[Row]) -> None:
    # Two rows that show the shape, whatever the others are.
    table = [{"event": "x", "userId": "u", "meant": None}, {"anonymousId": "a", "meant": None}, *table]
    name, write = FORMS[form]
    table = [dict.fromkeys((*COLUMNS, "meant")) | row for row in table]
    found = ingest(write(_written(table), COLUMNS), name, Dataset.EXPOSURES)

    staged: dict[int, Row] = {}
    wanted: dict[int, Reasons] = {}
    for record, row in enumerate(table, 1):
        exposure, reasons = _exposure(row)
        if row["event"] in EXPOSURE_NAMES:
            if reasons:
                wanted[record] = reasons
            else:
                staged[record] = exposure
        elif row["event"] is not None:
            wanted[record] = {("not_an_exposure", None)}
        else:
            # A record of our own shape, and nothing in it.
            needed = ("experiment", "group_id", "unit_id", *(() if row["timestamp"] else ("timestamp",)))
            wanted[record] = {("required", column) for column in needed}
    assert found.refused is None
    assert found.reasons() == wanted
    assert found.rows(Dataset.EXPOSURES) == by_day(staged)
    assert found.rows(Dataset.EVENTS) == {}
    assert all("events/" in rule.hint for rule in found.outcome.rules if rule.rule == "not_an_exposure")


def test_exposures_of_our_own_shape_stay_what_they_are_beside_columns_that_segment_has_too() -> None:
    row = {"timestamp": "1795000000", "experiment": "x", "group_id": "g", "unit_id": "", "event": "bought", "userId": "u"}
    found = ingest(as_csv([row, row | {"unit_id": "own"}], list(row)), "a.csv", Dataset.EXPOSURES)
    assert found.reasons() == {1: {("required", "unit_id")}}
    assert found.only_row(Dataset.EXPOSURES)["unit_id"] == "own"


@pytest.mark.parametrize("dataset", [Dataset.EVENTS, Dataset.EXPOSURES])
def test_a_record_of_segments_shape_behind_a_thousand_others_is_a_bad_row_whose_hint_names_the_shape(dataset: Dataset) -> None:
    own = {
        Dataset.EVENTS: {"timestamp": 1795000000, "event_name": "e", "user": {"userID": "u"}},
        Dataset.EXPOSURES: {"timestamp": 1795000000, "experiment": "x", "group_id": "g", "unit_id": "u"},
    }[dataset]
    table = [own] * 1_000 + [GATE, {**GATE, **own}, {**own, "event": "no id"}]
    columns = [*own, *GATE]
    found = ingest(as_ndjson(table, columns), "a.ndjson", dataset)
    assert found.reasons() == {1_001: {("segment_record", None)}}
    assert [len(rows) for rows in found.rows(dataset).values()] == [1_002]
    assert "Segment" in found.outcome.rules[0].hint
    assert found.outcome.warnings == ()


@pytest.mark.parametrize("zone", [None, "America/Los_Angeles"])
@pytest.mark.parametrize("names", [["originalTimestamp"], ["timestamp", "receivedAt"], ["originalTimestamp", "receivedAt"]])
def test_instants_without_a_zone_are_read_as_in_a_column_of_our_own(names: list[str], zone: str | None) -> None:
    at, gap = datetime(2026, 11, 18, 1, 2, 3, 4), datetime(2026, 3, 8, 2, 30)  # noqa: DTZ001
    config = CustomerConfig.model_validate(
        {"datasets": {"events": {"timestamp": {"zone": zone}}} if zone else {}, "max_rejected_fraction": 1.0}
    )
    cells = [at, gap, None]
    own = {"event_name": "e", "user": '{"userID":"u"}'}
    ours = ingest(
        as_parquet([own | {"timestamp": each} for each in cells], [*own, "timestamp"], {"timestamp": pa.timestamp("us")}),
        "a.parquet",
        Dataset.EVENTS,
        config=config,
    )
    # Where the columns differ in type, they meet as text.
    for types in (["us", "us"], ["us", "ms"]):
        segments = ingest(
            as_parquet(
                [{"event": "e", "userId": "u", names[0]: each} for each in cells],
                ["event", "userId", *names],
                {name: pa.timestamp(unit) for name, unit in zip(names, types, strict=False)},
            ),
            "a.parquet",
            Dataset.EVENTS,
            config=config,
        )
        assert segments.reasons() == ours.reasons()
        stamps = [
            {day: [row["timestamp"] for row in rows] for day, rows in each.rows(Dataset.EVENTS).items()}
            for each in (ours, segments)
        ]
        assert stamps[0] == stamps[1] != {}


CALLS: tuple[Row, ...] = (
    {"event": "bought", "userId": "u1", "anonymousId": 'd"1', "timestamp": "2026-11-18T09:00:00Z"},
    {"event": "bought", "userId": None, "anonymousId": "d2", "timestamp": "2026-11-18T09:00:00Z"},
    {"event": "bought", "userId": "u3", "anonymousId": None, "timestamp": "2026-11-18T09:00:00Z"},
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("id_type", [None, "anonymous_id", 'device "é"'])
def test_the_config_names_the_id_type_of_anonymous_ids(form: str, id_type: str | None) -> None:
    name, write = FORMS[form]
    part = {} if id_type is None else {"anonymous_id_type": id_type}
    config = CustomerConfig.model_validate({"datasets": {"events": part}})
    calls = [{column: call.get(column) for column in COLUMNS} for call in CALLS]
    found = ingest(write(calls, COLUMNS), name, Dataset.EVENTS, config=config)
    own = id_type or "stable_id"
    users = [json.loads(row["user"]) for rows in found.rows(Dataset.EVENTS).values() for row in rows]
    assert users == [{"userID": "u1", "customIDs": {own: 'd"1'}}, {"customIDs": {own: "d2"}}, {"userID": "u3"}]


@pytest.mark.parametrize("folder", ["events", "exposures"])
def test_exposures_of_anonymous_ids_have_that_id_type_too(folder: str) -> None:
    shown: Row = {
        "event": EXPOSURE_NAMES[0],
        "properties": {"experiment": "e", "group": "g"},
        "timestamp": "2026-11-18T09:00:00Z",
    }
    calls: list[Row] = [{**shown, "userId": "u1", "anonymousId": "d1"}, {**shown, "userId": None, "anonymousId": "d2"}]
    config = CustomerConfig.model_validate({"datasets": {folder: {"anonymous_id_type": "anonymous_id"}}})
    found = ingest(as_ndjson(calls, tuple(calls[0])), f"{folder}/a.ndjson", Dataset(folder), config=config)
    rows = [row for rows in found.rows(Dataset.EXPOSURES).values() for row in rows]
    assert [(row["unit_id"], row["id_type"]) for row in rows] == [("u1", "user_id"), ("d2", "anonymous_id")]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"datasets": {"events": {"anonymous_id_type": "user_id"}}}, "userId"),
        ({"datasets": {"metrics": {"anonymous_id_type": "a"}}}, "metrics have no anonymousId"),
        ({"id_types": ["user_id"], "datasets": {"events": {"anonymous_id_type": "a"}}}, "not among id_types"),
    ],
)
def test_an_id_type_that_cannot_be_meant_is_refused_in_the_config(config: Row, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        CustomerConfig.model_validate(config)
