"""Expressions of a config: those on the list mean what the table says, everything else is refused before it can run."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from sqlglot import parse_one

from processing.ingest.expressions.allow_list import FORMS, Form
from processing.ingest.expressions.compiler import (
    DEEPEST,
    LONGEST,
    MOST_NODES,
    ExpressionRefused,
    UnknownColumn,
    check_condition,
    check_expression,
    compile_condition,
    compile_expression,
)
from processing.ingest.expressions.translation import taken

HEADER = ("a", "b", "first name", 'q"x', "a.b", "SELECT", "größe", "day")
FRAME = pl.DataFrame(
    {
        "0": ["1", "2.5", "x", None],
        "1": ["Ab-cd", " pad ", "100%", None],
        "2": ["n", "n", "n", "n"],
        "3": ["q", "q", "q", "q"],
        "4": ["dot", "dot", "dot", "dot"],
        "5": ["kw", "kw", "kw", "kw"],
        "6": ["u", "u", "u", "u"],
        "7": ["2026-11-18", "18.11.2026", "", None],
    }
)

ALLOWED: list[tuple[str, list[str | None]]] = [
    ("a", ["1", "2.5", "x", None]),
    ("'it''s'", ["it's"] * 4),
    (r"'back\slash'", [r"back\slash"] * 4),
    ("NULL", [None] * 4),
    ("42", ["42"] * 4),
    ("1.50", ["1.5"] * 4),
    ("TRUE", ["true"] * 4),
    # names
    ('"first name"', ["n"] * 4),
    ('"q""x"', ["q"] * 4),
    ('"a.b"', ["dot"] * 4),
    ('"SELECT"', ["kw"] * 4),
    ('"größe"', ["u"] * 4),
    # numbers: text is read as double, what is none gives null
    ("a + 1", ["2.0", "3.5", None, None]),
    ("a * a - 1", ["0.0", "5.25", None, None]),
    ("-a", ["-1.0", "-2.5", None, None]),
    ("1 + 2 * 3", ["7"] * 4),
    ("(1 + 2) * 3", ["9"] * 4),
    ("10 - 4 - 3", ["3"] * 4),
    ("7 / 2", ["3.5"] * 4),
    ("8 / 2 / 2", ["2.0"] * 4),
    ("a / 0", [None] * 4),
    ("7 % 3", ["1"] * 4),
    ("-7 % 3", ["-1"] * 4),
    ("MOD(7, -3)", ["1"] * 4),
    ("7 % 0", [None] * 4),
    ("CAST('9223372036854775807' AS BIGINT) + 1", [None] * 4),
    ("CAST('9223372036854775807' AS BIGINT) - 1", ["9223372036854775806"] * 4),
    ("ABS(CAST('-9223372036854775808' AS BIGINT))", [None] * 4),
    ("ROUND(2.5)", ["3.0"] * 4),
    ("ROUND(-2.5)", ["-3.0"] * 4),
    ("ROUND(1.25, 1)", ["1.3"] * 4),
    ("FLOOR(a)", ["1.0", "2.0", None, None]),
    ("CEIL(a)", ["1.0", "3.0", None, None]),
    ("ABS(-3)", ["3"] * 4),
    ("GREATEST(a, 2)", ["2.0", "2.5", "2.0", "2.0"]),
    ("LEAST('9', '10')", ["9.0"] * 4),
    # comparison and logic
    ("a > 1", ["false", "true", None, None]),
    ("a = 1", ["true", "false", None, None]),
    ("a = '1'", ["true", "false", "false", None]),
    ("a <> 'x'", ["true", "true", "false", None]),
    ("a IS NULL", ["false", "false", "false", "true"]),
    ("a IS NOT NULL", ["true", "true", "true", "false"]),
    ("(a > 1) IS TRUE", ["false", "true", "false", "false"]),
    ("a = NULL", [None] * 4),
    ("a > 1 OR TRUE", ["true"] * 4),
    ("a > 1 AND FALSE", ["false"] * 4),
    ("NOT a > 1", ["true", "false", None, None]),
    ("TRUE OR FALSE AND FALSE", ["true"] * 4),
    ("a IN ('1', 'x')", ["true", "false", "true", None]),
    ("a IN (1, 2.5)", ["true", "true", None, None]),
    ("a NOT IN ('1', 'x')", ["false", "true", "false", None]),
    ("a IN ('1', NULL)", ["true", None, None, None]),
    ("a BETWEEN 1 AND 2", ["true", "false", None, None]),
    ("a NOT BETWEEN 1 AND 2", ["false", "true", None, None]),
    ("b LIKE 'A%'", ["true", "false", "false", None]),
    ("b LIKE '100_'", ["false", "false", "true", None]),
    ("b LIKE '%.%'", ["false", "false", "false", None]),
    ("b ILIKE 'ab%'", ["true", "false", "false", None]),
    ("NOT b LIKE '%d'", ["false", "true", "true", None]),
    ("b NOT ILIKE '%D'", ["false", "true", "true", None]),
    ("b NOT RLIKE 'd$'", ["false", "true", "true", None]),
    ("b NOT LIKE '%d'", ["false", "true", "true", None]),
    ("REGEXP_LIKE(b, '^[0-9]+%$')", ["false", "false", "true", None]),
    ("STARTS_WITH(b, 'Ab')", ["true", "false", "false", None]),
    ("ENDS_WITH(b, '%')", ["false", "false", "true", None]),
    ("CONTAINS(b, '.')", ["false", "false", "false", None]),
    # text
    ("LOWER(b)", ["ab-cd", " pad ", "100%", None]),
    ("UPPER(b)", ["AB-CD", " PAD ", "100%", None]),
    ("TRIM(b)", ["Ab-cd", "pad", "100%", None]),
    ("LTRIM(b)", ["Ab-cd", "pad ", "100%", None]),
    ("RTRIM(b)", ["Ab-cd", " pad", "100%", None]),
    ("TRIM(b, '%A')", ["b-cd", " pad ", "100", None]),
    ("LENGTH('größe')", ["5"] * 4),
    ("SUBSTR(b, 2)", ["b-cd", "pad ", "00%", None]),
    ("SUBSTRING(b FROM 1 FOR 2)", ["Ab", " p", "10", None]),
    ("SUBSTR('abc', 0, 2)", ["a"] * 4),
    ("SUBSTR('abc', -5, 2)", [""] * 4),
    ("SUBSTR('abc', 2, -1)", [""] * 4),
    ("SUBSTR('abc', 1, NULL)", [None] * 4),
    ("SUBSTR(b, 1, LENGTH(b) - 1)", ["Ab-c", " pad", "100", None]),
    ("REPLACE(b, '-', '+')", ["Ab+cd", " pad ", "100%", None]),
    ("REPLACE('a.b', '.', '$0')", ["a$0b"] * 4),
    ("SPLIT_PART(b, '-', 1)", ["Ab", " pad ", "100%", None]),
    ("SPLIT_PART(b, '-', 2)", ["cd", None, None, None]),
    ("a || '/' || b", ["1/Ab-cd", "2.5/ pad ", "x/100%", None]),
    ("CONCAT(a, '/', b)", ["1/Ab-cd", "2.5/ pad ", "x/100%", "/"]),
    ("'n' || 1 + 2", ["n3"] * 4),
    # choice
    ("CASE WHEN a > 2 THEN 'big' WHEN a > 0 THEN 'small' ELSE 'none' END", ["small", "big", "none", "none"]),
    ("CASE a WHEN 'x' THEN 1 END", [None, None, "1", None]),
    ("CASE WHEN a > 2 THEN a ELSE 0 END", ["0", "2.5", "0", "0"]),
    ("CASE WHEN TRUE THEN 1 ELSE 2.5 END", ["1.0"] * 4),
    ("IF(a > 2, 'y', 'n')", ["n", "y", "n", "n"]),
    ("COALESCE(a, 0)", ["1", "2.5", "x", "0"]),
    ("IFNULL(a, b)", ["1", "2.5", "x", None]),
    ("NULLIF(a, 'x')", ["1", "2.5", None, None]),
    # types
    ("CAST(a AS DOUBLE)", ["1.0", "2.5", None, None]),
    ("CAST(a AS BIGINT)", ["1", None, None, None]),
    ("CAST(CAST(a AS DOUBLE) AS BIGINT)", ["1", "2", None, None]),
    ("TRY_CAST(a AS BOOLEAN)", ["true", None, None, None]),
    ("a::INT", ["1", None, None, None]),
    ("CAST(1.0 AS VARCHAR) || ''", ["1.0"] * 4),
    ("CAST(TRUE AS BIGINT)", ["1"] * 4),
    ('CAST("day" AS DATE)', ["2026-11-18", None, None, None]),
    ("DATE(\"day\", '%d.%m.%Y')", [None, "2026-11-18", None, None]),
    ("\"day\" >= DATE '2026-01-01'", ["true", None, None, None]),
    ('YEAR("day") * 100 + MONTH("day")', ["202611", None, None, None]),
    ("DAY(DATE('2026-11-18'))", ["18"] * 4),
]


@pytest.mark.parametrize(("sql", "expected"), ALLOWED, ids=[sql for sql, _ in ALLOWED])
def test_an_allowed_expression_means_what_sql_says(sql: str, expected: list[str | None]) -> None:
    check_expression(sql)
    assert FRAME.with_columns(compile_expression(sql, HEADER).alias("x"))["x"].to_list() == expected


REFUSED = [
    # other ways to rows than this row's
    "(SELECT 1)",
    "SELECT 1",
    "a IN (SELECT b FROM t)",
    "EXISTS (SELECT 1)",
    "(WITH t AS (SELECT 1) SELECT * FROM t)",
    "WITH t AS (SELECT 1) SELECT * FROM t",
    "a = ANY (SELECT 1)",
    "a UNION SELECT 1",
    "(VALUES (1))",
    "(TABLE t)",
    # files and addresses
    "read_csv('/etc/passwd')",
    "(SELECT * FROM read_csv('/etc/passwd'))",
    "read_parquet('https://example.com/x.parquet')",
    "scan_csv('/etc/passwd')",
    "read_json('x')",
    "read_ipc('x')",
    "load_extension('x')",
    "pg_read_file('/etc/passwd')",
    "getenv('HOME')",
    "system('id')",
    # statements
    "DROP TABLE df",
    "CREATE TABLE t AS SELECT 1",
    "DELETE FROM t",
    "TRUNCATE TABLE t",
    "COPY t TO 'x'",
    "ATTACH 'x'",
    "PRAGMA x",
    "SET x = 1",
    "SHOW TABLES",
    "EXPLAIN SELECT 1",
    "a; DROP TABLE df",
    "a;",
    # other rows: aggregates and windows
    "SUM(a)",
    "COUNT(*)",
    "COUNT(a)",
    "MAX(a)",
    "AVG(a) + 1",
    "FIRST(a)",
    "STDDEV(a)",
    "QUANTILE(a, 0.5)",
    "ARRAY_AGG(a)",
    "STRING_AGG(a, ',')",
    "SUM(a) OVER ()",
    "ROW_NUMBER() OVER (ORDER BY a)",
    "LAG(a) OVER (ORDER BY b)",
    "FIRST_VALUE(a) OVER w",
    "SUM(a) FILTER (WHERE TRUE)",
    "COUNT(DISTINCT a)",
    "a ORDER BY b",
    "DISTINCT a",
    # more rows than one
    "UNNEST(a)",
    "EXPLODE(a)",
    "generate_series(1, 1000000000)",
    "range(1, 10)",
    "a IN UNNEST(b)",
    # not the same twice
    "RANDOM()",
    "UUID()",
    "NOW()",
    "CURRENT_DATE",
    "CURRENT_TIMESTAMP",
    # growth
    "REPEAT(a, 1000000)",
    "LPAD(a, 1000000)",
    "RPAD(a, 1000000, 'x')",
    "SPACE(1000000)",
    "REPLACE(a, 'a', 'aaaaaaaaaaaaaaaaaaaa')",
    "REPLACE(REPLACE(a, 'a', 'bbbb'), 'b', 'cccc')",
    "CONCAT(a, a, a, a, a, a, a, a, a)",
    f"'{'x' * 2_000}'",
    "REPLACE(a, '', 'x')",
    # names and stars
    "*",
    "t.*",
    "COLUMNS('.*')",
    "a AS b",
    "a b",
    "größe",
    # parameters and host features
    "?",
    ":a",
    "@a",
    "@@version",
    "{{ a }}",
    "{'a': 1}",
    "[1, 2]",
    "ARRAY[1]",
    "a -> 'x'",
    "a ->> '$.x'",
    "x -> x + 1",
    "(a, b)",
    "INTERVAL '1' DAY",
    "X'1F'",
    "a COLLATE utf8",
    "a AT TIME ZONE 'UTC'",
    "CAST(a AS BLOB)",
    "CAST(a AS VARCHAR(5))",
    "CAST(a AS TIMESTAMP)",
    "CAST(a AS STRUCT<x INT>)",
    "CAST(a AS INT[])",
    "CAST(a AS DATE FORMAT 'YYYY')",
    "EXTRACT(YEAR FROM a)",
    "a LIKE b",
    "a LIKE 'x' ESCAPE '!'",
    "a LIKE ANY ('x', 'y')",
    "REGEXP_LIKE(a, b)",
    "REGEXP_LIKE(a, '(')",
    "REGEXP_LIKE(a, 'x', 'i')",
    "REGEXP_LIKE(a, '(a{1000}){1000}')",
    f"REGEXP_LIKE(a, '{'x' * 300}')",
    "SPLIT_PART(a, '-', 0)",
    "SPLIT_PART(a, '', 1)",
    "SPLIT_PART(a, b, 1)",
    "ROUND(a, 99)",
    "ROUND(a, b)",
    "DATE(a, '%Q')",
    "DATE(a, '%H:%M')",
    "TRIM(a, b)",
    "12345678901234567890",
    "1e999",
    "0E",
    # kinds that do not meet
    "TRUE + 1",
    "DATE '2026-01-01' + 1",
    "TRUE > 1",
    "CASE WHEN a THEN TRUE ELSE 1 END",
    "CAST(DATE '2026-01-01' AS BIGINT)",
    "1 AND 2",
    # form
    "",
    "   ",
    "a +",
    "(a",
    "a)",
    "'open",
    '"open',
    "LOWER()",
    "LOWER(a, b)",
    "CASE END",
    "a /* and */ + 1",
    "a -- rest",
    "/* a */",
    "--",
    "a /* x */; DROP TABLE df",
    "/*! a */ a",
    "a /* open",
    "a\x00",
    "'\x00'",
    "'\ud800'",
    "a\u200b",
    # letters that only look like a function's
    "ＬＯＷＥＲ(a)",
    "LОWER(a)",
    "ſubstr(a, 1)",
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.example)
def test_the_example_of_a_form_compiles_and_is_of_that_form(form: Form) -> None:
    check_expression(form.example)
    assert any(type(node) is form.node for node in parse_one(form.example).walk())


def test_every_form_that_is_taken_is_on_the_page_and_no_other() -> None:
    assert sorted(form.node.__name__ for form in FORMS) == sorted(node.__name__ for node in taken())


@pytest.mark.parametrize("sql", REFUSED, ids=[ascii(sql)[:60] for sql in REFUSED])
def test_everything_else_is_refused(sql: str) -> None:
    with pytest.raises(ExpressionRefused):
        check_expression(sql)
    with pytest.raises(ExpressionRefused):
        compile_expression(sql, HEADER)


OVERSIZED = {
    "a megabyte": "a + " * 250_000 + "a",
    "a megabyte of text": f"'{'x' * 1_000_000}'",
    "too long": "'" + "x" * LONGEST + "'",
    "too many nodes": "a IN (" + ",".join(["1"] * MOST_NODES) + ")",
    "a long chain": "+".join(["a"] * MOST_NODES),
    "parentheses": "(" * 1_000 + "a" + ")" * 1_000,
    "open parentheses": "(" * 3_000,
    "functions": "LOWER(" * 200 + "a" + ")" * 200,
    "cases": "CASE WHEN " * 100 + "a" + " THEN 1 END" * 100,
    "negations": "NOT " * 900 + "a",
    "minuses": "- " * 900 + "a",
    "casts": "a" + "::TEXT" * 400,
    "brackets": "[" * 1_000,
    "mixed": "(LOWER(CASE WHEN (" * 60 + "a" + ") THEN 1 END))" * 60,
}


@pytest.mark.parametrize("sql", OVERSIZED.values(), ids=OVERSIZED)
def test_what_is_too_large_is_refused_at_once(sql: str) -> None:
    with pytest.raises(ExpressionRefused):
        check_expression(sql)


def test_long_lists_and_chains_are_taken() -> None:
    check_condition("a IN (" + ",".join(f"'{n}'" for n in range(300)) + ")")
    check_condition(" AND ".join(f"a <> '{n}'" for n in range(100)))
    check_expression("+".join(["a"] * 150))
    check_expression("LOWER(" * 25 + "a" + ")" * 25)


def test_how_deep_the_caller_is_does_not_matter() -> None:
    sql = "(LOWER(" * 14 + "a" + "))" * 14

    def dive(left: int) -> None:
        if left:
            dive(left - 1)
        else:
            check_expression(sql)

    dive(sys.getrecursionlimit() - 300)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("1 + SUM(a)", "SUM is not taken in expressions, at character 5 ('SUM(a)')"),
        ("a || foo(b)", "FOO is not taken in expressions, at character 6 ('foo(b)')"),
        ("a + ", "this is not an SQL expression, line 1, character 3"),
        (
            "t.a",
            "the upload has no column 't'; a name that holds a dot itself is written in double quotes, at character 1 ('t.a')",
        ),
        ("A", "the upload has no column 'A'; 'a' comes near, at character 1 ('A')"),
        ("TRUE + LENGTH(a)", "a number is needed where true or false stands, at character 8 ('LENGTH(a)')"),
    ],
)
def test_a_refusal_says_what_and_where(sql: str, told: str) -> None:
    with pytest.raises(ExpressionRefused) as refused:
        compile_expression(sql, HEADER)
    assert str(refused.value) == told


def test_a_missing_column_is_a_refusal_of_its_own() -> None:
    with pytest.raises(UnknownColumn, match="no column 'zz'"):
        compile_expression("LOWER(zz)", HEADER)
    check_expression("LOWER(zz)")


UNIFORM = "CASE WHEN a IS NULL THEN {} ELSE {} END"


@pytest.mark.parametrize("height", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "sql",
    [
        *(f"2 {sign} {UNIFORM.format(1, 2)}" for sign in ("=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%")),
        f"-7 % {UNIFORM.format(3, 5)}",
        f"TRUE AND {UNIFORM.format('TRUE', 'FALSE')}",
        f"'x' || {UNIFORM.format(1, 2)}",
        f"'x' IN ({UNIFORM.format(1, 2)}, 'y')",
        f"2 BETWEEN 1 AND {UNIFORM.format(1, 2)}",
        f"CASE 2 WHEN {UNIFORM.format(1, 2)} THEN 'a' ELSE 'b' END",
        f"NULLIF('x', {UNIFORM.format(1, 2)})",
        f"GREATEST(1, {UNIFORM.format(1, 2)})",
        f"SUBSTR('abc', 1, {UNIFORM.format(1, 2)})",
        f"STARTS_WITH('abc', {UNIFORM.format(1, 2)})",
        "LOWER('X') = COALESCE(a, 'x')",
        f"NULLIF(SUBSTR('x', 1, 0), {UNIFORM.format(1, 2)})",
        "'constant'",
    ],
)
def test_a_value_stands_in_every_row_even_where_all_are_equal(sql: str, height: int) -> None:
    """The engine keeps a column of equal values as one; the frame must keep its height all the same."""
    frame = pl.DataFrame({"0": pl.Series([None] * height, dtype=pl.String)})
    found = frame.with_columns(compile_expression(sql, ["a"]).alias("x"))
    assert found.height == height
    assert found["x"].n_unique() <= 1
    assert frame.lazy().with_columns(compile_expression(sql, ["a"]).alias("x")).collect(engine="streaming").equals(found)


def test_a_condition_that_is_not_known_to_be_true_is_false() -> None:
    kept = FRAME.with_columns(compile_condition("a > 1", HEADER).alias("x"))["x"]
    assert kept.to_list() == [False, True, False, False]
    assert FRAME.filter(compile_condition("TRUE", HEADER)).height == 4
    assert FRAME.filter(compile_condition("NULL", HEADER)).height == 0


@pytest.mark.parametrize("sql", ["1", "a + 1", "DATE '2026-01-01'"])
def test_a_condition_is_true_or_false(sql: str) -> None:
    with pytest.raises(ExpressionRefused, match="true or false"):
        check_condition(sql)


TYPED = {
    "i": pl.Series([1, 2**40], dtype=pl.Int64),
    "u": pl.Series([2**64 - 1, 0], dtype=pl.UInt64),
    "f": pl.Series([0.5, float("nan")], dtype=pl.Float32),
    "dec": pl.Series([Decimal("1.25"), None], dtype=pl.Decimal(10, 2)),
    "t": pl.Series([True, None], dtype=pl.Boolean),
    "d": pl.Series([date(2026, 11, 18), None], dtype=pl.Date),
    "z": pl.Series([datetime(2026, 11, 18, 23, tzinfo=UTC), None], dtype=pl.Datetime("us", "America/Los_Angeles")),
    "n": pl.Series([datetime(2026, 11, 18, 23), None], dtype=pl.Datetime("ns")),  # noqa: DTZ001 - a time without a zone
    "c": pl.Series(["x", "y"], dtype=pl.Categorical),
    "none": pl.Series([None, None], dtype=pl.Null),
}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("i + 1", ["2", str(2**40 + 1)]),
        ("i * i * i", ["1", None]),
        ("u", [str(2**64 - 1), "0"]),
        ("u > i", ["true", "false"]),
        ("u % 10", ["5", "0"]),
        ("-u", [None, "0"]),
        ("-i", ["-1", str(-(2**40))]),
        ("ABS(-i)", ["1", str(2**40)]),
        ("ABS(u)", [None, "0"]),
        ("GREATEST(u, i)", [str(2**64 - 1), str(2**40)]),
        ("LEAST(u, 5)", ["5", "0"]),
        ("u IN (0, 1)", ["false", "true"]),
        ("u BETWEEN 0 AND 1", ["false", "true"]),
        ("u + 0.5", ["1.8446744073709552e+19", "0.5"]),
        ("CASE WHEN t THEN u ELSE i END", [str(2**64 - 1), str(2**40)]),
        ("COALESCE(u, i)", [str(2**64 - 1), "0"]),
        ("ROUND(i, 2)", ["1", str(2**40)]),
        ("SUBSTR('abc', i)", ["abc", ""]),
        ("SUBSTR('abc', u)", ["", "abc"]),
        ("CAST(u AS DOUBLE) > 1", ["true", "false"]),
        ("f * 2", ["1.0", "NaN"]),
        ("dec + 1", ["2.25", None]),
        ("t AND i = 1", ["true", "false"]),
        ("t IS TRUE", ["true", "false"]),
        ("d", ["2026-11-18", None]),
        ("d = '2026-11-18'", ["true", None]),
        ("z", ["2026-11-18T23:00:00.000000+00:00", None]),
        ("CAST(z AS DATE)", ["2026-11-18", None]),
        ("n", ["2026-11-18T23:00:00.000000000", None]),
        ("GREATEST(d, DATE '2027-01-01')", ["2027-01-01", "2027-01-01"]),
        ("UPPER(c) || i", ["X1", f"Y{2**40}"]),
        ("COALESCE(none, i)", ["1", str(2**40)]),
    ],
)
def test_columns_of_parquet_keep_their_types(sql: str, expected: list[str | None]) -> None:
    frame = pl.DataFrame({str(position): column for position, column in enumerate(TYPED.values())})
    assert frame.with_columns(compile_expression(sql, list(TYPED), frame.dtypes).alias("x"))["x"].to_list() == expected


@pytest.mark.parametrize("dtype", [pl.List(pl.Int64), pl.Struct({"x": pl.Int64}), pl.Binary(), pl.Time(), pl.Duration()])
def test_types_that_are_no_plain_value_are_refused(dtype: pl.DataType) -> None:
    with pytest.raises(ExpressionRefused, match="do not read columns of type"):
        compile_expression("a", ["a"], [dtype])


def test_a_zoned_and_a_zoneless_time_are_not_compared() -> None:
    with pytest.raises(ExpressionRefused, match="engine refuses"):
        compile_expression("z = n", list(TYPED), [column.dtype for column in TYPED.values()])


def test_depth_is_bounded_where_no_parentheses_are() -> None:
    with pytest.raises(ExpressionRefused, match="deep"):
        check_expression("a" + "::TEXT" * (DEEPEST + 1))
