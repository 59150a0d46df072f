"""What SQL expressions of a config may be made of, for the people who write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlglot import exp


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form that is taken."""

    node: type[exp.Expr]
    """What the parser makes of it."""
    written: str
    meaning: str
    example: str
    """An expression over the columns `amount`, `name` and `day`."""


def _form(node: type[exp.Expr], written: str, meaning: str, example: str) -> Form:
    return Form(node=node, written=written, meaning=meaning, example=example)


FORMS: Final = (
    _form(exp.Literal, "'text', 12.5", "a constant; a quote in a text is written twice", "'it''s'"),
    _form(exp.Boolean, "TRUE, FALSE", "a constant", "TRUE"),
    _form(exp.Null, "NULL", "no value", "NULL"),
    _form(exp.Paren, "(x)", "what is computed first", "(amount + 1) * 2"),
    _form(exp.And, "x AND y", "both are true", "amount > 0 AND name <> ''"),
    _form(exp.Or, "x OR y", "one of them is true", "amount > 0 OR name = 'refund'"),
    _form(exp.Not, "NOT x", "it is false", "NOT amount > 0"),
    _form(exp.EQ, "x = y", "equal; text beside a number is read as a number", "name = 'sale'"),
    _form(exp.NEQ, "x <> y, x != y", "not equal", "name <> 'test'"),
    _form(exp.LT, "x < y", "less", "amount < 10"),
    _form(exp.LTE, "x <= y", "less or equal", "amount <= 10"),
    _form(exp.GT, "x > y", "greater", "amount > 10"),
    _form(exp.GTE, "x >= y", "greater or equal", "amount >= 10"),
    _form(exp.Is, "x IS NULL, x IS TRUE, x IS FALSE", "whether there is no value, or the truth of one", "name IS NULL"),
    _form(exp.In, "x IN (a, b)", "one of a list of values", "name IN ('sale', 'refund')"),
    _form(exp.Between, "x BETWEEN a AND b", "from a to b, both included", "amount BETWEEN 1 AND 10"),
    _form(exp.Like, "x LIKE 'a%'", "like a pattern: % is any text, _ any character", "name LIKE 'sale%'"),
    _form(exp.ILike, "x ILIKE 'a%'", "the same in any case", "name ILIKE 'sale%'"),
    _form(
        exp.RegexpLike, "REGEXP_LIKE(x, 'a')", "whether a regular expression is found in it", "REGEXP_LIKE(name, '^s[0-9]+$')"
    ),
    _form(exp.StartsWith, "STARTS_WITH(x, y)", "whether x begins with y", "STARTS_WITH(name, 'sale')"),
    _form(exp.EndsWith, "ENDS_WITH(x, y)", "whether x ends with y", "ENDS_WITH(name, '.eu')"),
    _form(exp.Contains, "CONTAINS(x, y)", "whether y stands in x", "CONTAINS(name, 'sale')"),
    _form(exp.Add, "x + y", "sum; text is read as a number", "amount + 1"),
    _form(exp.Sub, "x - y", "difference", "amount - 1"),
    _form(exp.Mul, "x * y", "product", "amount * 100"),
    _form(exp.Div, "x / y", "quotient with its fraction; by 0 no value", "amount / 100"),
    _form(exp.Mod, "x % y, MOD(x, y)", "remainder of whole numbers, with the sign of x", "MOD(amount, 7)"),
    _form(exp.Neg, "-x", "the negative", "-amount"),
    _form(exp.Abs, "ABS(x)", "without its sign", "ABS(amount)"),
    _form(exp.Floor, "FLOOR(x)", "the whole number below", "FLOOR(amount)"),
    _form(exp.Ceil, "CEIL(x)", "the whole number above", "CEIL(amount)"),
    _form(exp.Round, "ROUND(x), ROUND(x, 2)", "rounded, halves away from zero", "ROUND(amount, 2)"),
    _form(exp.Least, "LEAST(x, y)", "the least, of those that are there", "LEAST(amount, 100)"),
    _form(exp.Greatest, "GREATEST(x, y)", "the greatest, of those that are there", "GREATEST(amount, 0)"),
    _form(exp.Lower, "LOWER(x)", "in lower case", "LOWER(name)"),
    _form(exp.Upper, "UPPER(x)", "in upper case", "UPPER(name)"),
    _form(exp.Trim, "TRIM(x), LTRIM(x), RTRIM(x)", "without blanks at its ends", "TRIM(name)"),
    _form(exp.Length, "LENGTH(x)", "how many characters it has", "LENGTH(name)"),
    _form(
        exp.Substring,
        "SUBSTR(x, 2), SUBSTR(x, 2, 3)",
        "from a character on, counted from 1, and how many",
        "SUBSTR(name, 1, 3)",
    ),
    _form(exp.Replace, "REPLACE(x, 'a', 'b')", "with one text in the place of another", "REPLACE(amount, ',', '.')"),
    _form(exp.SplitPart, "SPLIT_PART(x, '-', 2)", "a part between separators, counted from 1", "SPLIT_PART(name, '-', 2)"),
    _form(exp.Concat, "CONCAT(x, y)", "one behind the other; what has no value is left out", "CONCAT(name, '-', day)"),
    _form(exp.DPipe, "x || y", "one behind the other; no value when one has none", "name || '-eu'"),
    _form(
        exp.Case,
        "CASE WHEN x THEN y ELSE z END, CASE x WHEN a THEN y END",
        "the first that is true; without ELSE no value",
        "CASE WHEN amount > 0 THEN 'sale' ELSE 'refund' END",
    ),
    _form(exp.If, "IF(x, y, z)", "y when x is true, else z", "IF(amount > 0, 'sale', 'refund')"),
    _form(exp.Coalesce, "COALESCE(x, y)", "the first that is there", "COALESCE(name, 'none')"),
    _form(exp.Nullif, "NULLIF(x, y)", "x, and no value when it equals y", "NULLIF(name, 'none')"),
    _form(
        exp.Cast,
        "CAST(x AS DOUBLE)",
        "as VARCHAR, DOUBLE, BIGINT, BOOLEAN or DATE; no value where it does not fit",
        "CAST(amount AS BIGINT)",
    ),
    _form(exp.TryCast, "TRY_CAST(x AS DOUBLE)", "the same", "TRY_CAST(amount AS DOUBLE)"),
    _form(
        exp.Date,
        "DATE(x), DATE(x, '%d.%m.%Y'), DATE(x, 'excel')",
        "a day, written as a format says, or as Excel counts days",
        "DATE(day, '%d.%m.%Y')",
    ),
    _form(exp.Year, "YEAR(x)", "the year of a day", "YEAR(day)"),
    _form(exp.Month, "MONTH(x)", "the month of a day", "MONTH(day)"),
    _form(exp.Day, "DAY(x)", "the day of the month", "DAY(day)"),
)
"""In the order in which the page shows them."""
