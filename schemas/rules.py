"""The rules that datasets share, as pandera checks with a stable name and a hint for the customer.

A check's `name` is the rule in receipts, its `description` the hint. Every check is row by row and is a function of a
lazy frame and a column that returns `lazyframe.select(expression)`, so that the engine can evaluate all of them in one
pass. Checks of the frame name the columns that they read in `title`, separated by spaces.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

import polars as pl
from pandera import Check
from pandera.api.polars.types import PolarsData

INSTANT: Final = pl.Datetime("us", "UTC")
"""The type of every timestamp."""
MEANING: Final = "meaning"
"""Key of a column's metadata: what its text means, where its type alone does not tell."""
TIMESTAMP: Final = {MEANING: "timestamp"}
JSON_OBJECT: Final = {MEANING: "json_object"}
USER: Final = {MEANING: "user"}
UUID: Final = {MEANING: "uuid"}
OF_UPLOADED_TEXT: Final = "of uploaded text"
"""Title of a column's check that holds for the text as it was uploaded, not for what it is rewritten to."""

_MOST_LISTED: Final = 10
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NOT_IN_NAMES: Final = r"[\\\[\]{}<>#=;&$%|\x00-\x1f\x7f-\x9f]"


def length(low: int, high: int) -> Check:
    """Text of `low` to `high` characters."""
    return Check.str_length(low, high, name="length", description=f"write {low} to {high:,} characters")


def uploaded_length(low: int, high: int) -> Check:
    """Text of `low` to `high` characters, counted as it was uploaded."""
    return Check.str_length(low, high, name="length", title=OF_UPLOADED_TEXT, description=f"write {low} to {high:,} characters")


def finite() -> Check:
    """A number that is neither NaN nor infinite."""

    def is_finite(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).is_finite())

    return Check(is_finite, name="finite", description="write a finite number, or nothing")


def day_at_most(latest: date) -> Check:
    """A day no later than `latest`."""
    return Check.less_than_or_equal_to(
        latest, name="date_in_future", description=f"write a day no later than {latest.isoformat()}, one day after the upload"
    )


def open_day(is_closed: pl.Expr | None) -> list[Check]:
    """A day that can still be changed: it is not published with its rows given up; no rule where no day is closed."""
    if is_closed is None:
        return []

    def is_open(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(~is_closed)

    hint = "leave the row out: its day was published long ago and is closed, nothing can be added to it any more"
    return [Check(is_open, name="day_closed", description=hint)]


def value_or_ratio(value: str, numerator: str, denominator: str) -> Check:
    """A row carries a value, or both parts of a ratio."""

    def has_value(data: PolarsData) -> pl.LazyFrame:
        both = pl.col(numerator).is_not_null() & pl.col(denominator).is_not_null()
        return data.lazyframe.select(pl.col(value).is_not_null() | both)

    return Check(
        has_value,
        name="value_missing",
        title=f"{value} {numerator} {denominator}",
        description=f"fill {value}, or both {numerator} and {denominator}",
    )


def instants(latest: datetime) -> list[Check]:
    """Instants from the year 2000 up to `latest`."""
    return [
        Check.greater_than_or_equal_to(
            _EARLIEST, name="before_2000", description="write a time from the year 2000 on; is the unit of the number right?"
        ),
        Check.less_than_or_equal_to(
            latest, name="timestamp_in_future", description="write a time no later than one day after the upload"
        ),
    ]


def plain_name() -> Check:
    """A name without control characters and without the marks that separate things elsewhere."""

    def is_plain(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(~pl.col(data.key).str.contains(_NOT_IN_NAMES))

    return Check(
        is_plain, name="forbidden_character", description="leave out \\ [ ] { } < > # = ; & $ % | and control characters"
    )


def id_type(listed: tuple[str, ...] | None) -> list[Check]:
    """The kind of an id; one of the texts that the customer's config lists, where it lists any."""
    bounded = length(1, 127)
    return [bounded, one_of(listed)] if listed else [bounded]


def one_of(values: tuple[str, ...]) -> Check:
    """One of the texts that the customer's config lists."""
    # The hint stands in every rejected row.
    more = f" or one of {len(values) - _MOST_LISTED} more" if len(values) > _MOST_LISTED else ""
    return Check.isin(values, name="not_listed", description=f"write one of {', '.join(values[:_MOST_LISTED])}{more}")


def few_custom_ids(most: int) -> Check:
    """A user, as JSON text, of at most so many custom ids: an event counts for each of them."""
    # Few texts are long enough for so many entries, each of which takes six characters or more: "a":1,
    return Check(
        _of_suspects(lambda texts: texts.str.len_bytes() > most * len('"a":1,'), lambda ids: len(ids) <= most),
        name="too_many_ids",
        description=f"write at most {most} entries into customIDs",
    )


def short_custom_ids(most: int) -> Check:
    """A user, as JSON text, whose custom ids have names of at most so many characters, as id types have."""
    long = rf'"[^"]{{{most + 1},}}"\s*:'
    return Check(
        _of_suspects(
            lambda texts: texts.str.contains(long) | (texts.str.contains("\\", literal=True) & (texts.str.len_bytes() > most)),
            lambda ids: all(len(name) <= most for name in ids),
        ),
        name="custom_id_length",
        description=f"write names of at most {most} characters into customIDs",
    )


def _of_suspects(
    are_suspect: Callable[[pl.Series], pl.Series], is_good: Callable[[dict[str, Any]], bool]
) -> Callable[[PolarsData], pl.LazyFrame]:
    """A rule on the custom ids of users, of which only those texts are parsed that may break it."""

    def verdicts(texts: pl.Series) -> pl.Series:
        suspects = are_suspect(texts).arg_true()
        bad = [index for index in suspects if not is_good(_custom_ids(texts[index]))]
        good = pl.repeat(value=True, n=len(texts), eager=True)
        return good.scatter(bad, values=False) if bad else good

    return lambda data: data.lazyframe.select(pl.col(data.key).map_batches(verdicts, return_dtype=pl.Boolean))


def _custom_ids(text: str) -> dict[str, Any]:
    try:
        user = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    custom = user.get("customIDs") if isinstance(user, dict) else None
    return custom if isinstance(custom, dict) else {}
