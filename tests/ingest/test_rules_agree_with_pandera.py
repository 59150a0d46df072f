"""What ingest evaluates, pandera by the same rules, and the contract in plain Python: all turn down the same rows alike."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandera.errors
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.ingest.columns.dataset_schemas import SchemaContext, kind_of
from processing.ingest.columns.rules import all_rules
from schemas.dataset_schema import DatasetSchema
from schemas.pandera_schema import pandera_schema
from schemas.rule import raw_column
from tests.support.ingest import UPLOAD_DAY, UPLOADED_AT
from tests.support.soak import times

ID_TYPES = ("user_id", "größe")
CONTEXTS = {
    "any id type": SchemaContext(uploaded_at=UPLOADED_AT),
    "listed id types": SchemaContext(uploaded_at=UPLOADED_AT, id_types=ID_TYPES),
    "pinned kinds": SchemaContext(uploaded_at=UPLOADED_AT, kinds={"x": "value", "[": "ratio"}),
}
_LATEST = UPLOADED_AT + timedelta(days=1)
_TICK = timedelta(microseconds=1)


def _near(*lengths: int) -> st.SearchStrategy[str]:
    """Text about as long as these."""
    around = sorted({max(0, length + step) for length in lengths for step in (-1, 0, 1)})
    return st.builds(lambda char, length: char * length, st.sampled_from("xé🙂["), st.sampled_from(around))


_ANY = st.text(max_size=3)
_NUMBERS = st.none() | st.floats()
_INSTANTS = st.one_of(
    st.sampled_from(
        [at + step for at in (datetime(2000, 1, 1, tzinfo=UTC), _LATEST) for step in (-_TICK, timedelta(0), _TICK)]
    ),
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
)
_ID_TYPES = st.sampled_from([*ID_TYPES, "USER_ID", ""])
_USERS = st.builds(
    lambda names: json.dumps({"customIDs": dict.fromkeys(names, 1)}),
    st.lists(_near(0, 127), max_size=3) | st.sampled_from([[str(each) for each in range(count)] for count in (100, 101)]),
)
CELLS: Mapping[Dataset, Mapping[str, st.SearchStrategy[Any]]] = {
    Dataset.METRICS: {
        "unit_id": st.none() | _near(1, 512),
        "id_type": st.none() | _ID_TYPES,
        "date": st.none() | st.dates(UPLOAD_DAY, UPLOAD_DAY + timedelta(days=2)) | st.dates(),
        "metric_name": st.none() | _near(1, 127),
        "metric_value": _NUMBERS,
        "numerator": _NUMBERS,
        "denominator": _NUMBERS,
        "is_test": st.booleans(),
    },
    Dataset.EVENTS: {
        "timestamp": st.none() | _INSTANTS,
        "event_name": st.none() | _near(1, 127) | _ANY,
        "event_value": st.none() | _near(0, 127),
        "event_metadata": st.none() | _near(2, 16_384),
        "user": st.none() | _ANY | _USERS | _near(2, 16_384),
        "timeuuid": st.none() | _ANY,
        "is_test": st.booleans(),
    },
    Dataset.EXPOSURES: {
        "timestamp": st.none() | _INSTANTS,
        "experiment": st.none() | _near(1, 127),
        "group_id": st.none() | _ANY,
        "unit_id": st.none() | _near(1, 512),
        # Not null, as in every column with a default once that is filled in.
        "id_type": _ID_TYPES,
        "metadata_json": st.none() | _near(2, 16_384),
    },
}
Failure = tuple[int, str | None, str]
"""Row, column (None for a rule on the row), rule."""


def _by_pandera(schema: DatasetSchema, frame: pl.DataFrame) -> set[Failure]:
    # pandera judges the uploaded text in a column of its own.
    uploaded = [name for rule in schema.rules if rule.is_of_uploaded_text for name in rule.columns]
    frame = frame.with_columns(pl.col(name).alias(raw_column(name)) for name in uploaded)
    try:
        pandera_schema(schema).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        return {
            (
                case["index"],
                case["column"].removeprefix(raw_column("")) if case["schema_context"] == "Column" else None,
                {"not_nullable": "required"}.get(case["check"], case["check"]),
            )
            for case in error.failure_cases.to_dicts()
        }
    return set()


def _by_masks(schema: DatasetSchema, frame: pl.DataFrame) -> set[Failure]:
    # The rules see typed values beside the raw text that they came from; here every text fitted its type.
    raws = frame.with_columns(pl.col(name).cast(pl.String).alias(raw_column(name)) for name in frame.columns)
    rules = all_rules(schema)
    masks = raws.select(rule.fails.alias(str(index)) for index, rule in enumerate(rules))
    return {
        (row, rules[index].column, rules[index].code.value)
        for row, failed in enumerate(masks.iter_rows())
        for index, fails in enumerate(failed)
        if fails
    }


def _longer_or_shorter(low: int, high: int) -> Callable[[Any], bool]:
    return lambda text: not low <= len(text) <= high


def _custom_ids(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found.get("customIDs", {}) if isinstance(found, dict) else {}


_TOO_LATE = {"timestamp_in_future": lambda at: at > _LATEST, "before_2000": lambda at: at.year < 2000}
_NOT_IN_NAMES = set("\\[]{}<>#=;&$%|")
_INFINITE = {"finite": lambda number: not math.isfinite(number)}
_OBJECT = {"length": _longer_or_shorter(2, 16_384)}
PLAIN: Mapping[Dataset, Mapping[str, Mapping[str, Callable[[Any], bool]]]] = {
    Dataset.METRICS: {
        "unit_id": {"length": _longer_or_shorter(1, 512)},
        "id_type": {"length": _longer_or_shorter(1, 127)},
        "date": {"date_in_future": lambda day: day > UPLOAD_DAY + timedelta(days=1)},
        "metric_name": {"length": _longer_or_shorter(1, 127)},
        "metric_value": _INFINITE,
        "numerator": _INFINITE,
        "denominator": _INFINITE,
    },
    Dataset.EVENTS: {
        "timestamp": _TOO_LATE,
        "event_name": {
            "length": _longer_or_shorter(1, 127),
            "forbidden_character": lambda name: bool(set(name) & _NOT_IN_NAMES or re.search("[\x00-\x1f\x7f-\x9f]", name)),
        },
        "event_value": {"length": _longer_or_shorter(0, 127)},
        "event_metadata": _OBJECT,
        "user": {
            **_OBJECT,
            "too_many_ids": lambda user: len(_custom_ids(user)) > 100,
            "custom_id_length": lambda user: any(len(name) > 127 for name in _custom_ids(user)),
        },
    },
    Dataset.EXPOSURES: {
        "timestamp": _TOO_LATE,
        "experiment": {"length": _longer_or_shorter(1, 127)},
        "unit_id": {"length": _longer_or_shorter(1, 512)},
        "id_type": {"length": _longer_or_shorter(1, 127)},
        "metadata_json": _OBJECT,
    },
}
"""What contract section 4 says of each value, once more and without an engine."""
_OPTIONAL = {
    "metric_value", "numerator", "denominator", "is_test", "event_value", "event_metadata", "timeuuid", "metadata_json",
}  # fmt: skip


def _in_plain_python(dataset: Dataset, rows: list[dict[str, Any]], context: SchemaContext) -> Iterator[Failure]:
    listed = context.id_types
    for index, row in enumerate(rows):
        for column, value in row.items():
            if value is None:
                if column not in _OPTIONAL:
                    yield index, column, "required"
                continue
            yield from ((index, column, code) for code, fails in PLAIN[dataset].get(column, {}).items() if fails(value))
            if column == "id_type" and listed is not None and value not in listed:
                yield index, column, "not_listed"
        if dataset is Dataset.METRICS and row["metric_value"] is None and None in (row["numerator"], row["denominator"]):
            yield index, None, "value_missing"
        elif dataset is Dataset.METRICS:
            carries = {
                "value": row["metric_value"] is not None,
                "ratio": None not in (row["numerator"], row["denominator"]),
            }
            if not carries.get(context.kinds.get(row["metric_name"], ""), True):
                yield index, None, "wrong_kind"


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("dataset", CELLS)
@settings(max_examples=times(60))
@given(st.data())
def test_the_rules_agree_with_pandera_and_with_the_contract(dataset: Dataset, context: str, data: st.DataObject) -> None:
    schema = kind_of(dataset).schema(CONTEXTS[context])
    dtypes = {name: column.dtype for name, column in schema.columns.items()}
    table = data.draw(st.lists(st.fixed_dictionaries(dict(CELLS[dataset])), min_size=1, max_size=15))
    frame = pl.DataFrame(table, schema=dtypes)
    found = _by_masks(schema, frame)
    assert found == _by_pandera(schema, frame)
    assert found == set(_in_plain_python(dataset, table, CONTEXTS[context]))


@pytest.mark.parametrize("dataset", CELLS)
def test_every_rule_of_a_schema_has_a_hint_and_reads_columns_of_the_schema(dataset: Dataset) -> None:
    schema = kind_of(dataset).schema(CONTEXTS["listed id types"])
    rules = all_rules(schema)
    assert len({(rule.code, rule.column) for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.hint
        assert rule.columns
        assert set(rule.columns) <= set(schema.columns)
        assert {name.removeprefix(raw_column("")) for name in rule.fails.meta.root_names()} == set(rule.columns)


@pytest.mark.parametrize("dataset", CELLS)
def test_every_rule_of_a_schema_is_one_check_of_pandera(dataset: Dataset) -> None:
    schema = kind_of(dataset).schema(CONTEXTS["listed id types"])
    made = pandera_schema(schema)
    checks = [check for column in made.columns.values() for check in column.checks] + list(made.checks)
    assert sorted((str(check.name), str(check.description)) for check in checks) == sorted(
        (rule.code.value, rule.hint) for rule in schema.rules
    )


@pytest.mark.parametrize("dataset", CELLS)
def test_a_value_that_does_not_fit_its_type_breaks_the_rule_of_the_type_and_not_the_rest(dataset: Dataset) -> None:
    """What pandera cannot see: raw text beside a typed null."""
    schema = kind_of(dataset).schema(CONTEXTS["any id type"])
    dtypes = {name: column.dtype for name, column in schema.columns.items()}
    for name, dtype in dtypes.items():
        raws = {raw_column(each): ["there"] for each in dtypes}
        frame = pl.DataFrame({name: [None]}, schema={name: dtype}).with_columns(
            *(pl.lit(None, each).alias(other) for other, each in dtypes.items() if other != name),
            **{k: pl.lit(v[0]) for k, v in raws.items()},
        )
        broken = [rule for rule in all_rules(schema) if rule.column == name and frame.select(rule.fails).item()]
        plain = dtype == pl.String and schema.columns[name].meaning is None
        assert len(broken) == (0 if plain else 1), name


def test_days_compare_with_the_day_after_the_upload() -> None:
    assert CONTEXTS["any id type"].latest_day == UPLOAD_DAY + timedelta(days=1) == date(2026, 11, 19)
