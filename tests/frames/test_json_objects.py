"""Users and metadata: which texts are taken, and as what they are kept (contract section 4, events)."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.frames.json_objects import parse_objects, parse_users, parse_uuids

UUID = "2fe0d30a-1c2d-11b2-8000-0123456789ab"
NOT_OBJECTS = [
    *("", " ", "null", "true", "12", '"text"', "[]", '[{"userID":"u"}]', "{", "}", "{} {}", "{},", "no", "undefined"),
    # What some parsers take and JSON does not know.
    *(
        "{'userID':'u'}",
        '{userID:"u"}',
        '{"userID":"u",}',
        '{"userID":"u"} // said',
        '{"userID":"a\nb"}',
        '\ufeff{"userID":"u"}',
    ),
    *(
        '{"userID":NaN}',
        '{"userID":Infinity}',
        '{"userID":"u","a":-Infinity}',
        '{"userID":"u","a":01}',
        '{"userID":"u","a":+1}',
    ),
    # What has no text in UTF-8, and numbers that readers make infinite.
    *('{"userID":"\\ud800"}', '{"userID":"u","\\udfff":1}', '{"userID":"u","a":{"b":"\\ud83d"}}', '{"userID":"u","a":1e999}'),
    # Deeper than a stack.
    '{"userID":"u","a":' + "[" * 100_000 + "]" * 100_000 + "}",
]


def one(parsed: pl.Series) -> str | None:
    assert parsed.dtype == pl.String
    value: str | None = parsed.item()
    return value


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("{}", "{}"),
        (' { "a" : 1 ,\r\n\t"b" : "x y" } ', '{"a":1,"b":"x y"}'),
        ('{"a":null,"b":true,"c":false}', '{"a":null,"b":true,"c":false}'),
        ('{"a":""}', '{"a":""}'),
        ('{"größe":"\\u00e9\\ud83d\\ude42"}', '{"größe":"é🙂"}'),
        ('{"a":"\\"\\\\\\/\\n"}', '{"a":"\\"\\\\/\\n"}'),
        ('{"a":"\\u0000"}', '{"a":"\\u0000"}'),
        # Keys keep their order; of one that stands twice the last value counts, as in every common parser.
        ('{"b":1,"a":2}', '{"b":1,"a":2}'),
        ('{"a":1,"a":2}', '{"a":2}'),
        (
            '{"a":12345678901234567890123456789012345678901234567890}',
            '{"a":12345678901234567890123456789012345678901234567890}',
        ),
        ('{"a":-9007199254740993}', '{"a":-9007199254740993}'),
        ('{"a":1.50,"b":-0.0,"c":1e2}', '{"a":1.5,"b":-0.0,"c":100.0}'),
        ('{"a":1e-999}', '{"a":0.0}'),
    ],
)
def test_an_object_is_kept_as_compact_text_with_all_its_values(text: str, kept: str) -> None:
    assert one(parse_objects(pl.Series([text]))) == kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"b": {}}, "{}"),
        ({"b": []}, "[]"),
        ({"b": {"c": {"d": [1, None]}}}, '{"c":{"d":[1,null]}}'),
        ({"b": ["ü", {"c": '"'}]}, '["ü",{"c":"\\""}]'),
        ({"b": [2**70]}, "[1180591620717411303424]"),
    ],
)
def test_a_value_deeper_than_one_level_is_kept_as_its_text(value: Any, kept: str) -> None:
    parsed = one(parse_objects(pl.Series([json.dumps({"a": 1} | value)])))
    assert parsed is not None
    assert json.loads(parsed) == {"a": 1, "b": kept}


@pytest.mark.parametrize("text", NOT_OBJECTS, ids=range(len(NOT_OBJECTS)))
def test_what_is_no_json_object_is_neither_metadata_nor_a_user(text: str) -> None:
    assert one(parse_objects(pl.Series([text]))) is None
    assert one(parse_users(pl.Series([text]))) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"userID":"u"}',
        '{"userID":7}',
        '{"userID":0}',
        '{"userID":1.5}',
        '{"userID":" "}',
        '{"userID":"u","email":"x","customIDs":null}',
        '{"userID":"u","customIDs":"none"}',
        '{"customIDs":{"company":"c"}}',
        '{"customIDs":{"company":0}}',
        '{"customIDs":{"":"c"}}',
        '{"userID":"","customIDs":{"a":"","b":null,"c":"c"}}',
        '{"userID":null,"customIDs":{"a":"a"}}',
        '{"userID":{"id":"u"},"customIDs":{"a":"a"}}',
    ],
)
def test_a_user_has_an_id_of_its_own_or_a_custom_one(text: str) -> None:
    assert one(parse_users(pl.Series([text]))) == text


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"email":"x"}',
        '{"userID":""}',
        '{"userID":null}',
        '{"userID":true}',
        '{"userID":["u"]}',
        '{"userID":{"id":"u"}}',
        '{"userid":"u"}',
        '{"user_id":"u"}',
        '{"customIDs":{}}',
        '{"customIDs":null}',
        '{"customIDs":["c"]}',
        '{"customIDs":"c"}',
        '{"customIDs":{"a":"","b":null,"c":false,"d":["x"],"e":{"f":"x"}}}',
        '{"customids":{"a":"a"}}',
        '{"a":{"userID":"u"}}',
    ],
)
def test_an_object_without_any_id_is_no_user(text: str) -> None:
    assert one(parse_users(pl.Series([text]))) is None
    assert one(parse_objects(pl.Series([text]))) is not None


def test_what_lies_inside_of_users_stays_what_it_is() -> None:
    """Unlike metadata: ids of `customIDs` are looked for in there."""
    text = '{"userID":"u","customIDs":{"a":[1]},"custom":{"plan":{"b":2}}}'
    assert one(parse_users(pl.Series([text]))) == text


def test_each_row_gets_the_value_of_its_own_text() -> None:
    texts = pl.Series("user", ['{"userID":"a"}', None, "no", '{"userID":"b"}', '{"userID":"a"}', "no"])
    assert parse_users(texts).equals(
        pl.Series("user", ['{"userID":"a"}', None, None, '{"userID":"b"}', '{"userID":"a"}', None])
    )
    assert parse_objects(texts.slice(1, 0)).dtype == pl.String


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (UUID, UUID),
        (UUID.upper(), UUID),
        ("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"),
        (UUID.replace("-", ""), None),
        (f"{{{UUID}}}", None),
        (f"urn:uuid:{UUID}", None),
        (f" {UUID}", None),
        (f"{UUID}\n", None),
        (f"{UUID}\n{UUID}", None),
        (UUID[:-1], None),
        (f"{UUID}0", None),
        (UUID.replace("a", "g"), None),
        (UUID.replace("0", "٠"), None),
        ("", None),
        (None, None),
    ],
)
def test_a_uuid_is_kept_in_lower_case_and_nothing_else_is_one(text: str | None, kept: str | None) -> None:
    frame = pl.DataFrame({"t": [text]}, schema={"t": pl.String})
    assert frame.select(parse_uuids(pl.col("t"))).item() == kept


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), json_values, max_size=4), st.booleans())
def test_what_was_kept_is_kept_as_it_is_the_second_time(value: dict[str, Any], ascii_only: bool) -> None:
    once = parse_objects(pl.Series([json.dumps(value, ensure_ascii=ascii_only)]))
    assert once.null_count() == 0
    assert parse_objects(once).equals(once)


@given(st.text())
def test_any_text_is_an_object_or_null(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    try:
        is_object = isinstance(json.loads(text), dict)
    except ValueError:
        is_object = False
    assert (one(parse_objects(pl.Series([text]))) is not None) == is_object


def test_what_is_parsed_stays_as_it_was() -> None:
    texts = pl.Series(['{"userID": "u"}', "no user"])
    parse_users(texts)
    parse_objects(texts)
    assert texts.to_list() == ['{"userID": "u"}', "no user"]
