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
from processing.ingest.readers.plain_properties import plain_properties, scattered, text_of

PROPERTIES: Final = pl.Struct(dict.fromkeys(("value", "metadata", "experiment", "group"), pl.String))
"""What is read from the properties of a record."""

_EVENT_KEYS: Final = ("value", "metadata")
_EXPERIMENT_KEYS: Final = ("experiment", "experimentName", "gate", "gateName", "config", "configName")
_GROUP_KEYS: Final = ("group", "groupName", "group_id", "ruleID", "variant")
_EXPOSURE_KEYS: Final = (*_EXPERIMENT_KEYS, *_GROUP_KEYS)
_EXPOSURE_NAMES: Final = frozenset(_EXPOSURE_KEYS)
_EXPOSURE_MARKS: Final = [f'"{key}"' for key in _EXPOSURE_KEYS]
# A name may also be spelt with escapes, all of which begin so, as no name that is looked for has a slash or a quote.
_MARKS: Final = [*(f'"{key}"' for key in _EVENT_KEYS), *_EXPOSURE_MARKS, "\\u"]
_NOTHING: Final = (None, None, None, None)
_ESCAPED: Final = r'["\\\x00-\x1f]'
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

_Texts = tuple[str | None, str | None, str | None, str | None]


def read_properties(texts: pl.Series) -> pl.Series:
    """PROPERTIES of each text; all null where it is no JSON object."""
    places = texts.str.contains_any(_MARKS).fill_null(value=False).arg_true()
    marked = texts.gather(places)
    found, is_certain = _plain(marked)
    others = (~is_certain).arg_true()
    if not others.is_empty():
        read = zip(*map(_read, marked.gather(others)), strict=True)
        # What is scattered into is changed itself.
        columns = (
            column.clone().scatter(others, pl.Series(values, dtype=pl.String))
            for column, values in zip(found, read, strict=True)
        )
        found = pl.DataFrame(columns)
    if len(places) < len(texts):
        found = scattered(found, places, len(texts))
    return found.to_struct(texts.name)


def _plain(texts: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
    """The fields of PROPERTIES of each text, and for which texts they are certain."""
    keys = [*_EVENT_KEYS]
    # Most events have none of them.
    if texts.str.contains_any(_EXPOSURE_MARKS).any():
        keys += [key for key in _EXPOSURE_KEYS if texts.str.contains(f'"{key}":', literal=True).any()]
    found, is_certain = plain_properties(texts, keys)
    return found.select(
        *_EVENT_KEYS, _first_text(_EXPERIMENT_KEYS, keys, "experiment"), _first_text(_GROUP_KEYS, keys, "group")
    ), is_certain


def _first_text(wanted: Sequence[str], found: Sequence[str], name: str) -> pl.Expr:
    """The first of the wanted columns that says something; null where none of them was found."""
    texts = (pl.when(pl.col(key) != "").then(pl.col(key)) for key in wanted if key in found)
    return pl.coalesce(*texts, pl.lit(None, pl.String)).alias(name)


def write_users(ids: pl.Series, anonymous_type: str) -> pl.Series:
    """The `user` of each struct of `user` and `anonymous`, two ids or none; null for one of none.

    `anonymous_type` is the id type of the second.
    """
    custom = _ENCODER.encode(anonymous_type)
    frame = ids.struct.unnest().with_columns(pl.all().map_batches(_escaped, return_dtype=pl.String))
    members = pl.concat_str(
        pl.concat_str(pl.lit(f'"{USER_ID}":"'), "user", pl.lit('"')),
        pl.concat_str(pl.lit(f'"{CUSTOM_IDS}":{{{custom}:"'), "anonymous", pl.lit('"}')),
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
    if _EXPOSURE_NAMES.isdisjoint(found):
        return value, metadata, None, None
    return value, metadata, _first(found, _EXPERIMENT_KEYS), _first(found, _GROUP_KEYS)


def _first(values: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    return next((text for key in keys if (text := text_of(values.get(key)))), None)
