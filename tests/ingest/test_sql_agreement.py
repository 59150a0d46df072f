"""Expressions of a config agree with a second evaluator, and no text at all does more than be refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processing.ingest.expressions.compiler import ExpressionRefused, check_condition, check_expression, compile_expression
from tests.support.soak import times

Scalar = str | int | float | bool | None
Row = tuple[str | None, str | None]


@dataclass(frozen=True)
class Case:
    """SQL, and what it means for a row, in plain Python."""

    sql: str
    value: Callable[[Row], Scalar]


def number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


cells = st.none() | st.sampled_from(["0", "1", "2.5", "-3", "1e3", "x", "Ab", "a-b-c", "é%_", "true"])
rows = st.lists(st.tuples(cells, cells), min_size=1, max_size=6)

columns = st.sampled_from([Case("c0", lambda row: row[0]), Case('"c 1"', lambda row: row[1])])
text_literals = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=5).map(
    lambda text: Case("'" + text.replace("'", "''") + "'", lambda _: text)
)


def lifted(sql: str, function: Callable[..., Scalar], *parts: Case) -> Case:
    """A function of values that are all there; null where one is not."""

    def value(row: Row) -> Scalar:
        values = [part.value(row) for part in parts]
        return None if None in values else function(*values)

    return Case(sql.format(*(part.sql for part in parts)), value)


def texts_of(inner: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    return st.one_of(
        inner.map(lambda a: lifted("LOWER({})", str.lower, a)),
        st.tuples(inner, inner).map(lambda ab: lifted("({} || {})", lambda a, b: a + b, *ab)),
        st.tuples(inner, st.integers(1, 4), st.integers(0, 3)).map(
            lambda each: lifted(
                f"SUBSTR({{}}, {each[1]}, {each[2]})", lambda a: a[each[1] - 1 : each[1] - 1 + each[2]], each[0]
            )
        ),
        inner.map(
            lambda a: Case(f"CASE WHEN {a.sql} IS NULL THEN 'x' ELSE 'y' END", lambda row: "x" if a.value(row) is None else "y")
        ),
        inner.map(lambda a: lifted("REPLACE({}, '-', '+')", lambda a: a.replace("-", "+"), a)),
        st.tuples(inner, inner).map(
            lambda ab: Case(
                f"COALESCE({ab[0].sql}, {ab[1].sql})",
                lambda row: ab[1].value(row) if ab[0].value(row) is None else ab[0].value(row),
            )
        ),
        st.tuples(inner, inner).map(
            lambda ab: Case(
                f"NULLIF({ab[0].sql}, {ab[1].sql})",
                lambda row: None if ab[0].value(row) == ab[1].value(row) else ab[0].value(row),
            )
        ),
    )


texts = st.recursive(columns | text_literals, texts_of, max_leaves=5)


def as_number(part: Case) -> Case:
    return Case(part.sql, lambda row: number(part.value(row)))  # type: ignore[arg-type]


def divided(a: float, b: float) -> float | None:
    return None if b == 0 else a / b


def numbers_of(inner: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda ab: lifted("({} + {})", lambda a, b: a + b, *ab)),
        pairs.map(lambda ab: lifted("({} - {})", lambda a, b: a - b, *ab)),
        pairs.map(lambda ab: lifted("({} * {})", lambda a, b: a * b, *ab)),
        pairs.map(lambda ab: lifted("({} / {})", divided, *ab)),
        inner.map(lambda a: lifted("(- {})", lambda a: -a, a)),
        inner.map(lambda a: lifted("ABS({})", abs, a)),
        inner.map(lambda a: lifted("FLOOR({})", lambda a: float(math.floor(a)), a)),
        inner.map(lambda a: Case(f"IF({a.sql} > 1, 1, -2)", lambda row: 1 if (a.value(row) or 0) > 1 else -2)),  # type: ignore[operator]
        texts.map(lambda a: lifted("LENGTH({})", len, a)),
        texts.map(lambda a: lifted("(LENGTH({}) % 3)", lambda a: len(a) % 3, a)),
    )


numbers = st.recursive(
    columns.map(lambda column: lifted("CAST({} AS DOUBLE)", lambda a: a, as_number(column)))
    | st.integers(0, 99).map(lambda n: Case(str(n), lambda _: n)),
    numbers_of,
    max_leaves=5,
)


def both(a: Scalar, b: Scalar) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def negated(a: Scalar) -> bool | None:
    return None if a is None else not a


def truths_of(inner: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    return st.one_of(
        st.tuples(inner, inner).map(
            lambda ab: Case(f"({ab[0].sql} AND {ab[1].sql})", lambda row: both(ab[0].value(row), ab[1].value(row)))
        ),
        st.tuples(inner, inner).map(
            lambda ab: Case(
                f"({ab[0].sql} OR {ab[1].sql})",
                lambda row: negated(both(negated(ab[0].value(row)), negated(ab[1].value(row)))),
            )
        ),
        inner.map(lambda a: Case(f"(NOT {a.sql})", lambda row: negated(a.value(row)))),
    )


comparisons = st.one_of(
    st.tuples(texts, texts).map(lambda ab: lifted("({} = {})", lambda a, b: a == b, *ab)),
    st.tuples(texts, texts).map(lambda ab: lifted("({} < {})", lambda a, b: a.encode() < b.encode(), *ab)),
    st.tuples(numbers, numbers).map(lambda ab: lifted("({} >= {})", lambda a, b: a >= b, *ab)),
    texts.map(lambda a: Case(f"({a.sql} IS NULL)", lambda row: a.value(row) is None)),
    texts.map(lambda a: lifted("({} IN ('x', 'Ab'))", lambda a: a in ("x", "Ab"), a)),
    texts.map(lambda a: lifted("({} LIKE '%b%')", lambda a: "b" in a, a)),
    st.tuples(numbers, st.integers(0, 5), st.integers(0, 5)).map(
        lambda each: lifted(f"({{}} BETWEEN {each[1]} AND {each[2]})", lambda a: each[1] <= a <= each[2], each[0])
    ),
)
truths = st.recursive(comparisons, truths_of, max_leaves=4)
choices = st.tuples(truths, texts, texts).map(
    lambda each: Case(
        f"CASE WHEN {each[0].sql} THEN {each[1].sql} ELSE {each[2].sql} END",
        lambda row: each[1].value(row) if each[0].value(row) is True else each[2].value(row),
    )
)


@settings(max_examples=times(400))
@given(st.one_of(texts, numbers, truths, choices), rows)
def test_an_expression_means_the_same_to_a_second_evaluator(case: Case, rows: list[Row]) -> None:
    frame = pl.DataFrame(rows, schema={"0": pl.String, "1": pl.String}, orient="row")
    try:
        expr = compile_expression(case.sql, ["c0", "c 1"])
    except ExpressionRefused as refused:
        assert "much longer" in str(refused) or "deep" in str(refused)  # noqa: PT017 - the bounds may stop any of them
        return
    found = frame.with_columns(expr.alias("x"))["x"].to_list()
    for row, value in zip(rows, found, strict=True):
        assert_same(value, case.value(row))


def assert_same(found: str | None, expected: Scalar) -> None:
    if expected is None or isinstance(expected, str):
        assert found == expected
    elif isinstance(expected, bool):
        assert found == ("true" if expected else "false")
    else:
        assert found is not None
        assert float(found) == float(expected)


WORDS = """
a b " ' ( ) [ ] { } , ; . * + - / % || -> :: = <> < > ? : @ $ # \\ ` -- /* */ SELECT FROM WHERE CASE WHEN THEN ELSE END CAST AS
DOUBLE VARCHAR DATE IN NOT LIKE BETWEEN AND OR IS NULL TRUE OVER PARTITION BY ORDER INTERVAL EXTRACT LOWER COALESCE SUM COUNT
UNNEST read_csv VALUES WITH DROP TABLE ARRAY STRUCT MAP 1 1.5 'x' "c" 0x1 1e9 é TRIM LEADING ESCAPE ANY ALL EXISTS FOR
XMLTABLE JSON_OBJECT MATCH AGAINST PRIOR CONNECT NEXT VALUE OVERLAY
"""
fragments = st.lists(st.sampled_from([*WORDS.split(), "\x00", "\n", "\u2028"]), max_size=25).map(" ".join)


@settings(max_examples=times(800))
@given(st.text(max_size=60) | fragments)
@example("\ud800")
@example("(" * 5_000)
@example("a" * 5_000)
def test_any_text_is_taken_or_refused_and_nothing_else(text: str) -> None:
    for check in (check_expression, check_condition):
        try:
            check(text)
        except ExpressionRefused as refused:
            assert str(refused)  # noqa: PT017 - both outcomes are fine


@given(
    texts=st.lists(st.text("ab-", max_size=90) | st.none(), min_size=1, max_size=4),
    mark=st.sampled_from(["-", "a", "ab", "aba", "--", "|"]),
    number=st.integers(1, 50),
)
@settings(max_examples=times(200))
def test_a_part_is_what_splitting_at_every_mark_gives(texts: list[str | None], mark: str, number: int) -> None:
    found = pl.DataFrame({"0": texts}, schema={"0": pl.String}).select(
        compile_expression(f"SPLIT_PART(a, '{mark}', {number})", ("a",)).alias("x")
    )
    parts = [None if text is None else text.split(mark) for text in texts]
    assert found["x"].to_list() == [None if each is None or len(each) < number else each[number - 1] for each in parts]
