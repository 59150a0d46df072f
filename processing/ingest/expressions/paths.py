"""Columns, and paths into those that hold JSON: `properties.plan`, `items[0].price`, `properties['a name']`.

A step is the name of a member, or the place of an element, counted from 0. What a path reaches is text, as a column of a text
format is: of a string its text, of a number, `true` and `false` what is written. What is not there has no value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import polars as pl
from sqlglot import exp

from processing.frames.decimals import DecimalMark
from processing.frames.json_paths import text_at
from processing.ingest.expressions.values import ExpressionRefused, Kind, Value

Resolve = Callable[[str], Value]
"""The value of a column by its name; raises ExpressionRefused where there is none."""

PATHS: Final = (exp.Column, exp.Dot, exp.Bracket)
"""What the parser makes of columns and of paths."""
_LAST_PLACE: Final = 9_999
_NAMES: Final = ("catalog", "db", "table", "this")
"""Where the parser puts the first names of a path; of fewer than four the last ones are taken."""


def value_at(node: exp.Expr, resolve: Resolve) -> Value:
    """The value of a column, or at a path in one; ExpressionRefused for any other form, and where a column is no text."""
    steps: list[str | int] = []
    while not isinstance(node, exp.Column):
        step, node = _outermost(node)
        steps.append(step)
    if node.args.get("join_mark"):
        raise ExpressionRefused("this form of a name is not taken")
    parts = [node.args[part] for part in _NAMES if node.args.get(part)]
    name, *members = [_name(part) for part in parts]
    path = [*members, *reversed(steps)]
    if not path:
        return resolve(name)
    try:
        column = resolve(name)
    except ExpressionRefused as error:
        raise type(error)(f"{error}; a name that holds a dot itself is written in double quotes") from error
    if column.kind is not Kind.TEXT:
        raise ExpressionRefused(f"{name[:64]!r} is {column.kind}, which has no members")
    reached = column.expr.map_batches(partial(text_at, path=tuple(path)), return_dtype=pl.String)
    # Numbers of JSON have a point, whatever texts in it have.
    is_point = column.decimal is DecimalMark.POINT
    decimal = DecimalMark.POINT if is_point else DecimalMark.EITHER
    return Value(expr=reached, kind=Kind.TEXT, growth=column.growth, added=column.added, decimal=decimal)


def _outermost(node: exp.Expr) -> tuple[str | int, exp.Expr]:
    """The last step of a path, and what it is taken from."""
    inner = node.this
    if isinstance(inner, PATHS):
        if isinstance(node, exp.Dot):
            return _name(node.expression), inner
        if isinstance(node, exp.Bracket) and len(node.expressions) == 1:
            return _in_brackets(node.expressions[0]), inner
    raise ExpressionRefused("a path begins with a column: column.member, column[0], column['member']")


def _name(part: object) -> str:
    if not isinstance(part, exp.Identifier):
        raise ExpressionRefused("write the members of a path as names: column.member, or column['member']")
    return str(part.this)


def _in_brackets(node: exp.Expr) -> str | int:
    text = str(node.this) if isinstance(node, exp.Literal) else ""
    if isinstance(node, exp.Literal) and node.is_string:
        return text
    if text.isdecimal() and len(text) <= len(str(_LAST_PLACE)):
        return int(text)
    raise ExpressionRefused(f"in brackets stands a place from 0 to {_LAST_PLACE:,}, or a member in single quotes")
