"""One SQL expression of a customer's config becomes one Polars expression over an upload's columns, or is refused.

Each row's value depends on that row alone. Text in the config is bounded, parsed, checked against an allow-list and
translated; nothing of it is run as SQL. Frames are those of the readers: columns `0`, `1`, ... in the order of the header,
so that a column may be called anything. Names match exactly. A value that does not fit is null, and never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, TypeVar

import polars as pl
from sqlglot import Parser, Token, TokenType, exp, tokenize
from sqlglot.errors import ParseError, SqlglotError

from processing.frames.decimals import DecimalMark
from processing.ingest.expressions.paths import Resolve
from processing.ingest.expressions.translation import RefusedAt, chain_of, translate
from processing.ingest.expressions.values import ExpressionRefused, Value, as_text, as_truth, column_value

__all__ = [
    "ExpressionRefused",
    "UnknownColumn",
    "Uploaded",
    "check_condition",
    "check_expression",
    "compile_condition",
    "compile_expression",
    "compile_filter",
    "compile_value",
]

LONGEST: Final = 4_000
"""Characters of an expression."""
MOST_NODES: Final = 500
DEEPEST: Final = 50
_MOST_NESTED: Final = 30
_OPENING: Final = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING: Final = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
_QUOTED: Final = frozenset({TokenType.STRING, TokenType.IDENTIFIER})
_SHOWN: Final = 40

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

T = TypeVar("T")


class UnknownColumn(ExpressionRefused):
    """The expression reads a column that the upload lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """The columns that an expression may read."""

    names: Sequence[str]
    """The header."""
    dtypes: Sequence[pl.DataType] | None = None
    """What the columns hold; text when it is not given."""
    decimal: DecimalMark = DecimalMark.POINT
    """What stands before the fraction of a number in text."""


def compile_expression(sql: str, columns: Sequence[str], dtypes: Sequence[pl.DataType] | None = None) -> pl.Expr:
    """The value of `sql` for each row, as text.

    `columns` is the header and `dtypes` what its columns hold, text when it is not given. Raises ExpressionRefused, which
    says what is wrong and where; UnknownColumn, which is one, for a name that is not in the header.
    """
    return compile_value(sql, Uploaded(names=columns, dtypes=dtypes)).expr


def compile_condition(sql: str, columns: Sequence[str], dtypes: Sequence[pl.DataType] | None = None) -> pl.Expr:
    """Whether `sql` is true of each row: boolean, and false where it is neither true nor false. Raises as above."""
    return compile_filter(sql, Uploaded(names=columns, dtypes=dtypes))


def compile_value(sql: str, uploaded: Uploaded) -> Value:
    """The same as `compile_expression`, with what stands before the fraction of a number in the text."""
    return _compiled(sql, uploaded, as_text)


def compile_filter(sql: str, uploaded: Uploaded) -> pl.Expr:
    """The same as `compile_condition`."""
    return _compiled(sql, uploaded, as_truth).expr.fill_null(False)


def check_expression(sql: str) -> None:
    """Raise ExpressionRefused unless `sql` can be compiled for an upload of text that has the columns it names."""
    _checked(sql, as_text)


def check_condition(sql: str) -> None:
    """The same for a condition."""
    _checked(sql, as_truth)


def columns_read(sql: str) -> tuple[str, ...]:
    """The names of the columns that `sql` reads. Raises as above."""
    names: dict[str, None] = {}

    def resolve(name: str) -> Value:
        names[name] = None
        return column_value(0, pl.String())

    _value(sql, resolve, as_text)
    return tuple(names)


def _checked(sql: str, finish: Callable[[Value], Value]) -> None:
    names: dict[str, int] = {}

    def resolve(name: str) -> Value:
        return column_value(names.setdefault(name, len(names)), pl.String())

    value = _value(sql, resolve, finish)
    _prove(value.expr, (pl.String(),) * len(names))


def _compiled(sql: str, uploaded: Uploaded, finish: Callable[[Value], Value]) -> Value:
    columns = uploaded.names
    types = (pl.String(),) * len(columns) if uploaded.dtypes is None else uploaded.dtypes
    positions = {name: position for position, name in enumerate(columns)}

    def resolve(name: str) -> Value:
        if name not in positions:
            raise UnknownColumn(f"the upload has no column {_cut(name)!r}{_nearest(name, columns)}")
        return column_value(positions[name], types[positions[name]], uploaded.decimal)

    value = _value(sql, resolve, finish)
    _prove(value.expr, types)
    return value


def _nearest(name: str, columns: Sequence[str]) -> str:
    folded = {column.strip().lower(): column for column in columns}
    close = get_close_matches(name.strip().lower()[:128], list(folded)[:1_024], n=1)
    return f"; {_cut(folded[close[0]])!r} comes near" if close else ""


def _value(sql: str, resolve: Resolve, finish: Callable[[Value], Value]) -> Value:
    tokens = _tokens(sql)

    def work() -> Value:
        node = _parsed(sql, tokens)
        try:
            return finish(translate(node, resolve))
        except RefusedAt as refused:
            kind = UnknownColumn if isinstance(refused.__cause__, UnknownColumn) else ExpressionRefused
            raise kind(refused.message + _place(sql, refused.node)) from refused

    return _with_empty_stack(work)


def _with_empty_stack(work: Callable[[], T]) -> T:
    # A thread of its own starts with an empty stack, so that how deep an expression may be nested does not depend on
    # how deep the caller is.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sql") as pool:
        try:
            return pool.submit(work).result()
        except RecursionError as error:
            raise ExpressionRefused("the expression is nested too deeply") from error


def _tokens(sql: str) -> list[Token]:
    """The words of an expression, after the bounds that need no parsing."""
    if not sql.strip():
        raise ExpressionRefused("the expression is empty")
    if len(sql) > LONGEST:
        raise ExpressionRefused(f"the expression has {len(sql):,} characters, more than {LONGEST:,}")
    control = _CONTROL.search(sql)
    if control:
        raise ExpressionRefused(f"a control character is not taken, {_at(sql, control.start())}")
    try:
        tokens = tokenize(sql)
    except SqlglotError as error:
        raise ExpressionRefused("a quote or a comment is not closed") from error
    if not tokens:
        raise ExpressionRefused("the expression is empty")
    nested = 0
    for token in tokens:
        problem = _problem_of(token)
        if problem is not None:
            raise ExpressionRefused(f"{problem}, {_at(sql, token.start)}")
        nested += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if nested > _MOST_NESTED:
            raise ExpressionRefused(f"the expression is nested more than {_MOST_NESTED} levels deep")
    return tokens


def _problem_of(token: Token) -> str | None:
    if token.token_type not in _QUOTED and not token.text.isascii():
        return "put a name with letters beyond ASCII in double quotes"
    if token.token_type is TokenType.SEMICOLON:
        return "write one expression, without a semicolon"
    if token.comments:
        return "comments are not taken: put them into YAML, after #"
    return None


def _parsed(sql: str, tokens: list[Token]) -> exp.Expr:
    try:
        # As a condition, and not as a statement: SELECT, DROP and their like do not even begin one.
        found = Parser().parse_into(exp.Condition, tokens, sql)
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        where = f", line {first['line']}, character {first['col']}" if first.get("line") else ""
        raise ExpressionRefused(f"this is not an SQL expression{where}") from error
    except (SqlglotError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        # The parser was made for whole statements and trips over some fragments.
        raise ExpressionRefused("this is not an SQL expression") from error
    node = found[0] if len(found) == 1 else None
    if node is None:
        raise ExpressionRefused("write one expression")
    _bound_size(node)
    return node


def _bound_size(node: exp.Expr) -> None:
    count = 0
    todo = [(node, 1)]
    while todo:
        each, depth = todo.pop()
        if depth > DEEPEST:
            raise ExpressionRefused(f"the expression is nested more than {DEEPEST} levels deep")
        links = chain_of(each)[1] or [each]
        count += len(links)
        if count > MOST_NODES:
            raise ExpressionRefused(f"the expression has more than {MOST_NODES} parts")
        inner = {id(link) for link in links}
        for link in links:
            todo += [(child, depth + 1) for child in link.iter_expressions() if id(child) not in inner]


def _prove(expr: pl.Expr, dtypes: Sequence[pl.DataType]) -> None:
    """Run the expression on one row without values: what the engine refuses does not depend on them."""
    frame = pl.DataFrame({str(position): pl.Series([None], dtype=dtype) for position, dtype in enumerate(dtypes)})
    try:
        frame.lazy().select(expr).collect()
    except pl.exceptions.PolarsError as error:
        reason = " ".join(str(error).partition("\n\nThis error")[0].split())
        raise ExpressionRefused(f"the engine refuses the expression: {reason[:200]}") from error


def _place(sql: str, node: exp.Expr) -> str:
    starts = [each.meta["start"] for each in node.walk() if "start" in each.meta]
    return f", {_at(sql, min(starts))}" if starts else ""


def _at(sql: str, index: int) -> str:
    return f"at character {index + 1} ({_cut(sql[index:])!r})"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
