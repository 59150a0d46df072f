"""Numbers in text that stand with a decimal comma (`csv.decimal` of the config, contract section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import polars as pl

_WITH_COMMA: Final = r"^[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?$"


class DecimalMark(StrEnum):
    """What stands before the fraction of a number in text."""

    POINT = "."
    COMMA = ","
    """And no point, which would mean thousands."""
    EITHER = ",."
    """A comma, or a point where text may come from a number that was none: of JSON, of an expression, of the config."""


def common_mark(marks: Iterable[DecimalMark]) -> DecimalMark:
    """The mark of a text that is one of several, or made of them."""
    found = set(marks)
    return found.pop() if len(found) == 1 else DecimalMark.EITHER if found else DecimalMark.POINT


def with_point(text: pl.Expr, mark: DecimalMark) -> pl.Expr:
    """Numbers with a point, as the engine reads them; null where a point stands that may mean thousands."""
    if mark is DecimalMark.POINT:
        return text
    replaced = text.str.replace(",", ".", literal=True)
    has_point = text.str.contains(".", literal=True)
    is_thousands = has_point if mark is DecimalMark.COMMA else has_point & text.str.contains(",", literal=True)
    return pl.when(~is_thousands).then(replaced)


def numbers_with_point(text: pl.Expr, mark: DecimalMark) -> pl.Expr:
    """Text of which what is a number with a decimal comma has a point, and all else stays as it is."""
    if mark is DecimalMark.POINT:
        return text
    return pl.when(text.str.contains(_WITH_COMMA)).then(text.str.replace(",", ".", literal=True)).otherwise(text)
