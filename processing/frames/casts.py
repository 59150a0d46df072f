"""Values of one type as another, strictly: what does not fit becomes null, and the text beside it tells that it did not fit."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

import polars as pl

from processing.frames.text_heads import Kinds, TextHeads

_TRUE: Final = ("true", "1")
_FALSE: Final = ("false", "0")
# Whole floats below this are written digit by digit; no id is larger, and beyond it Int64 ends.
_WHOLE: Final = 2.0**63
# Midnight may follow a day, in any of the ways in which instants are written.
_AT_MIDNIGHT: Final = r"^(\d{4}-\d{2}-\d{2})[Tt ]00:00(?::00(?:[.,]0+)?)?(?: ?(?:[Zz]|UTC|[+-]\d{2}(?::?\d{2})?))?$"
_EMPTY_FRACTION: Final = r"^(-?\d+)\.0+$"
_BOM: Final = "\ufeff"
_MAY_HOLD_BOM: Final = Kinds.beginning(_BOM.encode()[0])
_MAY_BE_NUMBER: Final = Kinds.beginning(*b"-0123456789")
_EPOCH_OF_EXCEL: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - on no clock; Excel counts a 29 February 1900
_LAST_OF_EXCEL: Final = 2_958_466
"""The day after 9999-12-31."""
_DAY: Final = 86_400_000
"""Milliseconds."""
_MOST_KNOWN: Final = 1_500
"""Days whose texts are remembered: more than one file may have."""
_FIRST_DAY: Final = date(1, 1, 1)
_LAST_DAY: Final = date(9999, 12, 31)

TYPE_HINTS: Final = {
    pl.Float64: "write a number with a point, such as 12.5",
    pl.Date: "write the day as YYYY-MM-DD",
    pl.Boolean: "write true or false",
}


def cast_value(value: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr:
    """The values of an expression of type `source` as `target`; null where the value is no such value.

    Every value has a text, so that a cast to String loses none. A Datetime gives the date of its own zone, a number is a
    truth value when it is 0 or 1.
    """
    if target == pl.String:
        return as_text(value, source)
    if source == pl.String:
        return cast_text(value, target)
    if target == pl.Date and source in (pl.Date, pl.Datetime):
        return _known_day(value if source == pl.Date else value.dt.date())
    if source == target:
        return value
    if target == pl.Float64:
        return value.cast(pl.Float64, strict=False) if source.is_numeric() else _nothing(value, target)
    if target == pl.Date:
        return _nothing(value, target)
    if target == pl.Boolean:
        if not source.is_numeric():
            return _nothing(value, target)
        return pl.when(value == 1).then(pl.lit(value=True)).when(value == 0).then(pl.lit(value=False))
    raise TypeError(f"no cast from {source} to {target}")


def as_text(value: pl.Expr, source: pl.DataType) -> pl.Expr:
    """The text of each value of type `source`, as receipts show it and as text columns take it; null only for null.

    Whole floats have no point (12.0 is 12), decimals keep their places, times are ISO 8601 with the offset of their zone.
    """
    if source == pl.String:
        return value
    if source == pl.Null:
        return value.cast(pl.String)
    if source == pl.Boolean:
        return pl.when(value).then(pl.lit("true")).when(~value).then(pl.lit("false"))
    if source.is_float():
        whole = value.is_finite() & (value == value.floor()) & (value.abs() < _WHOLE)
        digits = pl.when(whole).then(value).cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(whole).then(digits).otherwise(value.cast(pl.String))
    if isinstance(source, pl.Datetime):
        shape = "%Y-%m-%dT%H:%M:%S%.f"
        return value.dt.to_string(shape if source.time_zone is None else shape + "%:z")
    if source == pl.Date:
        return value.dt.to_string("%Y-%m-%d")
    if source == pl.Time:
        return value.dt.to_string("%H:%M:%S%.f")
    if source.is_numeric():
        return value.cast(pl.String)
    raise TypeError(f"no text for {source}")


def cast_text(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The values of a String expression as `dtype`; null where the text is no such value."""
    if dtype == pl.String:
        return text
    if dtype == pl.Float64:
        return text.cast(pl.Float64, strict=False)
    if dtype == pl.Date:
        if text.meta.root_names():
            return text.map_batches(DayTexts().days, return_dtype=pl.Date)
        # A literal stays one, so that it fits rows of any number.
        day = text.str.replace(_AT_MIDNIGHT, "$1")
        return pl.when(_is_shaped(day)).then(day.str.to_date("%Y-%m-%d", strict=False))
    if dtype == pl.Boolean:
        lowered = text.str.to_lowercase()
        return pl.when(lowered.is_in(_TRUE)).then(pl.lit(True)).when(lowered.is_in(_FALSE)).then(pl.lit(False))
    raise TypeError(f"no cast from text to {dtype}")


def as_ids(texts: pl.Series) -> pl.Series:
    """Ids as they are kept: `123.0` is `123`, and a byte order mark that stuck to the beginning of one is none of it."""
    # Nearly no batch has either, and that is seen far quicker than each text is looked at.
    heads = TextHeads(texts)
    if heads.any(_MAY_HOLD_BOM) and texts.str.starts_with(_BOM).any():
        texts = texts.str.strip_chars(_BOM)
        texts = texts.set(texts == "", None)
        heads = TextHeads(texts)
    if not heads.any(_MAY_BE_NUMBER):
        return texts
    places = heads.places(_MAY_BE_NUMBER)
    places = places.filter(texts.gather(places).str.ends_with("0"))
    if not len(places):
        return texts
    found = texts.gather(places)
    is_other = found.cast(pl.Int64, strict=False).is_null()
    places, found = places.filter(is_other), found.filter(is_other)
    if not found.str.contains(_EMPTY_FRACTION).any():
        return texts
    # Changes the series that it is called on.
    return texts.clone().scatter(places, found.str.replace(_EMPTY_FRACTION, "$1"))


def from_excel(text: pl.Expr) -> pl.Expr:
    """The times on some clock that Excel's numbers of days mean, to the millisecond; null for any other text."""
    days = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    is_day = days.is_between(1, _LAST_OF_EXCEL, closed="left")
    milliseconds = (pl.when(is_day).then(days) * _DAY).round().cast(pl.Int64)
    return pl.lit(_EPOCH_OF_EXCEL, pl.Datetime("us")) + milliseconds.cast(pl.Duration("ms"))


def _is_shaped(text: pl.Expr) -> pl.Expr:
    return text.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$") & ~text.str.starts_with("0000")


def _days(texts: pl.Series) -> pl.Series:
    """The days of texts written as YYYY-MM-DD, a midnight may follow; null for any other text.

    The engine alone would take 2026-1-1, read the year 0026 from 26-01-01, and knows a year 0, which calendars and other
    readers of Parquet do not. Few texts are looked at: a day stands in many rows.
    """
    different = texts.unique()
    misshapen = different.to_frame("text").filter(~_is_shaped(pl.col("text"))).to_series()
    if misshapen.str.contains(_AT_MIDNIGHT).any():
        return _days(texts.str.replace(_AT_MIDNIGHT, "$1"))
    days = texts.str.to_date("%Y-%m-%d", strict=False)
    return days if misshapen.is_empty() else days.zip_with(~texts.is_in(misshapen.implode()), pl.Series([None], dtype=pl.Date))


class DayTexts:
    """Gives the days of texts, quickly for those that it has seen before: a day stands in many rows of many batches."""

    def __init__(self) -> None:
        self._known: tuple[pl.Enum, pl.Series] | None = None

    def days(self, texts: pl.Series) -> pl.Series:
        """The same as `_days`; safe to share between threads."""
        if self._known is None:
            return self._learnt(texts, _days(texts))
        kind, known = self._known
        seen = texts.cast(kind, strict=False).to_physical()
        found = known.gather(seen).alias(texts.name)
        if seen.null_count() == texts.null_count():
            return found
        new = (seen.is_null() & texts.is_not_null()).arg_true()
        others = texts.gather(new)
        return found.scatter(new, self._learnt(others, _days(others)))

    def _learnt(self, texts: pl.Series, days: pl.Series) -> pl.Series:
        names = texts.filter(days.is_not_null()).unique()
        before = [] if self._known is None else self._known[0].categories.to_list()
        if len(names) and len(before) + len(names) <= _MOST_KNOWN:
            kind = pl.Enum(list(dict.fromkeys([*before, *names])))
            self._known = kind, _days(kind.categories)
        return days


def _known_day(day: pl.Expr) -> pl.Expr:
    """Days from the year 1 to 9999, as text can write them; others are no days."""
    return pl.when(day.is_between(_FIRST_DAY, _LAST_DAY)).then(day)


def _nothing(value: pl.Expr, target: pl.DataType) -> pl.Expr:
    # Not a bare literal: the result must have a row for each value.
    return pl.when(value.is_null()).then(pl.lit(None, target)).otherwise(pl.lit(None, target))
