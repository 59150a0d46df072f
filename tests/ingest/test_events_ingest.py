"""events and exposures: exactly the spoilt rows are rejected, with the right reasons, and the rest is staged cell by cell."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.domain.days import PST
from processing.ingest.columns.dataset_schemas import columns_of
from schemas.customer_config import CustomerConfig
from tests.support.ingest import UPLOADED_AT, Reasons, Row, by_day, ingest
from tests.support.instants import spelt_instants
from tests.support.soak import times
from tests.support.uploads import as_csv, as_ndjson, as_parquet

LATEST = UPLOADED_AT + timedelta(days=1)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
ID_TYPES = ("user_id", "stable_id", "company")
CONFIG = CustomerConfig(max_rejected_fraction=1.0, id_types=ID_TYPES)


class Sound(NamedTuple):
    """A row that breaks no rule."""

    texts: dict[str, str]
    staged: Row


Spoiler = tuple[dict[str, str], Reasons]
"""What is changed in a row, and the rules that it then breaks."""


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=10)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\[]{}<>#=;&$%|"), min_size=1, max_size=10)
# `1.0` is the id `1`, and a mark of the encoding is none.
plain_ids = words.filter(lambda text: "\ufeff" not in text and re.fullmatch(r"-?\d+\.0+", text) is None)
# Beyond 38 digits a number breaks a rule of its own in NDJSON.
whole_numbers = st.integers(-(2**100), 2**100)
ids = words | whole_numbers | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | whole_numbers | st.floats(allow_nan=False, allow_infinity=False) | any_text
nested = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(any_text, inner, max_size=2), max_leaves=4
)
objects = st.dictionaries(any_text, nested, max_size=3)
users = st.one_of(
    st.builds(lambda user, more: {"userID": user} | more, ids, st.dictionaries(words, nested, max_size=2)),
    st.builds(lambda custom: {"customIDs": custom}, st.dictionaries(any_text, ids, min_size=1, max_size=2)),
    st.builds(lambda user, custom: {"userID": user, "customIDs": custom}, ids, nested),
    st.builds(lambda custom, more: {"userID": "", "customIDs": custom | more}, st.just({"a": "b"}), st.just({"c": None})),
).filter(
    lambda user: (
        (user.get("userID") != "" or "customIDs" in user)
        # The name of a custom id is an id type, which is not empty.
        and not (isinstance(user.get("customIDs"), dict) and "" in user["customIDs"])
    )
)


def flat(value: Row | None) -> str | None:
    """An object one level deep: what lies deeper is text."""
    if value is None:
        return None
    return compact({key: compact(each) if isinstance(each, dict | list) else each for key, each in value.items()})


@st.composite
def sound_events(draw: st.DrawFn) -> Sound:
    written, at = draw(spelt_instants(EARLIEST, LATEST))
    metadata, user, uuid = draw(st.none() | objects), draw(users), draw(st.none() | st.uuids())
    value = draw(any_text | st.text(min_size=127, max_size=127, alphabet="é🙂"))
    name = draw(names | st.just("🙂" * 127))
    test = draw(st.sampled_from(["", "true", "FALSE", "1", "0"]))
    indent = draw(st.sampled_from([None, 1]))
    upper = draw(st.booleans())
    return Sound(
        texts={
            "timestamp": written,
            "event_name": name,
            "event_value": value,
            "event_metadata": "" if metadata is None else json.dumps(metadata, indent=indent),
            "user": json.dumps(user, ensure_ascii=upper),
            "timeuuid": "" if uuid is None else str(uuid).upper() if upper else str(uuid),
            "is_test": test,
        },
        staged={
            "timestamp": at,
            "event_name": name,
            "event_value": value or None,
            "event_metadata": flat(metadata),
            "user": compact(user),
            "timeuuid": None if uuid is None else str(uuid),
            "is_test": test in ("true", "1"),
        },
    )


@st.composite
def sound_exposures(draw: st.DrawFn) -> Sound:
    written, at = draw(spelt_instants(EARLIEST, LATEST))
    metadata, id_type = draw(st.none() | objects), draw(st.sampled_from(["", *ID_TYPES]))
    experiment, group, unit = draw(words | st.just("é" * 127)), draw(words), draw(plain_ids | st.just("🙂" * 512))
    return Sound(
        texts={
            "timestamp": written,
            "experiment": experiment,
            "group_id": group,
            "unit_id": unit,
            "id_type": id_type,
            "metadata_json": "" if metadata is None else json.dumps(metadata),
        },
        staged={
            "timestamp": at,
            "experiment": experiment,
            "group_id": group,
            "unit_id": unit,
            "id_type": id_type or "user_id",
            "metadata_json": flat(metadata),
        },
    )


def spoilers(rule: str, column: str, *texts: str) -> list[Spoiler]:
    return [({column: text}, {(rule, column)}) for text in texts]


TIMESTAMPS = [
    *spoilers("required", "timestamp", ""),
    *spoilers("before_2000", "timestamp", "1999-12-31T23:59:59.999999999Z", "2000-01-01T00:00+00:01", "0000000001", "0" * 19),
    *spoilers("before_2000", "timestamp", "0001-01-01T00:00:00Z", "1969-12-31 23:59:59-00:00"),
    *spoilers("timestamp_in_future", "timestamp", (LATEST + timedelta(microseconds=1)).isoformat(), "9" * 10, "9" * 13),
    *spoilers("timestamp_in_future", "timestamp", "9" * 16, "9" * 19, "9223372036854775808"),
    *spoilers("timestamp_in_future", "timestamp", "9999-12-31T23:59:59Z", str(int(LATEST.timestamp()) + 1)),
    *spoilers("not_a_timestamp", "timestamp", "yesterday", "179500000", "17950000000", "-1795000000"),
    *spoilers("not_a_timestamp", "timestamp", "1795000000.5", " 1795000000", "1795000000 ", "+1795000000", "1.795e9", "0x6afd"),
    *spoilers("not_a_timestamp", "timestamp", "2026-11-18", "2026-11-18T09:00:00", "2026-11-18T09Z", "20261118T0900"),
    *spoilers("not_a_timestamp", "timestamp", "2026-02-29T09:00:00Z", "2026-11-18T24:00:00Z", "2026-11-18T09:60:00Z"),
    *spoilers("not_a_timestamp", "timestamp", "2026-11-18T09:00:00.Z", "2026-11-18T09:00:00,Z", "2026-11-18T09:00:00  Z"),
    *spoilers("not_a_timestamp", "timestamp", "2026-11-18T09:00:00+1", "2026-11-18T09:00:00+01:0", "2026-11-18T09:00:00UTC"),
    *spoilers("not_a_timestamp", "timestamp", "26-11-18T09:00:00Z", "2026-13-01T09:00:00Z", "2026-11-18T09:00:00.1234567890Z"),
    *spoilers("not_a_timestamp", "timestamp", "٠١٢٣٤", "２０26-11-18T09:00:00Z", "2026-11-18T09:00:00Z\n", "\ufeff1795000000"),
]
OBJECTS = (
    *("[]", "1", "true", "null", '"x"', "{", "{}}", "{'a': 1}", '{"a": NaN}', '{"a": Infinity}', '{"a": 1e400}', "plan=pro"),
    *('{"a": "\\ud800"}', '{"\\udc00": 1}', '{"a": 1,}', "{a: 1}", '{"a": 1} {"b": 2}', "\ufeff{}", '{"a": "\n"}', "[" * 9_000),
)
SPOILERS: Mapping[Dataset, list[Spoiler]] = {
    Dataset.EVENTS: [
        *TIMESTAMPS,
        *spoilers("required", "event_name", ""),
        *spoilers("length", "event_name", "x" * 128, "é" * 128),
        *spoilers("forbidden_character", "event_name", *(f"a{mark}b" for mark in "\\[]{}<>#=;&$%|\t\n\r\x00\x1f\x7f")),
        ({"event_name": "x" * 127 + "["}, {("length", "event_name"), ("forbidden_character", "event_name")}),
        *spoilers("length", "event_value", "x" * 128, "🙂" * 128),
        *spoilers("not_an_object", "event_metadata", *OBJECTS),
        *spoilers("length", "event_metadata", compact({"a": "x" * 16_377})),
        *spoilers("required", "user", ""),
        *spoilers("user_without_id", "user", "u1", '"u1"', '["u1"]', "7", "{}", '{"userID": ""}', '{"userID": null}'),
        *spoilers(
            "user_without_id", "user", '{"userID": true}', '{"userID": ["u"]}', '{"userid": "u"}', '{"userID": "u"', "null"
        ),
        *spoilers("user_without_id", "user", '{"customIDs": {}}', '{"customIDs": {"a": ""}}', '{"customIDs": {"a": null}}'),
        *spoilers("user_without_id", "user", '{"customIDs": ["a"]}', '{"customIDs": "a"}', '{"userID": "\\ud800"}'),
        *spoilers("not_a_uuid", "timeuuid", "x", "123e4567e89b12d3a456426614174000", "{123e4567-e89b-12d3-a456-426614174000}"),
        *spoilers(
            "not_a_uuid", "timeuuid", "123e4567-e89b-12d3-a456-42661417400g", "123e4567-e89b-12d3-a456-4266141740000", " "
        ),
        *spoilers("not_a_boolean", "is_test", "maybe", "yes", "2", "t", " true"),
    ],
    Dataset.EXPOSURES: [
        *TIMESTAMPS,
        *spoilers("required", "experiment", ""),
        *spoilers("length", "experiment", "x" * 128),
        *spoilers("required", "group_id", ""),
        *spoilers("required", "unit_id", ""),
        *spoilers("length", "unit_id", "x" * 513),
        *spoilers("not_listed", "id_type", "User_ID", "user", "device"),
        *spoilers("not_an_object", "metadata_json", *OBJECTS),
        *spoilers("length", "metadata_json", compact({"a": "x" * 16_377})),
    ],
}
SOUND = {Dataset.EVENTS: sound_events(), Dataset.EXPOSURES: sound_exposures()}


def _with_objects(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> bytes:
    """NDJSON whose users and metadata are objects where their texts are JSON, as the engine understands it."""
    return as_ndjson([{name: _embedded(name, text) for name, text in row.items()} for row in rows], columns)


def _embedded(name: str, text: str) -> Any:
    if name not in ("user", "event_metadata", "metadata_json") or text == "null" or "1e400" in text or "\\ud" in text:
        return text
    try:
        return json.loads(text, parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError, RecursionError):
        return text


FORMS: Mapping[str, tuple[str, Callable[[Sequence[Mapping[str, str]], Sequence[str]], bytes]]] = {
    "csv": ("a.csv", as_csv),
    "ndjson": ("a.ndjson", as_ndjson),
    "ndjson with objects": ("a.ndjson", _with_objects),
    "parquet": ("a.parquet", as_parquet),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dataset", SOUND)
@settings(max_examples=times(50))
@given(st.data())
def test_exactly_the_spoilt_rows_are_rejected_with_their_reasons(dataset: Dataset, form: str, data: st.DataObject) -> None:
    several = st.lists(st.sampled_from(SPOILERS[dataset]), min_size=1, max_size=3, unique_by=lambda each: str(each[0].keys()))
    table = data.draw(st.lists(st.tuples(SOUND[dataset], st.just([]) | several), min_size=1, max_size=15))
    columns = data.draw(st.permutations(columns_of(dataset)))
    lines = [_spoilt(row.texts, spoiled) for row, spoiled in table]
    name, write = FORMS[form]
    found = ingest(write(lines, columns), name, dataset, config=CONFIG)

    sound = {record: row.staged for record, (row, spoiled) in enumerate(table, 1) if not spoiled}
    broken = {record: spoiled for record, (_, spoiled) in enumerate(table, 1) if spoiled}
    assert found.refused is None
    assert (found.outcome.rows.read, found.outcome.rows.accepted) == (len(table), len(sound))
    assert (found.outcome.rows.rejected, found.outcome.rows.filtered) == (len(broken), 0)
    assert found.rows(dataset) == by_day(sound)
    assert found.outcome.days == Counter(PST.day_of(row["timestamp"]) for row in sound.values())
    assert found.reasons() == {record: set().union(*(reasons for _, reasons in each)) for record, each in broken.items()}
    counts = Counter({(rule.rule, rule.column): rule.count for rule in found.outcome.rules})
    assert counts == Counter(reason for each in found.reasons().values() for reason in each)
    if form != "ndjson with objects":
        # Without what is empty, and of what is long the beginning.
        shown = {line["record"]: {name: text for name, text in line["row"].items() if text} for line in found.rejected}
        assert shown == {record: {name: text[:1_024] for name, text in lines[record - 1].items() if text} for record in broken}


def _spoilt(texts: dict[str, str], spoiled: Sequence[Spoiler]) -> dict[str, str]:
    return texts | {column: text for changes, _ in spoiled for column, text in changes.items()}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dataset", SOUND)
def test_every_spoiler_is_found_beside_a_sound_row(dataset: Dataset, form: str) -> None:
    """All of them in one file, whatever a random choice may miss."""
    texts = {
        Dataset.EVENTS: {"timestamp": "1795000000", "event_name": "e", "user": '{"userID":"u"}'},
        Dataset.EXPOSURES: {"timestamp": "1795000000", "experiment": "e", "group_id": "g", "unit_id": "u"},
    }[dataset]
    usual = dict.fromkeys(columns_of(dataset), "") | texts
    lines = [usual, *(usual | changes for changes, _ in SPOILERS[dataset]), usual]
    name, write = FORMS[form]
    found = ingest(write(lines, list(usual)), name, dataset, config=CONFIG)
    assert found.reasons() == {record: reasons for record, (_, reasons) in enumerate(SPOILERS[dataset], 2)}
    assert [len(rows) for rows in found.rows(dataset).values()] == [2]
