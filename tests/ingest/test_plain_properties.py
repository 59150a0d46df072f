"""What is read of Segment's properties without a parser for each is what Python's JSON gives for them, record by record."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processing.ingest.readers.plain_properties import plain_properties, text_of
from processing.ingest.readers.segment_values import _read, read_properties
from tests.support.soak import times

KEYS = ("value", "metadata", "group", "variant")
NAMES = (*KEYS, "experimentName", "other", 'o"ther', "valué", "")
PLAIN = '{"value":1.5,"metadata":{"page":"/a"}}'

words = st.text(st.sampled_from('ab":{}[],\\\n é\u2028\x7f\0x1.0-u'), max_size=5) | st.sampled_from(
    [*KEYS, '"value":', "null", "{}", '{"value":1}', "\ud83d", "😀"]
)
numbers = st.integers(-(10**20), 10**20) | st.floats() | st.sampled_from([0, -0.0, 0.5, 12.25, 7.0, 1e22, 1e-7])
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)
styles = st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :"), (",\n", ":\t")])


@st.composite
def objects(draw: st.DrawFn) -> str:
    """An object in which a name may stand twice."""
    comma, colon = draw(styles)
    ascii_only = draw(st.booleans())

    def text(value: Any) -> str:
        return json.dumps(value, separators=(comma, colon), ensure_ascii=ascii_only)

    pairs = draw(st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=4))
    return "{" + comma.join(text(name) + colon + text(value) for name, value in pairs) + "}"


def _is_utf8(text: str) -> bool:
    return text.encode("utf-8", "ignore").decode() == text


numeric = st.from_regex(r'\{"value":-?[0-9]{1,19}(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?\}', fullmatch=True)
damaged = st.tuples(objects(), st.integers(0, 40), st.sampled_from(["", '"', "\\", "{", "}", ",", ":", "0", "\ufeff"])).map(
    lambda each: each[0][: each[1]] + each[2] + each[0][each[1] + 1 :]
)
tables = st.lists(st.none() | (objects() | numeric | damaged).filter(_is_utf8), max_size=6)


@settings(max_examples=times(600))
@given(tables)
@example([PLAIN, None, '{"other":1}', '{"metadata":{"a":1,"a":2}}', '{"metadata":{"a":1}}'])
@example(['{"value":1,"value":2}', '{"a":{"value":1},"value":2}', '{"value":2,"a":{"value":1}}', '{"a":{"value":1}}'])
@example(['{"k\\"value":1}', '{"a":{"k\\"value":1}}', '{"a":"\\"value\\":1"}', '{"\\u0076alue":1}', '{"a":"","value":""}'])
@example(['{"value":"null"}', '{"value":null}', '{"value":"\\"q\\""}', '{"value":-0}', '{"value":0.10}', '{"value":1e999}'])
@example(['{"value":1', '{"value":01}', '{"value":+1}', '{"value":1,}', '{"value":1}}', '{"value":1} ', ' {"value":1}'])
@example(['{"value":{"a":"\\ud800"}}', '{"value":"\\ud800"}', '{"value":"\\ud83d\\ude00"}', '{"value":NaN}'])
@example(['{"value":"a\nb"}', '{"value":1}\n', '{"value":1,"metadata":{}}', '{"group":"g","value":1}'])
@example(['{"group":"","variant":0,"gate":null,"gateName":"g"}', '{"a":{"group":1},"group":2}', '{"group":1,"a":{"group":2}}'])
@example(['{"gate":"","config":"c"}', '{"gate":"a","config":"c"}', '{"ruleID":{"a":1,"a":2},"group_id":""}', '{"variant":""}'])
@example([f'{{"value":1,"other":{"9" * 5_000}}}', f'{{"value":{"9" * 5_000}}}', f'{{"value":{"[" * 2_000}{"]" * 2_000}}}'])
def test_each_record_reads_as_python_reads_it_alone(table: list[str | None]) -> None:
    found = read_properties(pl.Series("properties", table, dtype=pl.String))
    assert found.name == "properties"
    assert found.struct.unnest().rows() == [(None,) * 4 if text is None else _read(text) for text in table]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        '{"value": 1.5, "metadata": {"page": "/a"}}',
        '{"other":"\\"q\\" \\u00e9","products":[{"id":7,"name":"a"},{},[0]],"value":"a \\"b\\""}',
        '{"metadata":{"a":{"b":1.50},"a":[],"c":[null]},"value":-1E+3}',
        '{"value":true}',
        '{"value":null,"metadata":"ü"}',
        '{"metadata":[]}',
        '{"other":1}',
        '{"a":{"value":1}}',
        '{"a":[{"value":1}],"value":2,"metadata":{"group":3}}',
        '{"group":"","variant":null}',
    ],
)
def test_what_most_records_say_is_certain_without_a_parser(text: str) -> None:
    """The property above would hold as well if Python read every record."""
    found, is_certain = plain_properties(pl.Series([text]), KEYS)
    assert is_certain.to_list() == [True]
    said = json.loads(text)
    assert found.rows() == [tuple(text_of(said.get(key)) for key in KEYS)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"value":1',
        '{"value":1}x',
        '{"value":1,"value":2}',
        '{"value":1,"a":{"value":2}}',
        '{"k\\"value":1}',
        '{"\\u0076alue":1}',
        '{"value":01}',
        f'{{"value":{"9" * 19}}}',
        '{"value":[[[1]]]}',
    ],
)
def test_what_is_not_plain_is_not_certain(text: str) -> None:
    _, is_certain = plain_properties(pl.Series([PLAIN, text]), KEYS)
    assert is_certain.to_list() == [True, False]
