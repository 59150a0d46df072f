"""The compiled masks are pandera's checks taken out of pandera: both turn down the same rows, for the same reasons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandera.errors
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.ingest.columns.dataset_schemas import SchemaContext, kind_of
from processing.ingest.columns.rules import compile_rules, raw_column
from tests.support.ingest import UPLOAD_DAY, UPLOADED_AT
from tests.support.soak import times

ID_TYPES = ("user_id", "größe")
CONTEXTS = {
    "any id type": SchemaContext(uploaded_at=UPLOADED_AT),
    "listed id types": SchemaContext(uploaded_at=UPLOADED_AT, id_types=ID_TYPES),
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
        "user": st.none() | _ANY,
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


def _by_pandera(schema: pa.DataFrameSchema, frame: pl.DataFrame) -> set[Failure]:
    # A built-in check is reported by its error text, one of our own by its name.
    rules = {check.error: str(check.name) for column in schema.columns.values() for check in column.checks if check.error}
    rules["not_nullable"] = "required"
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        return {
            (
                case["index"],
                case["column"] if case["schema_context"] == "Column" else None,
                rules.get(case["check"], case["check"]),
            )
            for case in error.failure_cases.to_dicts()
        }
    return set()


def _by_masks(schema: pa.DataFrameSchema, frame: pl.DataFrame) -> set[Failure]:
    # The rules see typed values beside the raw text that they came from; here every text fitted its type.
    raws = frame.with_columns(pl.col(name).cast(pl.String).alias(raw_column(name)) for name in frame.columns)
    rules = compile_rules(schema)
    masks = raws.select(rule.fails.alias(str(index)) for index, rule in enumerate(rules))
    assert all(masks.get_column(name).null_count() == 0 for name in masks.columns)
    return {
        (row, rules[index].column, rules[index].name)
        for row, failed in enumerate(masks.iter_rows())
        for index, fails in enumerate(failed)
        if fails
    }


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("dataset", CELLS)
@settings(max_examples=times(60))
@given(st.data())
def test_the_compiled_rules_agree_with_pandera(dataset: Dataset, context: str, data: st.DataObject) -> None:
    schema = kind_of(dataset).schema(CONTEXTS[context])
    dtypes = {name: column.dtype.type for name, column in schema.columns.items()}
    table = data.draw(st.lists(st.fixed_dictionaries(dict(CELLS[dataset])), min_size=1, max_size=15))
    frame = pl.DataFrame(table, schema=dtypes)
    assert _by_masks(schema, frame) == _by_pandera(schema, frame)


@pytest.mark.parametrize("dataset", CELLS)
def test_every_rule_of_a_schema_has_a_hint_and_reads_columns_of_the_schema(dataset: Dataset) -> None:
    schema = kind_of(dataset).schema(CONTEXTS["listed id types"])
    rules = compile_rules(schema)
    assert len({(rule.name, rule.column) for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.hint
        assert rule.hint != "None"
        assert rule.reads
        assert set(rule.reads) <= set(schema.columns)


@pytest.mark.parametrize("dataset", CELLS)
def test_a_value_that_does_not_fit_its_type_breaks_the_rule_of_the_type_and_not_the_rest(dataset: Dataset) -> None:
    """What pandera cannot see: raw text beside a typed null."""
    schema = kind_of(dataset).schema(CONTEXTS["any id type"])
    dtypes = {name: column.dtype.type for name, column in schema.columns.items()}
    for name, dtype in dtypes.items():
        raws = {raw_column(each): ["there"] for each in dtypes}
        frame = pl.DataFrame({name: [None]}, schema={name: dtype}).with_columns(
            *(pl.lit(None, each).alias(other) for other, each in dtypes.items() if other != name),
            **{k: pl.lit(v[0]) for k, v in raws.items()},
        )
        broken = [rule for rule in compile_rules(schema) if rule.column == name and frame.select(rule.fails).item()]
        plain = dtype == pl.String and schema.columns[name].metadata is None
        assert len(broken) == (0 if plain else 1), name


def test_days_compare_with_the_day_after_the_upload() -> None:
    assert CONTEXTS["any id type"].latest_day == UPLOAD_DAY + timedelta(days=1) == date(2026, 11, 19)
