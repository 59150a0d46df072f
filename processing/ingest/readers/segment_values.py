"""What Segment's `properties` say, and its two ids as a `user` of ours: text in, text out, as Python's own JSON gives it.

Most records need no parser of Python's: their properties have none of the names that are looked for, or are plain, and their
ids have nothing to escape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from processing.frames.json_objects import CUSTOM_IDS, USER_ID
from processing.ingest.readers.plain_properties import KEYS, plain_properties, text_of

PROPERTIES: Final = pl.Struct(dict.fromkeys((*KEYS, "experiment", "group"), pl.String))
"""What is read from the properties of a record."""
STABLE_ID: Final = "stable_id"
"""The id type of the anonymous id."""

_EXPERIMENT_KEYS: Final = ("experiment", "experimentName", "gate", "gateName", "config", "configName")
_GROUP_KEYS: Final = ("group", "groupName", "group_id", "ruleID", "variant")
_EXPOSURE_KEYS: Final = frozenset({*_EXPERIMENT_KEYS, *_GROUP_KEYS})
# A name may also be spelt with escapes, all of which begin so, as no name that is looked for has a slash or a quote.
_EXPOSURE_MARKS: Final = [f'"{key}"' for key in (*_EXPERIMENT_KEYS, *_GROUP_KEYS)]
_MARKS: Final = [*(f'"{key}"' for key in KEYS), *_EXPOSURE_MARKS, "\\u"]
_NOTHING: Final = (None, None, None, None)
_ESCAPED: Final = r'["\\\x00-\x1f]'
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

_Texts = tuple[str | None, str | None, str | None, str | None]


def read_properties(texts: pl.Series) -> pl.Series:
    """PROPERTIES of each text; all null where it is no JSON object."""
    places = texts.str.contains_any(_MARKS).fill_null(value=False).arg_true()
    marked = texts.gather(places)
    found, is_certain = plain_properties(marked)
    is_certain &= ~marked.str.contains_any(_EXPOSURE_MARKS)
    found = found.with_columns(pl.lit(None, pl.String).alias(name) for name in ("experiment", "group"))
    others = (~is_certain).arg_true()
    if not others.is_empty():
        read = zip(*map(_read, marked.gather(others)), strict=True)
        found = pl.DataFrame(_scattered(column, others, values) for column, values in zip(found, read, strict=True))
    if len(places) < len(texts):
        empty = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
        found = pl.DataFrame(_scattered(empty.alias(column.name), places, column) for column in found)
    return found.to_struct(texts.name)


def _scattered(column: pl.Series, places: pl.Series, values: Sequence[str | None] | pl.Series) -> pl.Series:
    """The column with the values in their places."""
    # Changes the series that it is called on.
    return column.clone().scatter(places, pl.Series(values, dtype=pl.String))


def write_users(ids: pl.Series) -> pl.Series:
    """The `user` of each struct of `user` and `anonymous`, two ids or none; null for one of none."""
    frame = ids.struct.unnest().with_columns(pl.all().map_batches(_escaped, return_dtype=pl.String))
    members = pl.concat_str(
        pl.concat_str(pl.lit(f'"{USER_ID}":"'), "user", pl.lit('"')),
        pl.concat_str(pl.lit(f'"{CUSTOM_IDS}":{{"{STABLE_ID}":"'), "anonymous", pl.lit('"}')),
        separator=",",
        ignore_nulls=True,
    )
    user = pl.concat_str(pl.lit("{"), members, pl.lit("}"))
    return frame.select(pl.when(pl.any_horizontal(pl.all().is_not_null())).then(user).alias(ids.name)).to_series()


def _escaped(texts: pl.Series) -> pl.Series:
    """The texts as they stand between quotes."""
    places = texts.str.contains(_ESCAPED).fill_null(value=False).arg_true()
    if places.is_empty():
        return texts
    escaped = pl.Series([_ENCODER.encode(text)[1:-1] for text in texts.gather(places)], dtype=pl.String)
    # Changes the series that it is called on.
    return texts.clone().scatter(places, escaped)


def _read(text: str) -> _Texts:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING
    if not isinstance(found, dict):
        return _NOTHING
    value, metadata = text_of(found.get("value")), text_of(found.get("metadata"))
    if _EXPOSURE_KEYS.isdisjoint(found):
        return value, metadata, None, None
    return value, metadata, _first(found, _EXPERIMENT_KEYS), _first(found, _GROUP_KEYS)


def _first(values: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    return next((text for key in keys if (text := text_of(values.get(key)))), None)
