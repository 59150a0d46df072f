"""The value and the metadata of most `properties` of Segment, without a parser for each: what Python's JSON gives for them.

A key is looked for as text, which finds it wherever it stands; what stands before it must therefore be whole members, so
that it is a key of the record's own. Where that is not certain, Python must read the record.
"""

from __future__ import annotations

import json
import math
from typing import Final

import polars as pl

from processing.frames.json_objects import FLAT, SCALAR, with_twins

KEYS: Final = ("value", "metadata")
"""What is read."""

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
_MEMBERS_BEFORE: Final = rf"^\{{(?:{_MEMBER}, ?)*$"
_VALUE_FIRST: Final = rf"^ ?{_VALUE}[,}}]"
_WRITTEN_SO: Final = f"^(?:{SCALAR}|{FLAT})$"


def plain_properties(texts: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
    """The texts of KEYS in each object, as columns, and for which texts they are certain; those of others mean nothing."""
    text = pl.col("text")
    halves = (text.str.splitn(f'"{key}":', 2).struct.rename_fields([_before(key), _after(key)]) for key in KEYS)
    values = (
        pl.col(_after(key)).str.extract(_VALUE_FIRST, 0).str.head(-1).str.strip_chars_start(" ").alias(key) for key in KEYS
    )
    found = (
        texts.to_frame("text")
        .lazy()
        .select(text.str.contains(_OBJECT).alias("is_object"), *(half.struct.unnest() for half in halves))
        .with_columns(values)
        .select(*KEYS, is_certain=pl.all_horizontal("is_object", *map(_is_certain, KEYS)).fill_null(value=False))
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


def _is_certain(key: str) -> pl.Expr:
    """Whether the key is absent, or stands once, among the record's own, before a value that was found."""
    before, after = pl.col(_before(key)), pl.col(_after(key))
    is_once = before.str.contains(_MEMBERS_BEFORE) & ~after.str.contains(f'"{key}":', literal=True)
    return after.is_null() | (is_once & pl.col(key).is_not_null())


def _before(key: str) -> str:
    return f"before {key}"


def _after(key: str) -> str:
    return f"after {key}"


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
