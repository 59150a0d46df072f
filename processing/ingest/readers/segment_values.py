"""What Segment's `properties` say, and its two ids as a `user` of ours: text in, text out, by Python's own JSON.

Most records need no parser: their properties have none of the names that are looked for, and their ids nothing to escape.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from processing.frames.json_objects import CUSTOM_IDS, USER_ID

PROPERTIES: Final = pl.Struct(dict.fromkeys(("value", "metadata", "experiment", "group"), pl.String))
"""What is read from the properties of a record."""
STABLE_ID: Final = "stable_id"
"""The id type of the anonymous id."""

_EXPERIMENT_KEYS: Final = ("experiment", "experimentName", "gate", "gateName", "config", "configName")
_GROUP_KEYS: Final = ("group", "groupName", "group_id", "ruleID", "variant")
_EXPOSURE_KEYS: Final = frozenset({*_EXPERIMENT_KEYS, *_GROUP_KEYS})
# A name may also be spelt with escapes, all of which begin so, as no name that is looked for has a slash or a quote.
_MARKS: Final = [*(f'"{key}"' for key in ("value", "metadata", *_EXPERIMENT_KEYS, *_GROUP_KEYS)), "\\u"]
_NOTHING: Final = (None, None, None, None)
_ESCAPED: Final = r'["\\\x00-\x1f]'
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

_Texts = tuple[str | None, str | None, str | None, str | None]


def read_properties(texts: pl.Series) -> pl.Series:
    """PROPERTIES of each text; all null where it is no JSON object."""
    places = texts.str.contains_any(_MARKS).fill_null(value=False).arg_true()
    columns = list(zip(*map(_read, texts.gather(places)), strict=True)) or [()] * len(_NOTHING)
    empty = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
    fields = [
        empty.clone().scatter(places, pl.Series(values, dtype=pl.String)).alias(field.name)
        for field, values in zip(PROPERTIES.fields, columns, strict=True)
    ]
    return pl.DataFrame(fields).to_struct(texts.name)


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
    value, metadata = _text(found.get("value")), _text(found.get("metadata"))
    if _EXPOSURE_KEYS.isdisjoint(found):
        return value, metadata, None, None
    return value, metadata, _first(found, _EXPERIMENT_KEYS), _first(found, _GROUP_KEYS)


def _first(values: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    return next((text for key in keys if (text := _text(values.get(key)))), None)


def _text(value: object) -> str | None:
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
