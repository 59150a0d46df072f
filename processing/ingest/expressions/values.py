"""The values of SQL expressions: what kind each has, how one kind becomes another, and how long its text can get.

Text of a CSV file is untyped, so that kinds meet all the time: `amount > 5` reads `amount` as a number, `'x' || 5` writes
5 as text. What does not fit becomes null, never an error. The rules are the few functions of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import polars as pl

from processing.domain.errors import OperatorError
from processing.frames.casts import cast_text
from processing.frames.decimals import DecimalMark, common_mark, with_point

MOST_GROWTH: Final = 8.0
"""Times its columns that the text of a value may grow."""
MOST_ADDED: Final = 1_024
"""Bytes that literals may add to the text of one value."""
_SHORT: Final = 32
"""Bytes that suffice for a number, a day or an instant as text, nearly."""


class ExpressionRefused(OperatorError):
    """The operator fixes the config: an expression is not one of those that are taken."""


class Kind(StrEnum):
    """What a value is, in the words of messages."""

    TEXT = "text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TRUTH = "true or false"
    DAY = "a date"
    INSTANT = "a timestamp"
    NOTHING = "NULL"


_DTYPES: Final = {
    Kind.TEXT: pl.String(),
    Kind.WHOLE: pl.Int64(),
    Kind.NUMBER: pl.Float64(),
    Kind.TRUTH: pl.Boolean(),
    Kind.DAY: pl.Date(),
    Kind.INSTANT: pl.Datetime("us"),
    Kind.NOTHING: pl.String(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A checked expression."""

    expr: pl.Expr
    kind: Kind
    growth: float = 0.0
    """How many times the bytes of a row its text can have."""
    added: int = _SHORT
    """Bytes on top of that."""
    literal: str | int | float | None = None
    """The constant itself, where it is one; None for everything else."""
    decimal: DecimalMark = DecimalMark.POINT
    """What stands before the fraction where the text is a number; of other kinds, as they are written."""


def column_value(position: int, dtype: pl.DataType, decimal: DecimalMark = DecimalMark.POINT) -> Value:
    """An uploaded column, whose text writes numbers with `decimal`; ExpressionRefused for a type that is not read."""
    column = pl.col(str(position))
    if isinstance(dtype, pl.String):
        return Value(expr=column, kind=Kind.TEXT, growth=1.0, added=0, decimal=decimal)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return Value(expr=column.cast(pl.String), kind=Kind.TEXT, growth=1.0, added=0, decimal=decimal)
    if isinstance(dtype, pl.Null):
        return Value(expr=column.cast(pl.String), kind=Kind.TEXT)
    if dtype.is_integer():
        # Beyond the 64-bit numbers with a sign, nothing narrower than 128 bits holds every value.
        wide = isinstance(dtype, pl.UInt64 | pl.Int128 | pl.UInt128)
        return Value(expr=column.cast(pl.Int128 if wide else pl.Int64, strict=False), kind=Kind.WHOLE)
    if dtype.is_numeric():
        return Value(expr=column.cast(pl.Float64, strict=False), kind=Kind.NUMBER)
    if isinstance(dtype, pl.Boolean):
        return Value(expr=column, kind=Kind.TRUTH)
    if isinstance(dtype, pl.Date):
        return Value(expr=column, kind=Kind.DAY)
    if isinstance(dtype, pl.Datetime):
        # An instant is told in UTC; a time without a zone is left as it was written.
        return Value(expr=column.dt.convert_time_zone("UTC") if dtype.time_zone else column, kind=Kind.INSTANT)
    raise ExpressionRefused(f"expressions do not read columns of type {dtype}")


def null() -> Value:
    """The literal NULL."""
    return Value(expr=pl.lit(None, pl.String), kind=Kind.NOTHING, added=0)


def as_text(value: Value) -> Value:
    """Any value as it is written: numbers with a point, days as YYYY-MM-DD, instants in ISO 8601."""
    if value.kind in (Kind.TEXT, Kind.NOTHING):
        return replace(value, kind=Kind.TEXT)
    return Value(expr=_written(value), kind=Kind.TEXT)


def _written(value: Value) -> pl.Expr:
    if value.kind is Kind.INSTANT:
        return value.expr.dt.to_string("iso:strict")
    return value.expr.cast(pl.String)


def as_number(value: Value) -> Value:
    """Text and whole numbers as double; no other kind becomes a number by itself."""
    if value.kind is Kind.TEXT:
        return Value(expr=cast_text(with_point(value.expr, value.decimal), pl.Float64()), kind=Kind.NUMBER)
    if value.kind is Kind.WHOLE:
        return Value(expr=value.expr.cast(pl.Float64), kind=Kind.NUMBER)
    return _expect(value, Kind.NUMBER)


def as_whole(value: Value) -> Value:
    """Text as a whole number; one with a fraction is not cut without being asked."""
    if value.kind is Kind.TEXT:
        return Value(expr=value.expr.cast(pl.Int64, strict=False), kind=Kind.WHOLE)
    return _expect(value, Kind.WHOLE)


def as_truth(value: Value) -> Value:
    """Text that says true or false, as in a boolean column of the contract."""
    if value.kind is Kind.TEXT:
        return Value(expr=cast_text(value.expr, pl.Boolean()), kind=Kind.TRUTH)
    return _expect(value, Kind.TRUTH)


def as_day(value: Value) -> Value:
    """Text in the form YYYY-MM-DD; of an instant, its day in UTC."""
    if value.kind is Kind.TEXT:
        return Value(expr=cast_text(value.expr, pl.Date()), kind=Kind.DAY)
    if value.kind is Kind.INSTANT:
        return Value(expr=value.expr.dt.date(), kind=Kind.DAY)
    return _expect(value, Kind.DAY)


def _expect(value: Value, kind: Kind) -> Value:
    if value.kind is Kind.NOTHING:
        return Value(expr=pl.lit(None, _DTYPES[kind]), kind=kind)
    if value.kind is not kind:
        raise ExpressionRefused(f"{kind} is needed where {value.kind} stands")
    return value


_AS: Final[dict[Kind, Callable[[Value], Value]]] = {
    Kind.TEXT: as_text,
    Kind.WHOLE: as_whole,
    Kind.NUMBER: as_number,
    Kind.TRUTH: as_truth,
    Kind.DAY: as_day,
    Kind.INSTANT: lambda value: _expect(value, Kind.INSTANT),
}


def comparable(*values: Value) -> list[Value]:
    """The values as one kind to be compared by: text meets anything else as that other kind."""
    kinds = {value.kind for value in values} - {Kind.NOTHING}
    if kinds == {Kind.TEXT, Kind.WHOLE}:
        kinds = {Kind.NUMBER}  # '5.0' is 5
    if len(kinds) > 1:
        kinds -= {Kind.TEXT}
    if kinds == {Kind.WHOLE, Kind.NUMBER}:
        kinds = {Kind.NUMBER}
    return _all_as(kinds, values, "be compared")


def united(*values: Value) -> list[Value]:
    """The values as one kind that holds them all, for results that may be any of them: text holds everything."""
    kinds = {value.kind for value in values} - {Kind.NOTHING}
    if Kind.TEXT in kinds:
        kinds = {Kind.TEXT}
    elif kinds == {Kind.WHOLE, Kind.NUMBER}:
        kinds = {Kind.NUMBER}
    return _all_as(kinds, values, "be one result")


def _all_as(kinds: set[Kind], values: Sequence[Value], what: str) -> list[Value]:
    if len(kinds) > 1:
        raise ExpressionRefused(f"{' and '.join(sorted(kinds))} cannot {what}: CAST one of them")
    kind = next(iter(kinds), Kind.TEXT)
    return [_AS[kind](value) for value in values]


def mark_of(values: Sequence[Value]) -> DecimalMark:
    """What stands before the fraction of a number in text that is one of these values, or made of them."""
    return common_mark(value.decimal for value in values if value.kind is not Kind.NOTHING)


def cast_to(value: Value, kind: Kind) -> Value:
    """CAST: null where the value does not fit, fractions cut towards zero, true and false as 1 and 0."""
    if kind is Kind.WHOLE and value.kind in (Kind.NUMBER, Kind.TRUTH):
        return Value(expr=value.expr.cast(pl.Int64, strict=False), kind=Kind.WHOLE)
    if kind is Kind.NUMBER and value.kind is Kind.TRUTH:
        return Value(expr=value.expr.cast(pl.Float64), kind=Kind.NUMBER)
    return _AS[kind](value)
