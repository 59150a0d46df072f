"""Paths of expressions reach the members of JSON objects and arrays, in every format that has them (contract section 9)."""

from __future__ import annotations

import io
import json
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.frames.json_paths import _by_parsing, text_at
from processing.ingest.expressions.compiler import (
    ExpressionRefused,
    UnknownColumn,
    check_expression,
    columns_read,
    compile_condition,
    compile_expression,
)
from schemas.customer_config import CustomerConfig
from tests.support.ingest import Ingested, ingest

TEXT = json.dumps(
    {
        "plan": "pro",
        "amount": 12.50,
        "big": 12345678901234567890123,
        "yes": True,
        "nothing": None,
        "a b": "blank",
        "in": {"to": {"the": {"deep": {"end": "here"}}}},
        "items": [{"price": 2, "tags": ["x", "y"]}, {"price": 3}],
        "time": "10:00",
        "ü": "umlaut",
        'q"': "quote",
    }
).replace("12.5", "12.50")


def value_of(sql: str, text: str | None = TEXT) -> str | None:
    frame = pl.DataFrame({"0": [text, text]}, schema={"0": pl.String})
    first: str | None
    second: str | None
    first, second = frame.select(compile_expression(sql, ["p"])).to_series()
    assert first == second
    return first


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("p.plan", "pro"),
        ("p.amount", "12.50"),
        ("p.big", "12345678901234567890123"),
        ("p.yes", "true"),
        ("p.nothing", None),
        ("p.absent", None),
        ("p.plan.deeper", None),
        ("p.absent.deeper[0]", None),
        ("p.in.to.the.deep.end", "here"),
        ("p['in']['to'].the", '{"deep":{"end":"here"}}'),
        ("p['a b']", "blank"),
        ('p."a b"', "blank"),
        ('p."ü"', "umlaut"),
        ("p['q\"']", "quote"),
        ("p.items[0].price", "2"),
        ("p.items[0].tags[1]", "y"),
        ("p.items[1]", '{"price":3}'),
        ("p.items[2]", None),
        ("p.items.price", None),
        ("p[0]", None),
        ("p.time", "10:00"),
        ("p.items[0].price * p.items[1].price", "6.0"),
        ("p.amount > 5", "true"),
        ("p.yes AND TRUE", "true"),
        ("p.items[0].price = 2.0", "true"),
        ("COALESCE(p.absent, p.nothing, p.plan)", "pro"),
        ("p.plan || '-' || p.items[0].price", "pro-2"),
        ("CASE WHEN p.absent IS NULL THEN p.amount END", "12.50"),
    ],
)
def test_a_path_reaches_a_member(sql: str, value: str | None) -> None:
    assert value_of(sql) == value


@pytest.mark.parametrize("text", [None, "", "no json", "[]", "1", '"p"', "{", '{"plan":', "[" * 100_000, '{"plan":"\\ud800"}'])
def test_what_is_no_object_has_no_members(text: str | None) -> None:
    assert value_of("p.plan", text) is None


def test_an_array_at_the_top_has_places_and_numbers_stay_as_written() -> None:
    text = '[{"a":1e400},[10.0,1E5,-0],null]'
    assert value_of("p[0].a", text) == "1e400"
    assert value_of("p[1]", text) == "[10.0,1E5,-0]"
    assert value_of("p[0]", text) == '{"a":1e400}'
    assert value_of("p[2]", text) is None


def test_a_condition_may_use_a_path() -> None:
    frame = pl.DataFrame({"0": ['{"a":{"b":3}}', '{"a":{"b":"x"}}', "{}", None]})
    assert frame.select(compile_condition("p.a.b > 2", ["p"])).to_series().to_list() == [True, False, False, False]


@pytest.mark.parametrize(
    "sql",
    [
        "p.*",
        "p[-1]",
        "p[1:2]",
        "p[q]",
        'p["a"]',
        "p[0, 1]",
        "p[10000]",
        "p[1.5]",
        "LOWER(p).a",
        "(p).a",
        "'x'.a",
        "p.lower(p)",
        "p.a.b.c.d.lower(p)",
    ],
)
def test_other_forms_of_paths_are_refused_when_the_config_is_loaded(sql: str) -> None:
    with pytest.raises(ExpressionRefused):
        check_expression(sql)


def test_the_column_of_a_path_is_the_one_that_is_read_and_missed() -> None:
    assert columns_read('a.b.c || d[0].e || "f.g"') == ("a", "d", "f.g")
    with pytest.raises(UnknownColumn, match="no column 'x'"):
        compile_expression("x.plan", ["p"])
    with pytest.raises(ExpressionRefused, match="has no members"):
        compile_expression("p.plan", ["p"], [pl.Int64()])


def test_a_deep_path_stays_within_the_bounds() -> None:
    assert value_of("p" + ".a" * 40) is None
    with pytest.raises(ExpressionRefused, match="deep"):
        check_expression("p" + "[0]" * 60)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('a"\\:,{}é ', max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "$d"]), inner, max_size=2),
    max_leaves=3,
)
RECORD: dict[str, Any] = {
    "who": {"ids": [{"kind": "user_id", "value": 77}]},
    "date": "2026-11-18",
    "metric_name": "m",
    "facts": {"price": 2.5, "count": 4, "is_test": False},
}
SELECT = {
    "unit_id": "who.ids[0].value",
    "id_type": "who.ids[0].kind",
    "metric_value": "facts.price * facts.count",
    "is_test": "facts.is_test",
}


def metrics(data: bytes, name: str) -> Ingested:
    config = CustomerConfig.model_validate({"datasets": {"metrics": {"select": SELECT}}})
    return ingest(data, name, Dataset.METRICS, config=config)


def parquet() -> bytes:
    data = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([RECORD]), data)
    return data.getvalue()


def csv() -> bytes:
    frame = pl.DataFrame([{name: value if isinstance(value, str) else json.dumps(value) for name, value in RECORD.items()}])
    return frame.write_csv().encode()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (json.dumps(RECORD).encode(), "metrics/a.ndjson"),
        (csv(), "metrics/a.csv"),
        (parquet(), "metrics/a.parquet"),
    ],
)
def test_members_make_the_same_row_in_every_format(data: bytes, name: str) -> None:
    ((row,),) = metrics(data, name).rows(Dataset.METRICS).values()
    assert (row["unit_id"], row["id_type"], row["metric_value"], row["is_test"]) == ("77", "user_id", 10.0, False)


MEMBERS = ("a", "b c", "$d", "e.f", "-", "n:m", "x,y", "ü", "q\\", " ")


@given(st.lists(st.tuples(st.sampled_from(MEMBERS), VALUES), max_size=5), st.sampled_from([None, 2]), st.sampled_from(MEMBERS))
def test_what_is_found_by_looking_is_what_parsing_finds(pairs: list[tuple[str, Any]], indent: int | None, name: str) -> None:
    members = ",".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, indent=indent)}" for key, value in pairs)
    texts = pl.Series("p", [f"{{{members}}}", None, f" {{ {members} }} ", f"[{{{members}}}]"], pl.String)
    assert text_at(texts, (name,)).to_list() == _by_parsing(texts, (name,)).to_list()
