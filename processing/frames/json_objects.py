"""JSON objects inside a column: users and metadata, as text in and text out (contract section 4).

An object is kept one level deep: what lies deeper is kept as its JSON text. Whole numbers keep all their digits.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final

import polars as pl

_UUID: Final = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
USER_ID: Final = "userID"
CUSTOM_IDS: Final = "customIDs"

_Convert = Callable[[dict[str, Any]], dict[str, Any] | None]

# What the encoder below would write just so. Python writes longer numbers, and those with exponents, in ways of its own.
_STRING: Final = r'"[^"\\\x00-\x1f]*"'
_FULL_STRING: Final = r'"[^"\\\x00-\x1f]+"'
_NUMBER: Final = r"-?(?:0|[1-9][0-9]{0,8})\.[0-9]{0,2}[1-9]|0|-?[1-9][0-9]{0,17}"
SCALAR: Final = f"(?:{_STRING}|{_NUMBER}|true|false|null)"
"""Pattern of a value without members, as it is written here."""
FLAT: Final = rf"(?:\{{{_STRING}:{SCALAR}(?:,{_STRING}:{SCALAR})*\}})"
"""Pattern of an object of such values, as it is written here where no name stands twice."""
# Blanks behind a mark, outside of strings: an unescaped quote is never part of one.
_BLANKS: Final = rf"({_STRING})|([{{\[:,])[ \t\r\n]+"
_MEMBER_VALUE: Final = rf"(?:^\{{)?({_STRING}):{SCALAR}\}}?"
_CUSTOM_ID: Final = rf'"{CUSTOM_IDS}":\{{{_FULL_STRING}:{_FULL_STRING}\}}'
_CUSTOM_IDS_BEGIN: Final = f'"{CUSTOM_IDS}":{{'
_NAME: Final = '"[^"]*":'
_ID_VALUE: Final = r':(?:"[^"\\]*"|[^",}\\]*)'
_COMMON_ORDERS: Final = 2
_PLAIN_USER: Final = rf'^\{{(?:"{USER_ID}":(?:{_FULL_STRING}|[1-9][0-9]{{0,17}})(?:,{_CUSTOM_ID})?|{_CUSTOM_ID})\}}$'


def parse_objects(texts: pl.Series) -> pl.Series:
    """The compact JSON text of each object, one level deep; null for text that is no JSON object."""
    # They repeat, and most are flat: what must be looked at is each different one.
    known = texts.unique().drop_nulls()
    compact = known.str.replace_all(_BLANKS, "$1$2")
    is_flat = compact.str.contains(f"^{FLAT}$")
    # Of a name that stands twice the last value counts.
    twins = with_twins(compact.filter(is_flat))
    is_flat = is_flat if twins.is_empty() else is_flat & ~compact.is_in(twins.implode())
    return _replaced(texts, known, compact, is_flat, _flat)


def with_twins(objects: pl.Series) -> pl.Series:
    """Those of some FLAT objects in which a name stands twice."""
    names = objects.str.replace_all(_MEMBER_VALUE, "$1")
    twins = [each for each in names.unique() if _has_twins(each)]
    return objects.filter(names.is_in(twins)) if twins else objects.clear()


def parse_users(texts: pl.Series) -> pl.Series:
    """The compact JSON text of each object that names a user; null for any other text.

    A user is named by `userID`, or by at least one entry of `customIDs`; an empty id names nobody.
    """
    is_plain = texts.str.contains(_PLAIN_USER).fill_null(value=True)
    if is_plain.all():
        return texts
    others = texts.filter(~is_plain).unique()
    compact = others.str.replace_all(_BLANKS, "$1$2")
    return _replaced(texts, others, compact, compact.str.contains(_PLAIN_USER), _user)


def custom_id_types(users: pl.Series) -> frozenset[str]:
    """The names of all custom ids of users, given as the compact JSON text that ingest stages."""
    texts = users.filter(users.str.contains(_CUSTOM_IDS_BEGIN, literal=True))
    found: set[str] = set()
    # Most files name the same few in the same order.
    for _ in range(_COMMON_ORDERS):
        if not len(texts):
            return frozenset(found)
        custom = json.loads(texts[0]).get(CUSTOM_IDS)
        common = list(custom) if isinstance(custom, dict) else []
        found.update(common)
        texts = texts.filter(~texts.str.contains(_naming(common)))
    entries = texts.str.splitn(_CUSTOM_IDS_BEGIN, 2).struct.field("field_1").str.splitn("}", 2).struct.field("field_0")
    # Names are found by the marks around them, but for entries with marks that are not plain: escapes, a bracket in a text,
    # names that begin or end with a mark.
    is_odd = texts.str.contains("\\", literal=True) | (entries.str.count_matches('"', literal=True) % 2 == 1)
    is_odd |= entries.str.contains('^":|,":')
    names = entries.filter(~is_odd).str.extract_all(_NAME).explode().drop_nulls().unique()
    found.update(names.str.head(-2).str.tail(-1))
    for text in texts.filter(is_odd):
        custom = json.loads(text).get(CUSTOM_IDS)
        found.update(custom if isinstance(custom, dict) else ())
    return frozenset(found)


def _naming(names: list[str]) -> str:
    """A pattern of a user whose custom ids have just these names in this order, and values without escapes.

    Inside of a string no quote stands without an escape, so that what it finds is the object itself.
    """
    entries = ",".join(re.escape(json.dumps(name, ensure_ascii=False)) + _ID_VALUE for name in names)
    return f"{re.escape(_CUSTOM_IDS_BEGIN)}{entries}\\}}"


def parse_uuids(text: pl.Expr) -> pl.Expr:
    """UUIDs in lower case; null for any other text."""
    return pl.when(text.str.contains(_UUID)).then(text.str.to_lowercase())


def _replaced(texts: pl.Series, some: pl.Series, compact: pl.Series, is_done: pl.Series, convert: _Convert) -> pl.Series:
    """The texts, with each of `some`, which are all different, as its `compact` one where that `is_done`, else converted."""
    pairs = zip(some, compact, is_done, strict=True)
    converted = pl.Series(
        [short if is_short else _converted(text, convert) for text, short, is_short in pairs], dtype=pl.String
    )
    if converted.equals(some):
        return texts
    number = texts.cast(pl.Enum(some), strict=False).to_physical()
    places = number.is_not_null().arg_true()
    # Changes the series that it is called on.
    return texts.clone().scatter(places, converted.gather(number.gather(places)))


def _has_twins(names: str) -> bool:
    each = names[1:-1].split('","')
    return len(set(each)) < len(each)


def _converted(text: str, convert: _Convert) -> str | None:
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
