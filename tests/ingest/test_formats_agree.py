"""The same table gives the same counts, days, rules and rows, cell by cell, in whatever format it is uploaded.

What formats cannot express, so that it is not asked of them here:

- CSV and TSV know no null beside the empty field; in the others the empty text is no value either, so nothing is lost.
- CSV and TSV hold text alone, and Parquet columns have one type: a column with a broken date among sound ones can be
  Parquet only as text. What is broken is therefore compared between columns of text.
- JSON knows no NaN, no infinity and no numbers beyond 38 digits or 1e308: written bare they break the whole record, as
  text they break the rule of the column. Parquet's doubles can hold NaN and infinity.
- A Parquet struct has the same members in every row: a null one is left out, so that an explicit null in a user or in
  metadata can be Parquet only as JSON text.
- Only text formats have lines and records that cannot be taken apart, so that `line` is left out of the comparison.
- A Parquet file compresses its own pages; it is not packed as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.ingest.columns.dataset_schemas import columns_of
from processing.ingest.readers.formats import Packing
from tests.support.ingest import UPLOAD_DAY, UPLOADED_AT, Ingested, by_day, ingest
from tests.support.soak import times
from tests.support.uploads import as_csv, as_ndjson, as_parquet, packed

Cells = Mapping[str, str]
Table = list[dict[str, Any]]

_ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_BLANKS = ("", " ", "null", "NULL", "NaN", "-inf", "1e999", "0x10", "\\N", "\ufeff", "true", "TRUE", "0", "no")
_MARKS = ('"', '""', "'", ",", "\t", "a\nb", "a\r\nb", "\r", "\\", "\x1f", "\x00", "x" * 127, "x" * 128, "x" * 513, "🙂" * 64)
_TIMES = (
    "2026-11-18",
    "2026-11-20",
    "2026-02-30",
    "1795000000",
    "1795000000000",
    "2026-11-18T09:00:00Z",
    "2026-11-18T09:00:00",
)
_JSON = ("{}", "[]", '{"a":{"b":[1]}}', '{"userID":"u"}', '{"userID":""}', '{"customIDs":{"a":"b"}}', "1e400", "999999999")
_AWKWARD = st.sampled_from([*_BLANKS, *_MARKS, *_TIMES, *_JSON, "123E4567-e89b-12d3-a456-426614174000"])
_MIXED = st.one_of(_ANY, _AWKWARD)


def _texts(sound: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Mostly sound, so that rows get past the first rule."""
    return st.integers(0, 9).flatmap(lambda dice: _MIXED if dice == 0 else sound)


_NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(repr)
_INSTANTS = st.datetimes(datetime(2002, 1, 1), datetime(2026, 11, 18)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
_INSTANT_TEXTS = st.one_of(
    _INSTANTS.map(lambda at: str(int(at.timestamp()))),
    _INSTANTS.map(lambda at: str(int(at.timestamp() * 1000))),
    _INSTANTS.map(datetime.isoformat),
)
_KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
_OBJECTS = st.dictionaries(
    _KEYS, st.none() | st.booleans() | st.integers() | _ANY | st.lists(_ANY, max_size=2), max_size=3
).map(json.dumps)
_BOOLEANS = st.sampled_from(["true", "False", "1", "0", ""])
_USERS = st.builds(lambda user, more: json.dumps({"userID": user} | more), _NAMES, st.dictionaries(_KEYS, _ANY, max_size=1))

TEXTS: Mapping[Dataset, st.SearchStrategy[dict[str, str]]] = {
    Dataset.METRICS: st.fixed_dictionaries(
        {
            "unit_id": _texts(_NAMES),
            "id_type": _texts(st.sampled_from(["user_id", "UserID", "stable-ids", "company"])),
            "date": _texts(st.dates(date(2026, 11, 10), UPLOAD_DAY).map(date.isoformat)),
            "metric_name": _texts(_NAMES),
            "metric_value": _texts(_NUMBERS | st.just("")),
            "numerator": _texts(_NUMBERS),
            "denominator": _texts(_NUMBERS),
            "is_test": _texts(_BOOLEANS),
        }
    ),
    Dataset.EVENTS: st.fixed_dictionaries(
        {
            "timestamp": _texts(_INSTANT_TEXTS),
            "event_name": _texts(st.sampled_from(["view", "buy now", "a[b]", "größe"])),
            "event_value": _texts(_ANY),
            "event_metadata": _texts(_OBJECTS | st.just("")),
            "user": _texts(_USERS),
            "timeuuid": _texts(st.uuids().map(str) | st.just("")),
            "is_test": _texts(_BOOLEANS),
        }
    ),
    Dataset.EXPOSURES: st.fixed_dictionaries(
        {
            "timestamp": _texts(_INSTANT_TEXTS),
            "experiment": _texts(_NAMES),
            "group_id": _texts(_NAMES),
            "unit_id": _texts(_NAMES),
            "id_type": _texts(st.sampled_from(["", "user_id", "stable_id", "User_Id"])),
            "metadata_json": _texts(_OBJECTS | st.just("")),
        }
    ),
}


class TextForm(NamedTuple):
    """A way to write a table of texts."""

    ending: str
    write: Callable[[Table, Sequence[str]], bytes]


def _with_nulls(rows: Table) -> Table:
    return [{name: text or None for name, text in row.items()} for row in rows]


def _without_empty(rows: Table) -> Table:
    return [{name: text for name, text in row.items() if text} for row in rows]


TEXT_FORMS = {
    "csv, BOM": TextForm("csv", lambda rows, columns: as_csv(rows, columns, bom=True)),
    "csv, CRLF": TextForm("csv", lambda rows, columns: as_csv(rows, columns, newline="\r\n")),
    "csv, no last newline": TextForm("csv", lambda rows, columns: as_csv(rows, columns).removesuffix(b"\n")),
    "csv, BOM, CRLF": TextForm("csv", lambda rows, columns: as_csv(rows, columns, newline="\r\n", bom=True)),
    "tsv": TextForm("tsv", lambda rows, columns: as_csv(rows, columns, delimiter="\t")),
    "tsv, BOM, CRLF": TextForm("tsv", lambda rows, columns: as_csv(rows, columns, delimiter="\t", newline="\r\n", bom=True)),
    "ndjson": TextForm("ndjson", as_ndjson),
    "ndjson, BOM, CRLF": TextForm("jsonl", lambda rows, columns: as_ndjson(rows, columns, newline="\r\n", bom=True)),
    "ndjson, escapes": TextForm("json", lambda rows, columns: as_ndjson(rows, columns, ascii_only=True)),
    "ndjson, nulls": TextForm("ndjson", lambda rows, columns: as_ndjson(_with_nulls(rows), columns)),
    "ndjson, nothing for empty": TextForm("ndjson", lambda rows, columns: as_ndjson(_without_empty(rows), columns)),
    "parquet": TextForm("parquet", as_parquet),
    "parquet, nulls": TextForm("parquet", lambda rows, columns: as_parquet(_with_nulls(rows), columns, compression="zstd")),
    "parquet, dictionaries and small groups": TextForm(
        "parquet",
        lambda rows, columns: as_parquet(
            rows, columns, dict.fromkeys(columns, pa.dictionary(pa.int32(), pa.string())), row_group_size=2
        ),
    ),
}


def _seen(dataset: Dataset, found: Ingested) -> dict[str, Any]:
    """All that must not depend on the format, ready to be compared."""
    outcome = found.outcome
    return {
        "rows": outcome.rows,
        "days": outcome.days,
        "rules": [
            (rule.rule, rule.column, rule.count, rule.hint, [(example.record, example.value) for example in rule.examples])
            for rule in outcome.rules
        ],
        "warnings": outcome.warnings,
        # Only text has a first line.
        "problem": outcome.problem
        and (outcome.problem.code, outcome.problem.message.partition(" The first line was")[0].rstrip(".")),
        "staged": found.rows(dataset),
        "parts": [(part.day, part.number, part.frame.schema) for part in found.parts],
        "reasons": {line["record"]: line["reasons"] for line in found.rejected},
        # A field may be empty, null or absent: that is what formats differ in.
        "rejected": {line["record"]: {name: text for name, text in line["row"].items() if text} for line in found.rejected},
    }


@pytest.mark.parametrize("dataset", TEXTS)
@settings(max_examples=times(40))
@given(st.data())
def test_a_table_of_texts_gives_the_same_in_every_format(dataset: Dataset, data: st.DataObject) -> None:
    rows = data.draw(st.lists(TEXTS[dataset], min_size=1, max_size=12))
    usual = columns_of(dataset)
    plain = ingest(as_csv(rows, usual), "a.csv", dataset)
    expected = _seen(dataset, plain)
    assert plain.refused is None
    for name in data.draw(st.lists(st.sampled_from(sorted(TEXT_FORMS)), min_size=3, max_size=3, unique=True)):
        form = TEXT_FORMS[name]
        columns = data.draw(st.permutations(usual))
        packing = data.draw(st.sampled_from(Packing)) if form.ending != "parquet" else Packing.PLAIN
        file = packed(form.write(rows, columns), packing)
        found = ingest(file, f"a.{form.ending}" + (f".{packing}" if packing else ""), dataset)
        assert _seen(dataset, found) == expected, name


# Sound rows as each format's own types have them: numbers, truth values, dates, instants, objects, structs and maps.
_FLOATS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_PLAIN_MAPS = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), _ANY, max_size=3)
_USER_VALUES = st.builds(
    lambda user, custom: ({} if user is None else {"userID": user}) | ({} if custom is None else {"customIDs": custom}),
    st.none() | _NAMES,
    st.none() | st.dictionaries(_KEYS, _NAMES, min_size=1, max_size=2),
).filter(bool)
_MOMENTS = _INSTANTS
TYPED: Mapping[Dataset, st.SearchStrategy[dict[str, Any]]] = {
    Dataset.METRICS: st.fixed_dictionaries(
        {
            "unit_id": st.integers(-(2**63), 2**63 - 1),
            "id_type": _NAMES,
            "date": st.dates(date(1, 1, 1), UPLOAD_DAY + timedelta(days=1)),
            "metric_name": _NAMES,
            "metric_value": st.floats(allow_nan=False, allow_infinity=False),
            "numerator": _FLOATS,
            "denominator": _FLOATS,
            "is_test": st.none() | st.booleans(),
        }
    ),
    Dataset.EVENTS: st.fixed_dictionaries(
        {
            "timestamp": _MOMENTS,
            "event_name": st.sampled_from(["view", "buy now"]),
            "event_value": st.none() | st.integers(-(2**63), 2**63 - 1),
            "event_metadata": st.none() | _PLAIN_MAPS,
            "user": _USER_VALUES,
            "timeuuid": st.none() | st.uuids().map(str),
            "is_test": st.none() | st.booleans(),
        }
    ),
    Dataset.EXPOSURES: st.fixed_dictionaries(
        {
            "timestamp": _MOMENTS,
            "experiment": _NAMES,
            "group_id": st.integers(-(2**63), 2**63 - 1),
            "unit_id": st.integers(-(2**63), 2**63 - 1),
            "id_type": st.none() | st.sampled_from(["user_id", "company"]),
            "metadata_json": st.none() | _PLAIN_MAPS,
        }
    ),
}
_MAP = pa.map_(pa.string(), pa.string())
ARROW: Mapping[str, Any] = {
    "date": pa.date32(),
    "metric_value": pa.float64(),
    "numerator": pa.float64(),
    "denominator": pa.float64(),
    "is_test": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "event_value": pa.int64(),
    "event_metadata": _MAP,
    "metadata_json": _MAP,
    "user": pa.struct([("userID", pa.string()), ("customIDs", _MAP)]),
    "unit_id": pa.int64(),
    "group_id": pa.int64(),
}
_INTEGER_TEXTS = {"group_id", "unit_id", "event_value"}


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _as_arrow(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.keys() & {"userID", "customIDs"}:
        return value | ({"customIDs": list(value["customIDs"].items())} if "customIDs" in value else {})
    return list(value.items())


def _staged_cell(name: str, value: Any) -> Any:
    """What the contract makes of a sound value."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if value is None:
        return {"is_test": False, "id_type": "user_id"}.get(name)
    return str(value) if name in _INTEGER_TEXTS else value


@pytest.mark.parametrize("dataset", TYPED)
@settings(max_examples=times(40))
@given(st.data())
def test_sound_values_of_each_formats_own_types_are_staged_as_they_are(dataset: Dataset, data: st.DataObject) -> None:
    rows = data.draw(st.lists(TYPED[dataset], min_size=1, max_size=8))
    columns = data.draw(st.permutations(columns_of(dataset)))
    texts = [{name: _as_text(value) for name, value in row.items()} for row in rows]
    objects = [{name: _as_json(value) for name, value in row.items()} for row in rows]
    arrows = [{name: _as_arrow(value) for name, value in row.items()} for row in rows]
    files = {
        "a.csv": as_csv(texts, columns),
        "a.ndjson": as_ndjson(objects, columns),
        "a.parquet": as_parquet(arrows, columns, ARROW),
    }
    expected = {record: {name: _staged_cell(name, row[name]) for name in columns} for record, row in enumerate(rows, 1)}
    outcomes = []
    for name, file in files.items():
        found = ingest(file, name, dataset)
        assert found.reasons() == {}, name
        assert found.rows(dataset) == by_day(expected), name
        outcomes.append((found.outcome.rows, found.outcome.days, found.outcome.warnings))
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.parametrize("column", ["metric_value", "numerator"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_breaks_the_record_and_elsewhere_the_rule(column: str, value: float) -> None:
    row = {"unit_id": "u", "id_type": "t", "date": "2026-11-18", "metric_name": "m", column: value}
    finite = {1: {("finite", column)}}
    assert ingest(as_csv([row], list(row)), "a.csv", Dataset.METRICS).reasons() == finite
    assert ingest(as_parquet([row], list(row), {column: pa.float64()}), "a.parquet", Dataset.METRICS).reasons() == finite
    assert ingest(as_ndjson([row | {column: str(value)}], list(row)), "a.ndjson", Dataset.METRICS).reasons() == finite
    assert ingest(as_ndjson([row], list(row)), "a.ndjson", Dataset.METRICS).reasons() == {1: {("not_json", None)}}


def test_times_of_every_unit_and_zone_of_parquet_are_the_same_instant() -> None:
    at = UPLOADED_AT - timedelta(hours=1)
    types = [
        pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in ("UTC", "America/Los_Angeles", "+05:30", None)
    ]
    row = {"event_name": "e", "user": '{"userID":"u"}'}
    for kind in types:
        file = as_parquet(
            [row | {"timestamp": at if kind.tz else at.replace(tzinfo=None)}], ["timestamp", *row], {"timestamp": kind}
        )
        staged = ingest(file, "a.parquet", Dataset.EVENTS).only_row(Dataset.EVENTS)
        assert staged["timestamp"] == at, kind
