"""What stands at a path in text that is JSON (contract section 9): most of it is found without taking the text apart."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

import polars as pl

_PLAIN_NAME: Final = re.compile(r'[^"\\:,\x00-\x1f\x7f-\U0010ffff]+')
"""Names that stand in JSON as they are. Between two strings there always is a colon or a comma, which these do not hold."""
_BLANKS: Final = r"[ \t\r\n]*"
_STRING: Final = r'"([^"\\\x00-\x1f]*)"'
_BARE: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false"
_MEMBER: Final = rf'{_BLANKS}"[^"\\\x00-\x1f]*"{_BLANKS}:{_BLANKS}(?:"[^"\\\x00-\x1f]*"|{_BARE}|null){_BLANKS}'
_FLAT: Final = rf"^{_BLANKS}\{{{_MEMBER}(?:,{_MEMBER})*\}}{_BLANKS}$"


def text_at(values: pl.Series, path: tuple[str | int, ...]) -> pl.Series:
    """The text at a path in each JSON object or array: of a string itself, of other values their JSON; null without one.

    A step is a name in an object, or a place in an array, counted from 0. Numbers stay as they are written, with all their
    digits, `true` and `false` too; null, and text that is no JSON, gives null.
    """
    name = next((step for step in path if isinstance(step, str)), "")
    if not _PLAIN_NAME.fullmatch(name):
        return _by_parsing(values, path)
    may_have = values.str.contains(f'"{name}"', literal=True) | values.str.contains("\\", literal=True)
    places = may_have.arg_true()
    some = values.gather(places)
    found = _by_looking(some, name) if path == (name,) else _by_parsing(some, path)
    return pl.repeat(None, len(values), dtype=pl.String, eager=True).scatter(places, found).alias(values.name)


def _by_looking(values: pl.Series, name: str) -> pl.Series:
    """The same for a member of objects, most of which are flat: nothing but their own names stands before a colon there."""
    named = rf'"{re.escape(name)}"{_BLANKS}:'
    is_plain = (values.str.contains(_FLAT) & (values.str.count_matches(named) == 1)).fill_null(value=False)
    member = rf"{named}{_BLANKS}(?:{_STRING}|({_BARE}))"
    texts = values.to_frame("at").select(pl.coalesce(pl.col("at").str.extract(member, group) for group in (1, 2))).to_series()
    others = (~is_plain).arg_true()
    return texts.scatter(others, _by_parsing(values.gather(others), (name,))) if len(others) else texts


def _by_parsing(values: pl.Series, path: Sequence[str | int]) -> pl.Series:
    found = [None if text is None else _text_at(text, path) for text in values]
    return pl.Series(values.name, found, dtype=pl.String)


def _text_at(text: str, path: Sequence[str | int]) -> str | None:
    try:
        value = _AS_WRITTEN.decode(text)
        for step in path:
            has_steps = isinstance(value, dict) if isinstance(step, str) else isinstance(value, list)
            if not has_steps:
                return None
            value = value[step]
        if value is None:
            return None
        found = str(value) if isinstance(value, str) else _as_written(value)
    except (ValueError, LookupError, RecursionError):
        return None
    return found if found.isascii() or found.encode("utf-8", "ignore").decode() == found else None


def _as_written(value: Any) -> str:
    """The JSON of a value in which numbers are as they were written."""
    if isinstance(value, _Written):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_encoded(name)}:{_as_written(each)}" for name, each in value.items()) + "}"
    return "[" + ",".join(map(_as_written, value)) + "]" if isinstance(value, list) else _encoded(value)


class _Written(str):
    """A number as it was written."""

    __slots__ = ()


def _encoded(value: object) -> str:
    return _ENCODER.encode(value)


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


# Making one costs more than using it once.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_AS_WRITTEN: Final = json.JSONDecoder(parse_constant=_refuse, parse_float=_Written, parse_int=_Written)
