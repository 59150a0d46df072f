"""JSON objects inside a column: users and metadata, as text in and text out (contract section 4).

An object is kept one level deep: what lies deeper is kept as its JSON text. Whole numbers keep all their digits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, Final

import polars as pl

_UUID: Final = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
USER_ID: Final = "userID"
CUSTOM_IDS: Final = "customIDs"


def parse_objects(texts: pl.Series) -> pl.Series:
    """The compact JSON text of each object, one level deep; null for text that is no JSON object."""
    return _each(texts, _flat)


def parse_users(texts: pl.Series) -> pl.Series:
    """The compact JSON text of each object that names a user; null for any other text.

    A user is named by `userID`, or by at least one entry of `customIDs`; an empty id names nobody.
    """
    return _each(texts, _user)


def parse_uuids(text: pl.Expr) -> pl.Expr:
    """UUIDs in lower case; null for any other text."""
    return pl.when(text.str.contains(_UUID)).then(text.str.to_lowercase())


def _each(texts: pl.Series, convert: Callable[[dict[str, Any]], dict[str, Any] | None]) -> pl.Series:
    # Users and metadata repeat; each different text is parsed once.
    known: dict[str, str | None] = {}
    found: list[str | None] = []
    for text in texts:
        if text is None:
            found.append(None)
            continue
        if text not in known:
            known[text] = _converted(text, convert)
        found.append(known[text])
    return pl.Series(texts.name, found, pl.String)


def _converted(text: str, convert: Callable[[dict[str, Any]], dict[str, Any] | None]) -> str | None:
    try:
        value = _DECODER.decode(text)
        found = convert(value) if isinstance(value, dict) else None
        compact = None if found is None else _text(found)
        # A lone surrogate is text in JSON and nowhere else.
        return compact if compact is None or compact.isascii() or compact.encode() else None
    except (ValueError, RecursionError):
        return None


def _flat(value: dict[str, Any]) -> dict[str, Any]:
    return {key: _text(each) if isinstance(each, dict | list) else each for key, each in value.items()}


def _user(value: dict[str, Any]) -> dict[str, Any] | None:
    custom = value.get(CUSTOM_IDS)
    entries = custom.values() if isinstance(custom, dict) else ()
    return value if _is_id(value.get(USER_ID)) or any(map(_is_id, entries)) else None


def _is_id(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is beyond every number that JSON readers agree on")
    return number


def _text(value: object) -> str:
    return _ENCODER.encode(value)


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


# Making one costs more than using it once; json.loads() and json.dumps() with options make one for each text.
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
