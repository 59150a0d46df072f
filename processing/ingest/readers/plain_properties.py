"""Values of most `properties` of Segment without a parser for each: what Python's JSON gives for them.

A key is looked for behind whole members, so that it is one of the record's own, and not of an object or a text in it. Where
what is found is not certain, Python must read the record.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import reduce
from operator import and_
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
    is_object = texts.str.contains(_OBJECT)
    places = is_object.arg_true()
    objects = texts.gather(places)
    # One after the other: what is made for a key is as large as the texts.
    found = [_found(objects, key) for key in keys]
    is_certain = reduce(and_, (is_once for _, is_once in found))
    values = pl.DataFrame([each for each, _ in found])
    if len(places) == len(texts):
        return values, is_certain
    return scattered(values, places, len(texts)), is_object.scatter(places, is_certain)


def scattered(columns: pl.DataFrame, places: pl.Series, height: int) -> pl.DataFrame:
    """Columns of so many texts, with those given in their places and null everywhere else."""
    empty = pl.repeat(None, height, dtype=pl.String, eager=True)
    # What is scattered into is changed itself.
    return pl.DataFrame([empty.clone().scatter(places, column).alias(column.name) for column in columns])


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


def _found(objects: pl.Series, key: str) -> tuple[pl.Series, pl.Series]:
    """`text_of` the key's values, and whether the key does not stand again behind them, be it in another object."""
    text, behind = pl.col("text"), pl.col("behind")
    is_there = behind.str.len_bytes() < text.str.len_bytes()
    found = (
        objects.to_frame("text")
        .lazy()
        .with_columns(text.str.replace(rf'^\{{(?:{_MEMBER}, ?)*?"{key}":', "").alias("behind"))
        .select(
            # Where the key is not there, the whole object still stands, and nothing behind it.
            behind.str.extract(_VALUE_FIRST, 0).str.head(-1).str.strip_chars_start(" ").alias(key),
            is_once=~(is_there & behind.str.contains(f'"{key}":', literal=True)),
        )
        .collect()
    )
    return _texts(found.get_column(key)), found.get_column("is_once")


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
