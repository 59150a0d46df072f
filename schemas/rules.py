"""The rules that datasets share, each on the column that it is given.

All are row by row, and all but those on custom ids are expressions of the engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import polars as pl

from schemas.rule import Rule, raw_column
from schemas.rule_codes import RuleCode

INSTANT: Final = pl.Datetime("us", "UTC")
"""The type of every timestamp."""

_MOST_LISTED: Final = 10
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NOT_IN_NAMES: Final = r"[\\\[\]{}<>#=;&$%|\x00-\x1f\x7f-\x9f]"


def length(column: str, low: int, high: int) -> Rule:
    """Text of `low` to `high` characters."""
    return Rule(
        code=RuleCode.LENGTH,
        hint=_length_hint(low, high),
        columns=(column,),
        fails=~pl.col(column).str.len_chars().is_between(low, high),
    )


def uploaded_length(column: str, low: int, high: int) -> Rule:
    """Text of `low` to `high` characters, counted as it was uploaded."""
    return Rule(
        code=RuleCode.LENGTH,
        hint=_length_hint(low, high),
        columns=(column,),
        # Of a text that does not become a value of the column, the rule of its type tells more.
        fails=pl.col(column).is_not_null() & ~pl.col(raw_column(column)).str.len_chars().is_between(low, high),
        is_of_uploaded_text=True,
    )


def _length_hint(low: int, high: int) -> str:
    return f"write {low} to {high:,} characters"


def finite(column: str) -> Rule:
    """A number that is neither NaN nor infinite."""
    return Rule(
        code=RuleCode.FINITE,
        hint="write a finite number, or nothing",
        columns=(column,),
        fails=~pl.col(column).is_finite(),
    )


def day_at_most(column: str, latest: date) -> Rule:
    """A day no later than `latest`."""
    return Rule(
        code=RuleCode.DATE_IN_FUTURE,
        hint=f"write a day no later than {latest.isoformat()}, one day after the upload",
        columns=(column,),
        fails=pl.col(column) > latest,
    )


def open_day(column: str, is_closed: pl.Expr | None) -> tuple[Rule, ...]:
    """A day that can still be changed: it is not published with its rows given up; no rule where no day is closed."""
    if is_closed is None:
        return ()
    hint = "leave the row out: its day was published long ago and is closed, nothing can be added to it any more"
    return (Rule(code=RuleCode.DAY_CLOSED, hint=hint, columns=(column,), fails=is_closed),)


def value_or_ratio(value: str, numerator: str, denominator: str) -> Rule:
    """A row carries a value, or both parts of a ratio."""
    both = pl.col(numerator).is_not_null() & pl.col(denominator).is_not_null()
    return Rule(
        code=RuleCode.VALUE_MISSING,
        hint=f"fill {value}, or both {numerator} and {denominator}",
        columns=(value, numerator, denominator),
        fails=~(pl.col(value).is_not_null() | both),
    )


def any_value(columns: Sequence[str]) -> Rule:
    """A record of a wide table carries a value in one of these columns."""
    more = f" or one of {len(columns) - _MOST_LISTED} more" if len(columns) > _MOST_LISTED else ""
    return Rule(
        code=RuleCode.VALUE_MISSING,
        hint=f"fill one of {', '.join(columns[:_MOST_LISTED])}{more}",
        columns=tuple(columns),
        fails=pl.all_horizontal(pl.col(name).is_null() for name in columns),
    )


def pinned_kinds(name: str, value: str, numerator: str, denominator: str, kinds: Mapping[str, str]) -> tuple[Rule, ...]:
    """A row carries what the config says its metric is: a value, or both parts of a ratio. Rows with neither lack a value."""
    if not kinds:
        return ()
    both = pl.col(numerator).is_not_null() & pl.col(denominator).is_not_null()
    has_value = pl.col(value).is_not_null()
    values, ratios = ([metric for metric, own in kinds.items() if own == kind] for kind in ("value", "ratio"))
    hint = (
        f"the config says what the metric is: fill {value} where it is a value, both {numerator} and {denominator} of a ratio"
    )
    fails = (pl.col(name).is_in(values) & ~has_value & both) | (pl.col(name).is_in(ratios) & has_value & ~both)
    return (Rule(code=RuleCode.WRONG_KIND, hint=hint, columns=(name, value, numerator, denominator), fails=fails),)


def instants(column: str, latest: datetime) -> tuple[Rule, Rule]:
    """Instants from the year 2000 up to `latest`."""
    return (
        Rule(
            code=RuleCode.BEFORE_2000,
            hint="write a time from the year 2000 on; is the unit of the number right?",
            columns=(column,),
            fails=pl.col(column) < _EARLIEST,
        ),
        Rule(
            code=RuleCode.TIMESTAMP_IN_FUTURE,
            hint="write a time no later than one day after the upload",
            columns=(column,),
            fails=pl.col(column) > latest,
        ),
    )


def plain_name(column: str) -> Rule:
    """A name without control characters and without the marks that separate things elsewhere."""
    return Rule(
        code=RuleCode.FORBIDDEN_CHARACTER,
        hint="leave out \\ [ ] { } < > # = ; & $ % | and control characters",
        columns=(column,),
        fails=pl.col(column).str.contains(_NOT_IN_NAMES),
    )


def id_type(column: str, listed: tuple[str, ...] | None) -> tuple[Rule, ...]:
    """The kind of an id; one of the texts that the customer's config lists, where it lists any."""
    bounded = length(column, 1, 127)
    return (bounded, one_of(column, listed)) if listed else (bounded,)


def one_of(column: str, values: tuple[str, ...]) -> Rule:
    """One of the texts that the customer's config lists."""
    # The hint stands in every rejected row.
    more = f" or one of {len(values) - _MOST_LISTED} more" if len(values) > _MOST_LISTED else ""
    return Rule(
        code=RuleCode.NOT_LISTED,
        hint=f"write one of {', '.join(values[:_MOST_LISTED])}{more}",
        columns=(column,),
        fails=~pl.col(column).is_in(values),
    )


def few_custom_ids(column: str, most: int) -> Rule:
    """A user, as JSON text, of at most so many custom ids: an event counts for each of them."""

    def are_suspect(texts: pl.Series) -> pl.Series:
        # Few texts are long enough for so many entries, each of which takes six characters or more: "a":1,
        return texts.str.len_bytes() > most * len('"a":1,')

    return Rule(
        code=RuleCode.TOO_MANY_IDS,
        hint=f"write at most {most} entries into customIDs",
        columns=(column,),
        fails=_of_suspects(column, are_suspect, lambda ids: len(ids) > most),
    )


def short_custom_ids(column: str, most: int) -> Rule:
    """A user, as JSON text, whose custom ids have names of at most so many characters, as id types have."""
    long = rf'"[^"]{{{most + 1},}}"\s*:'

    def are_suspect(texts: pl.Series) -> pl.Series:
        has_escape = texts.str.contains("\\", literal=True)
        return texts.str.contains(long) | (has_escape & (texts.str.len_bytes() > most))

    return Rule(
        code=RuleCode.CUSTOM_ID_LENGTH,
        hint=f"write names of at most {most} characters into customIDs",
        columns=(column,),
        fails=_of_suspects(column, are_suspect, lambda ids: any(len(name) > most for name in ids)),
    )


def _of_suspects(
    column: str, are_suspect: Callable[[pl.Series], pl.Series], is_bad: Callable[[dict[str, Any]], bool]
) -> pl.Expr:
    """Which users' custom ids are bad, of which only those texts are parsed that may be."""

    def bad(texts: pl.Series) -> pl.Series:
        found = [index for index in are_suspect(texts).arg_true() if is_bad(_custom_ids(texts[index]))]
        none = pl.repeat(value=False, n=len(texts), eager=True)
        return none.scatter(found, values=True) if found else none

    return pl.col(column).map_batches(bad, return_dtype=pl.Boolean)


def _custom_ids(text: str) -> dict[str, Any]:
    try:
        user = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    custom = user.get("customIDs") if isinstance(user, dict) else None
    return custom if isinstance(custom, dict) else {}
