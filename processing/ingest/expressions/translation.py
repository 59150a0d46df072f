"""Translates a parsed SQL expression to Polars, node by node; what has no translation here is refused.

The tables at the end are the allow-list. Nothing of the customer's text reaches an engine as SQL or as the name of a
column, and every function named here works row by row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from operator import add, and_, mul, or_, sub
from typing import Final

import polars as pl
from sqlglot import exp

from processing.frames.casts import from_excel
from processing.frames.decimals import DecimalMark
from processing.ingest.expressions.paths import PATHS, Resolve, value_at
from processing.ingest.expressions.values import (
    MOST_ADDED,
    MOST_GROWTH,
    ExpressionRefused,
    Kind,
    Value,
    as_day,
    as_number,
    as_text,
    as_truth,
    as_whole,
    cast_to,
    comparable,
    mark_of,
    null,
    united,
)
from schemas.customer_config import EXCEL, day_format_problem

Binary = Callable[[pl.Expr, pl.Expr], pl.Expr]

LONGEST_PATTERN: Final = 256
"""Characters of a regular expression."""
_MOST_REPEATS: Final = 1_000
_LONGEST_NUMBER: Final = 2**53
_MOST_PARTS: Final = 1_000
_PARTS_AT_ONCE: Final = 15
_FLAGS: Final = frozenset({"safe", "coalesce", "typed", "ignore_nulls", "_type"})
"""What the parser notes on its own account."""


class RefusedAt(Exception):
    """A node that is refused, on its way to whoever knows where it stands."""

    def __init__(self, node: exp.Expr, message: str) -> None:
        super().__init__(message)
        self.node = node
        self.message = message


def taken() -> frozenset[type[exp.Expr]]:
    """The kinds of nodes that an expression may have, besides names of columns."""
    return frozenset({*_CONSTANTS, *_HANDLERS})


def translate(node: exp.Expr, resolve: Resolve) -> Value:
    """The value of a whole expression; RefusedAt for anything that is not on the list."""
    try:
        value = _translated(node, resolve)
    except ExpressionRefused as error:
        raise RefusedAt(node, str(error)) from error
    if value.growth > MOST_GROWTH or value.added > MOST_ADDED:
        raise RefusedAt(node, f"{_shown(node)} could make a text much longer than the row it comes from")
    return value


def _translated(node: exp.Expr, resolve: Resolve) -> Value:
    if isinstance(node, PATHS):
        return value_at(node, resolve)
    if type(node) in _CONSTANTS:
        return _CONSTANTS[type(node)](node)
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise ExpressionRefused(f"{_shown(node)} is not taken in expressions")
    return handler(node, lambda child: translate(child, resolve))


def _shown(node: exp.Expr) -> str:
    name = node.name if isinstance(node, exp.Anonymous) else node.key
    return name.upper()[:64]


Walk = Callable[[exp.Expr], Value]
Handler = Callable[[exp.Expr, Walk], Value]


def _only(node: exp.Expr, *names: str) -> list[exp.Expr | None]:
    """The named arguments; refused when the node carries any other, which would be passed over in silence."""
    for name, argument in node.args.items():
        if name not in names and name not in _FLAGS and argument not in (None, False, []):
            raise ExpressionRefused(f"this form of {_shown(node)} is not taken")
    return [node.args.get(name) for name in names]


def _needed(node: exp.Expr, *names: str) -> list[exp.Expr]:
    found = [each for each in _only(node, *names) if isinstance(each, exp.Expr)]
    if len(found) != len(names):
        raise ExpressionRefused(f"{_shown(node)} takes {len(names)} arguments")
    return found


def _listed(node: exp.Expr, *names: str) -> list[exp.Expr]:
    """The named arguments and then the rest."""
    first = [each for each in _only(node, *names, "expressions")[: len(names)] if isinstance(each, exp.Expr)]
    return [*first, *node.expressions]


def _text_literal(node: exp.Expr | None, what: str) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise ExpressionRefused(f"write {what} as text in single quotes")
    return str(node.this)


def _whole_literal(node: exp.Expr | None, what: str, low: int, high: int) -> int:
    text = str(node.this) if isinstance(node, exp.Literal) and not node.is_string else ""
    if not text.isdecimal() or len(text) > len(str(high)) or not low <= int(text) <= high:
        raise ExpressionRefused(f"write {what} as a number from {low} to {high:,}")
    return int(text)


# Names and constants


def _constant(node: exp.Expr) -> Value:
    text = str(node.this)
    if isinstance(node, exp.Literal) and node.is_string:
        return Value(expr=pl.lit(text, pl.String), kind=Kind.TEXT, added=len(text.encode()), literal=text)
    if text.isdecimal():
        # Longer digits name something rather than count it, and would lose their last ones as double.
        if len(text) > len(str(_LONGEST_NUMBER)) or int(text) > _LONGEST_NUMBER:
            raise ExpressionRefused("write a number this long as text in single quotes")
        return Value(expr=pl.lit(int(text), pl.Int64), kind=Kind.WHOLE, literal=int(text))
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ExpressionRefused("this is no number, or one that is too large")
    return Value(expr=pl.lit(number, pl.Float64), kind=Kind.NUMBER, literal=number)


def _boolean(node: exp.Expr) -> Value:
    return Value(expr=pl.lit(bool(node.this), pl.Boolean), kind=Kind.TRUTH)


# Logic and comparison


def chain_of(node: exp.Expr) -> tuple[exp.Expr, list[exp.Expr]]:
    """The first operand of `a AND b AND c`, and the nodes above it from the innermost: long ones need no deep recursion."""
    family = type(node) if type(node) in _CHAINED else ()
    above: list[exp.Expr] = []
    while isinstance(node, family) and isinstance(node.this, exp.Expr):
        above.append(node)
        node = node.this
    return node, above[::-1]


def _chained(step: Callable[[Value, Value], Value]) -> Handler:
    def handle(node: exp.Expr, walk: Walk) -> Value:
        first, above = chain_of(node)
        operands = [walk(first), *(walk(_needed(each, "this", "expression")[1]) for each in above)]
        return reduce(step, operands)

    return handle


def _logic(operation: Binary) -> Handler:
    return _chained(lambda left, right: _truth(operation(as_truth(left).expr, as_truth(right).expr)))


def _truth(expr: pl.Expr) -> Value:
    return Value(expr=expr, kind=Kind.TRUTH)


def _not(node: exp.Expr, walk: Walk) -> Value:
    return _truth(~as_truth(walk(_needed(node, "this")[0])).expr)


def _comparison(operation: Binary) -> Handler:
    def handle(node: exp.Expr, walk: Walk) -> Value:
        return _compared(operation, *map(walk, _needed(node, "this", "expression")))

    return handle


def _compared(operation: Binary, left: Value, right: Value) -> Value:
    first, second = (value.expr for value in comparable(left, right))
    if not first.meta.root_names():
        # Of a constant on the left and a column of equal values on the right the engine (2.1) makes one row.
        return _truth(_MIRRORED[operation](second, first))
    return _truth(operation(first, second))


# The methods, and not the operators: of two operands Python asks the one of the more special class (`Then`) first, and so
# would swap them back.
_EQ, _NE, _LT, _LE, _GT, _GE = pl.Expr.eq, pl.Expr.ne, pl.Expr.lt, pl.Expr.le, pl.Expr.gt, pl.Expr.ge
_MIRRORED: Final[dict[Binary, Binary]] = {_EQ: _EQ, _NE: _NE, _LT: _GT, _LE: _GE, _GT: _LT, _GE: _LE}


def _is(node: exp.Expr, walk: Walk) -> Value:
    operand, what = _needed(node, "this", "expression")
    value = walk(operand)
    if isinstance(what, exp.Null):
        return _truth(value.expr.is_null())
    if isinstance(what, exp.Boolean):
        return _truth(as_truth(value).expr.eq_missing(pl.lit(bool(what.this))))
    raise ExpressionRefused("IS takes NULL, TRUE or FALSE")


def _in(node: exp.Expr, walk: Walk) -> Value:
    operand, *options = [walk(each) for each in _listed(node, "this")]
    if not options:
        raise ExpressionRefused("IN takes a list of values")
    texts = [each.literal for each in options if isinstance(each.literal, str)]
    if operand.kind is Kind.TEXT and len(texts) == len(options):
        return _truth(operand.expr.is_in(texts))
    return _truth(reduce(or_, [_compared(_EQ, operand, option).expr for option in options]))


def _between(node: exp.Expr, walk: Walk) -> Value:
    value, low, high = map(walk, _needed(node, "this", "low", "high"))
    return _truth(_compared(_GE, value, low).expr & _compared(_LE, value, high).expr)


def _like(flags: str) -> Handler:
    def handle(node: exp.Expr, walk: Walk) -> Value:
        operand, pattern, negated = _only(node, "this", "expression", "negate")
        if operand is None:
            raise ExpressionRefused("LIKE takes a text")
        text = _text_literal(pattern, "the pattern")
        if len(text) > LONGEST_PATTERN:
            raise ExpressionRefused(f"the pattern is longer than {LONGEST_PATTERN} characters")
        wild = {"%": ".*", "_": "."}
        regex = "".join(wild.get(letter) or _escaped(letter) for letter in re.sub("%+", "%", text))
        found = as_text(walk(operand)).expr.str.contains(rf"(?{flags})\A{regex}\z")
        return _truth(~found if negated else found)

    return handle


def _escaped(letter: str) -> str:
    # The engine's regular expressions take an escaped ASCII mark as itself, and refuse other escapes.
    return f"\\x{ord(letter):02x}" if letter.isascii() and not letter.isalnum() else letter


def _regexp_like(node: exp.Expr, walk: Walk) -> Value:
    operand, pattern = _needed(node, "this", "expression")
    text = _text_literal(pattern, "the pattern")
    repeats = math.prod(max(int(low or 1), int(high or 1), 1) for low, high in re.findall(r"\{(\d*),?(\d*)\}", text))
    if len(text) > LONGEST_PATTERN or repeats > _MOST_REPEATS:
        raise ExpressionRefused(
            f"the pattern is too large: at most {LONGEST_PATTERN} characters and {_MOST_REPEATS:,} counted repeats"
        )
    return _truth(as_text(walk(operand)).expr.str.contains(text))


# Numbers


def _arithmetic(operation: Binary) -> Handler:
    def step(left: Value, right: Value) -> Value:
        if left.kind is Kind.WHOLE and right.kind is Kind.WHOLE:
            return _narrowed(operation(left.expr.cast(pl.Int128), right.expr.cast(pl.Int128)))
        return _number(operation(as_number(left).expr, as_number(right).expr))

    return _chained(step)


def _narrowed(wide: pl.Expr) -> Value:
    # The engine's 64-bit arithmetic wraps round; a result that does not fit is null.
    return Value(expr=wide.cast(pl.Int64, strict=False), kind=Kind.WHOLE)


def _number(expr: pl.Expr) -> Value:
    return Value(expr=expr, kind=Kind.NUMBER)


def _divided(left: Value, right: Value) -> Value:
    over, under = as_number(left).expr, as_number(right).expr
    return _number(pl.when(under != 0).then(over / under))


def _modulo(left: Value, right: Value) -> Value:
    over, under = (as_whole(each).expr.cast(pl.Int128) for each in (left, right))
    # The engine's remainder has the sign of the divisor, that of SQL the sign of the dividend.
    rest = over % under
    signed = pl.when((rest != 0) & ((over < 0) ^ (under < 0))).then(rest - under).otherwise(rest)
    return _narrowed(pl.when(under != 0).then(signed))


def _negated(value: Value) -> Value:
    if value.kind is Kind.WHOLE:
        return _narrowed(pl.lit(0, pl.Int128) - value.expr.cast(pl.Int128))
    return _number(-as_number(value).expr)


def _absolute(value: Value) -> Value:
    if value.kind is Kind.WHOLE:
        return _narrowed(value.expr.cast(pl.Int128).abs())
    return _number(as_number(value).expr.abs())


def _unless_whole(operation: Callable[[pl.Expr], pl.Expr]) -> Callable[[Value], Value]:
    return lambda value: value if value.kind is Kind.WHOLE else _number(operation(as_number(value).expr))


def _round(node: exp.Expr, walk: Walk) -> Value:
    operand, places = _only(node, "this", "decimals")
    digits = 0 if places is None else _whole_literal(places, "the number of decimals", 0, 15)
    if operand is None:
        raise ExpressionRefused("ROUND takes a number")
    return _unless_whole(lambda expr: expr.round(digits, mode="half_away_from_zero"))(walk(operand))


def _extreme(pick: Callable[..., pl.Expr]) -> Handler:
    def handle(node: exp.Expr, walk: Walk) -> Value:
        values = [walk(each) for each in _listed(node, "this")]
        if {Kind.DAY, Kind.INSTANT}.isdisjoint(value.kind for value in values):
            # Text is compared as numbers: '9' is less than '10'.
            values = [value if value.kind is Kind.WHOLE else as_number(value) for value in values]
        values = comparable(*values)
        return Value(expr=pick([value.expr for value in values]), kind=values[0].kind)

    return handle


# Text


def _texts(operation: Callable[..., pl.Expr]) -> Handler:
    """A function of texts that gives no longer text than its first."""

    def handle(node: exp.Expr, walk: Walk) -> Value:
        value = as_text(walk(_needed(node, "this")[0]))
        return replace(value, expr=operation(value.expr), literal=None)

    return handle


def _text_test(operation: Binary) -> Handler:
    def handle(node: exp.Expr, walk: Walk) -> Value:
        return _truth(operation(*(as_text(walk(each)).expr for each in _needed(node, "this", "expression"))))

    return handle


def _trim(node: exp.Expr, walk: Walk) -> Value:
    operand, marks, position = _only(node, "this", "expression", "position")
    if operand is None:
        raise ExpressionRefused("TRIM takes a text")
    value = as_text(walk(operand))
    letters = None if marks is None else _text_literal(marks, "the characters to trim")
    side = str(position or "BOTH").upper()
    strip = {"BOTH": value.expr.str.strip_chars, "LEADING": value.expr.str.strip_chars_start}
    strip["TRAILING"] = value.expr.str.strip_chars_end
    return replace(value, expr=strip[side](letters), literal=None)


def _length(node: exp.Expr, walk: Walk) -> Value:
    text = as_text(walk(_needed(node, "this")[0]))
    return Value(expr=text.expr.str.len_chars().cast(pl.Int64), kind=Kind.WHOLE)


def _substring(node: exp.Expr, walk: Walk) -> Value:
    """Characters from `start`, counted from 1; a start before the text uses up the length, as in the standard."""
    operand, start, length = _only(node, "this", "start", "length")
    if operand is None or start is None:
        raise ExpressionRefused("SUBSTR takes a text, a start and maybe a length")
    value = as_text(walk(operand))
    begin = _bounded(walk(start))
    first = pl.max_horizontal(begin, pl.lit(1))
    first = pl.when(begin.is_not_null()).then(first)
    # No text is as long as that; without an end the slice would be null.
    end = pl.lit(2**33) if length is None else begin + _bounded(walk(length)).clip(lower_bound=0)
    taken = (end - first).clip(lower_bound=0)
    known = first.is_not_null() & taken.is_not_null()
    sliced = value.expr.str.slice(first.fill_null(1) - 1, taken.fill_null(0))
    return replace(value, expr=pl.when(known).then(sliced), literal=None)


def _bounded(value: Value) -> pl.Expr:
    return as_whole(value).expr.clip(-(2**32), 2**32).cast(pl.Int64)


def _replace(node: exp.Expr, walk: Walk) -> Value:
    operand, old, new = _only(node, "this", "expression", "replacement")
    if operand is None:
        raise ExpressionRefused("REPLACE takes a text")
    value = as_text(walk(operand))
    searched, written = _text_literal(old, "what is replaced"), _text_literal(new, "the replacement")
    if not searched:
        raise ExpressionRefused("REPLACE needs a text to look for")
    factor = max(1.0, len(written.encode()) / len(searched.encode()))
    replaced = value.expr.str.replace_all(searched, written, literal=True)
    # REPLACE(x, ',', '.') makes a point of the comma.
    decimal = DecimalMark.POINT if "," in searched or "." in written else value.decimal
    return Value(
        expr=replaced,
        kind=Kind.TEXT,
        growth=value.growth * factor,
        added=math.ceil(value.added * factor),
        decimal=decimal,
    )


def _split_part(node: exp.Expr, walk: Walk) -> Value:
    operand, separator, number = _only(node, "this", "delimiter", "part_index")
    if operand is None:
        raise ExpressionRefused("SPLIT_PART takes a text")
    value = as_text(walk(operand))
    mark = _text_literal(separator, "the separator")
    if not mark:
        raise ExpressionRefused("SPLIT_PART needs a separator")
    index = _whole_literal(number, "the number of the part", 1, _MOST_PARTS) - 1
    return replace(value, expr=_part(value.expr, mark, index), literal=None)


def _part(text: pl.Expr, mark: str, index: int) -> pl.Expr:
    # A list of all parts would take many times the memory of a text of little but marks: a few are cut off at a time.
    while index >= _PARTS_AT_ONCE:
        text, index = _field_after_split(text, mark, _PARTS_AT_ONCE), index - _PARTS_AT_ONCE
    return _field_after_split(text, mark, index)


def _field_after_split(text: pl.Expr, mark: str, index: int) -> pl.Expr:
    return text.str.splitn(mark, index + (1 if index == _PARTS_AT_ONCE else 2)).struct.field(f"field_{index}")


def _joined(values: Sequence[Value], *, ignore_nulls: bool) -> Value:
    texts = [as_text(value) for value in values]
    return Value(
        expr=pl.concat_str([text.expr for text in texts], ignore_nulls=ignore_nulls),
        kind=Kind.TEXT,
        growth=sum(text.growth for text in texts),
        added=sum(text.added for text in texts),
        decimal=mark_of(texts),
    )


def _concat(node: exp.Expr, walk: Walk) -> Value:
    return _joined([walk(each) for each in _listed(node)], ignore_nulls=True)


def _pipe(node: exp.Expr, walk: Walk) -> Value:
    first, above = chain_of(node)
    return _joined([walk(first), *(walk(_needed(each, "this", "expression")[1]) for each in above)], ignore_nulls=False)


# Choice


def _merged(values: Sequence[Value], expr: pl.Expr, decimal: DecimalMark) -> Value:
    return Value(
        expr=expr,
        kind=values[0].kind,
        growth=max(value.growth for value in values),
        added=max(value.added for value in values),
        decimal=decimal,
    )


def _choice(branches: Sequence[tuple[pl.Expr, Value]], otherwise: Value) -> Value:
    given = [*(value for _, value in branches), otherwise]
    values = united(*given)
    chosen = values[-1].expr
    for (condition, _), value in zip(reversed(branches), reversed(values[:-1]), strict=True):
        chosen = pl.when(condition).then(value.expr).otherwise(chosen)
    return _merged(values, chosen, mark_of(given))


def _case(node: exp.Expr, walk: Walk) -> Value:
    operand, default = _only(node, "this", "default", "ifs")[:2]
    base = None if operand is None else walk(operand)
    branches = []
    for branch in node.args.get("ifs") or ():
        when, then = map(walk, _needed(branch, "this", "true"))
        condition = as_truth(when) if base is None else _compared(_EQ, base, when)
        branches.append((condition.expr, then))
    return _choice(branches, null() if default is None else walk(default))


def _if(node: exp.Expr, walk: Walk) -> Value:
    condition, then, otherwise = _only(node, "this", "true", "false")
    if condition is None or then is None:
        raise ExpressionRefused("IF takes a condition and one or two values")
    return _choice([(as_truth(walk(condition)).expr, walk(then))], null() if otherwise is None else walk(otherwise))


def _coalesce(node: exp.Expr, walk: Walk) -> Value:
    given = [walk(each) for each in _listed(node, "this")]
    values = united(*given)
    return _merged(values, pl.coalesce([value.expr for value in values]), mark_of(given))


def _nullif(node: exp.Expr, walk: Walk) -> Value:
    value, other = map(walk, _needed(node, "this", "expression"))
    same = _compared(_EQ, value, other).expr.fill_null(False)
    return replace(value, expr=pl.when(~same).then(value.expr), literal=None)


# Types and days

_TYPES: Final = {
    exp.DType.TEXT: Kind.TEXT,
    exp.DType.VARCHAR: Kind.TEXT,
    exp.DType.DOUBLE: Kind.NUMBER,
    exp.DType.FLOAT: Kind.NUMBER,
    exp.DType.BIGINT: Kind.WHOLE,
    exp.DType.INT: Kind.WHOLE,
    exp.DType.BOOLEAN: Kind.TRUTH,
    exp.DType.DATE: Kind.DAY,
}


def _cast(node: exp.Expr, walk: Walk) -> Value:
    operand, target = _needed(node, "this", "to")
    kind = _TYPES.get(target.this)
    if kind is None or _only(target, "this") != [target.this]:
        raise ExpressionRefused("CAST knows VARCHAR, DOUBLE, BIGINT, BOOLEAN and DATE, without a length")
    return cast_to(walk(operand), kind)


def _date(node: exp.Expr, walk: Walk) -> Value:
    """DATE(x), or DATE(x, format); the parser calls the second argument a zone."""
    operand, pattern = _only(node, "this", "zone")
    if operand is None:
        raise ExpressionRefused("DATE takes a value and maybe a format")
    value = walk(operand)
    if pattern is None:
        return as_day(value)
    form = _text_literal(pattern, "the format")
    if form == EXCEL:
        return Value(expr=from_excel(as_text(value).expr).dt.date(), kind=Kind.DAY)
    problem = day_format_problem(form)
    if problem is not None:
        raise ExpressionRefused(problem)
    return Value(expr=as_text(value).expr.str.to_date(form, strict=False), kind=Kind.DAY)


def _day_part(part: Callable[[pl.Expr], pl.Expr]) -> Handler:
    def handle(node: exp.Expr, walk: Walk) -> Value:
        return Value(expr=part(as_day(walk(_needed(node, "this")[0])).expr).cast(pl.Int64), kind=Kind.WHOLE)

    return handle


def _one(operation: Callable[[Value], Value]) -> Handler:
    def handle(node: exp.Expr, walk: Walk) -> Value:
        return operation(walk(_needed(node, "this")[0]))

    return handle


_CHAINED: Final[frozenset[type[exp.Expr]]] = frozenset({exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.DPipe})

_CONSTANTS: Final[dict[type[exp.Expr], Callable[[exp.Expr], Value]]] = {
    exp.Literal: _constant,
    exp.Boolean: _boolean,
    exp.Null: lambda _: null(),
}

_HANDLERS: Final[dict[type[exp.Expr], Handler]] = {
    exp.Paren: _one(lambda value: value),
    exp.And: _logic(and_),
    exp.Or: _logic(or_),
    exp.Not: _not,
    exp.EQ: _comparison(_EQ),
    exp.NEQ: _comparison(_NE),
    exp.LT: _comparison(_LT),
    exp.LTE: _comparison(_LE),
    exp.GT: _comparison(_GT),
    exp.GTE: _comparison(_GE),
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Like: _like("s"),
    exp.ILike: _like("is"),
    exp.RegexpLike: _regexp_like,
    exp.StartsWith: _text_test(lambda text, start: text.str.starts_with(start)),
    exp.EndsWith: _text_test(lambda text, end: text.str.ends_with(end)),
    exp.Contains: _text_test(lambda text, part: text.str.contains(part, literal=True)),
    exp.Add: _arithmetic(add),
    exp.Sub: _arithmetic(sub),
    exp.Mul: _arithmetic(mul),
    exp.Div: _chained(_divided),
    exp.Mod: lambda node, walk: _modulo(*map(walk, _needed(node, "this", "expression"))),
    exp.Neg: _one(_negated),
    exp.Abs: _one(_absolute),
    exp.Floor: _one(_unless_whole(lambda expr: expr.floor())),
    exp.Ceil: _one(_unless_whole(lambda expr: expr.ceil())),
    exp.Round: _round,
    exp.Least: _extreme(pl.min_horizontal),
    exp.Greatest: _extreme(pl.max_horizontal),
    exp.Lower: _texts(lambda text: text.str.to_lowercase()),
    exp.Upper: _texts(lambda text: text.str.to_uppercase()),
    exp.Trim: _trim,
    exp.Length: _length,
    exp.Substring: _substring,
    exp.Replace: _replace,
    exp.SplitPart: _split_part,
    exp.Concat: _concat,
    exp.DPipe: _pipe,
    exp.Case: _case,
    exp.If: _if,
    exp.Coalesce: _coalesce,
    exp.Nullif: _nullif,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Date: _date,
    exp.Year: _day_part(lambda day: day.dt.year()),
    exp.Month: _day_part(lambda day: day.dt.month()),
    exp.Day: _day_part(lambda day: day.dt.day()),
}
