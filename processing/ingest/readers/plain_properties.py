"""Values of most `properties` of Segment without a parser for each: what Python's JSON gives for them.

A key is looked for behind whole members, so that it is one of the record's own, and not of an object or a text in it. Where
what is found is not certain, Python must read the record.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Final

import polars as pl

from processing.frames.json_objects import FLAT, SCALAR, with_twins

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_TEXT: Final = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"'
# Without escapes, by which a key could be spelt otherwise.
_NAME: Final = r'"[^"\\\x00-\x1f]*"'
# Python refuses integers of thousands of digits.
_ANY_SCALAR: Final = rf"{_TEXT}|-?(?:0|[1-9][0-9]{{0,17}})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null"


def _or_nested(value: str) -> str:
    """Pattern of a scalar, and of an object or an array of values."""
    member = f"{_TEXT}: ?{value}"
    return rf"(?:{_ANY_SCALAR}|\{{(?:{member}(?:, ?{member})*)?\}}|\[(?:{value}(?:, ?{value})*)?\])"


# Each level makes the pattern four times as long; most properties have no more than lists of objects.
_VALUE: Final = _or_nested(_or_nested(f"(?:{_ANY_SCALAR})"))
_MEMBER: Final = f"{_NAME}: ?{_VALUE}"
_OBJECT: Final = rf"^\{{{_MEMBER}(?:, ?{_MEMBER})*\}}$"
_VALUE_FIRST: Final = rf"^ ?{_VALUE}[,}}]"
_WRITTEN_SO: Final = f"^(?:{SCALAR}|{FLAT})$"


def plain_properties(texts: pl.Series, keys: Sequence[str]) -> tuple[pl.DataFrame, pl.Series]:
    """`text_of` each key's value in each text, by columns, and for which texts that is certain; what others have means nothing.

    The keys must be plain words.
    """
    text = pl.col("text")
    behind = (text.str.replace(_up_to(key), "").alias(_behind(key)) for key in keys)
    values = (pl.col(_behind(key)).str.extract(_VALUE_FIRST, 0).str.head(-1).str.strip_chars_start(" ") for key in keys)
    found = (
        texts.to_frame("text")
        .lazy()
        .with_columns(text.str.contains(_OBJECT).alias("is_object"))
        # What is none is not looked at any more.
        .with_columns(pl.when("is_object").then(text).alias("text"))
        .with_columns(behind)
        .select(
            *(pl.when(_is_there(key)).then(value).alias(key) for key, value in zip(keys, values, strict=True)),
            is_certain=pl.all_horizontal("is_object", *map(_is_once, keys)),
        )
        .collect()
    )
    is_certain = found.drop_in_place("is_certain")
    return pl.DataFrame([_texts(column) for column in found]), is_certain


def text_of(value: object) -> str | None:
    """The text of a value of JSON: of a string itself, of any other the compact JSON; None of null."""
    if value is None:
        return None
    if isinstance(value, str):
        text = value
    elif isinstance(value, float) and math.isfinite(value):
        # As the encoder writes it, without making one.
        return repr(value)
    else:
        text = _ENCODER.encode(value)
    # Half of a surrogate pair is text in JSON and nowhere else: such a value is kept as JSON writes it.
    return text if text.isascii() or text.encode("utf-8", "ignore").decode() == text else json.dumps(value)


def _up_to(key: str) -> str:
    """Pattern of all that stands before the value of the key."""
    return rf'^\{{(?:{_MEMBER}, ?)*?"{key}":'


def _behind(key: str) -> str:
    return f"behind {key}"


def _is_there(key: str) -> pl.Expr:
    return pl.col(_behind(key)).str.len_bytes() < pl.col("text").str.len_bytes()


def _is_once(key: str) -> pl.Expr:
    """Whether the key does not stand again behind its value, be it in another object, or is not there at all."""
    return ~(_is_there(key) & pl.col(_behind(key)).str.contains(f'"{key}":', literal=True))


def _texts(values: pl.Series) -> pl.Series:
    """`text_of` each value, given as valid JSON."""
    is_so = values.str.contains(_WRITTEN_SO).fill_null(value=True)
    objects = values.filter(is_so & values.str.starts_with("{")).unique()
    # Of a name that stands twice the last value counts.
    twins = with_twins(objects)
    if not twins.is_empty():
        is_so &= ~values.is_in(twins.implode()).fill_null(value=False)
    value = pl.col(values.name)
    # No quote stands inside of what is a string without escapes.
    texts = values.to_frame().select(pl.when(value != "null").then(value.str.strip_chars('"'))).to_series()
    places = (~is_so).arg_true()
    if places.is_empty():
        return texts
    others = values.gather(places)
    known = others.unique()
    converted = pl.Series([text_of(json.loads(each)) for each in known], dtype=pl.String)
    # Changes the series that it is called on.
    return texts.clone().scatter(places, others.replace_strict(known, converted))
