"""What is sliced out of lines of JSON is what was written there, and compact text that is left alone needs no rewriting."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from processing.frames import json_objects
from processing.frames.json_objects import parse_objects, parse_users
from processing.ingest.readers.ndjson import lines as json_lines
from processing.ingest.readers.ndjson.slices import sliced_columns
from tests.support.soak import times

NAMES = ("user", "event_metadata", "name")
words = st.text(st.sampled_from('ab":{}[],\\\n é\u2028x1.0-'), max_size=5) | st.sampled_from(
    ["user", '"user":', "null", "{}", '{"userID":"u"}']
)
numbers = (
    st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, -0.0, 0.5, 12.25, 1e22])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(words | st.sampled_from(["userID", "customIDs"]), values, max_size=3)
members = st.lists(st.tuples(st.sampled_from([*NAMES, "other", 'o"ther']), values | objects), max_size=4)
styles = st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :")])


def written(pairs: list[tuple[str, Any]], style: tuple[str, str], *, ascii_only: bool) -> str:
    """An object in which a name may stand twice."""
    comma, colon = style
    return (
        "{"
        + comma.join(_text(name, style, ascii_only) + colon + _text(value, style, ascii_only) for name, value in pairs)
        + "}"
    )


def _text(value: Any, style: tuple[str, str], ascii_only: bool) -> str:
    return json.dumps(value, separators=style, ensure_ascii=ascii_only)


@settings(max_examples=times(400))
@given(st.lists(members, min_size=1, max_size=6), styles, st.booleans(), st.booleans())
@example([[("user", {"userID": "u"})], [("user", None)], []], (",", ":"), False, True)
@example([[("user", {}), ("user", {"a": 1})], [("user", {"b": [1.50]})]], (", ", ": "), False, False)
@example([[("other", {"user": None}), ("user", {"a": 1})]], (",", ":"), False, False)
def test_the_quick_way_to_columns_finds_what_the_exact_one_does(
    table: list[list[tuple[str, Any]]], style: tuple[str, str], ascii_only: bool, ended: bool
) -> None:
    data = "\n".join(written(pairs, style, ascii_only=ascii_only) for pairs in table).encode() + b"\n" * ended
    quick = json_lines._quickly(data, NAMES)
    assume(quick is not None)
    assert quick is not None
    assert quick.rows() == json_lines._exactly(data, NAMES).rows()


def test_objects_in_every_line_are_sliced() -> None:
    """The property above would hold as well if the quick way were never taken."""
    lines = [
        '{"user":{"userID":"u1"},"name":"n"}',
        '{"name":"n", "user": {"userID": "u2"}}',
        '{"name":"n","user":null}',
        '{"name":"n"}',
    ]
    found = sliced_columns("\n".join(lines).encode(), NAMES)
    assert found.keys() == {"user"}
    assert found["user"].to_list() == ['{"userID":"u1"}', '{"userID": "u2"}', None, None]


compact = st.builds(lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False), objects)
spaced = objects.map(json.dumps)
numeric = st.from_regex(r'\{"a":-?[0-9]{1,19}(\.[0-9]{1,4})?(,"[ab]":[0-9]\.[0-9]{1,3})?\}', fullmatch=True)
texts = st.lists(st.none() | compact | spaced | numeric | words, max_size=6)


@settings(max_examples=times(400))
@given(texts)
@example(['{"a":1,"a":2}', '{"b":1}'])
@example(['{"a":-0}', '{"a":0.10}', '{"a":00}', '{"a":0.0001}'])
@example(['{"customIDs":{"a":""}}', '{"customIDs":{"":"x"}}', '{"userID":0}', '{"userID":""}'])
def test_text_that_is_left_alone_is_what_it_would_be_rewritten_to(table: list[str | None]) -> None:
    series = pl.Series(table, dtype=pl.String)
    for parse, convert in ((parse_objects, json_objects._flat), (parse_users, json_objects._user)):
        rewritten = [None if text is None else json_objects._converted(text, convert) for text in table]
        assert parse(series).to_list() == rewritten


def test_what_is_sliced_does_not_keep_the_block() -> None:
    lines = [b'{"other":"%s","user":{"userID":"%d"}}' % (b"x" * 2_000, number) for number in range(500)]
    data = b"\n".join(lines)
    user = sliced_columns(data, NAMES)["user"].to_arrow(compat_level=pl.CompatLevel.newest())
    assert sum(buffer.size for buffer in user.buffers() if buffer is not None) < len(data) / 10
