"""Instants as customers write them: unix time in four units, or ISO 8601 with an offset (contract section 4)."""

from __future__ import annotations

from typing import Final

import polars as pl

from processing.frames.casts import from_excel
from schemas.customer_config import EXCEL

INSTANT: Final = pl.Datetime("us", "UTC")
"""What every timestamp becomes; finer digits are cut off."""

# Digits of a unix time in s, ms, us and ns, and what one of its units is in microseconds.
_UNITS: Final = {10: 1_000_000, 13: 1_000, 16: 1}
_NANOSECOND_DIGITS: Final = 19
_NUMBER: Final = r"^\d+$"
_LOCAL: Final = r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
_ISO: Final = rf"^{_LOCAL}(?: [Uu][Tt][Cc]| ?[Zz]| ?[+-]\d{{2}}(?::?\d{{2}})?)$"
_NAIVE: Final = f"^{_LOCAL}$"
# The basic form has no dashes and colons; what follows it is the same as behind the extended form.
_BASIC_MINUTES: Final = r"^([0-9]{4})([0-9]{2})([0-9]{2})[Tt]([0-9]{2})([0-9]{2})"
_BASIC_SECONDS: Final = rf"{_BASIC_MINUTES}([0-9]{{2}}(?:[.,][0-9]{{1,9}})?)"
_BASIC_OFFSET: Final = r"((?: [Uu][Tt][Cc]| ?[Zz]| ?[+-][0-9]{2}(?::?[0-9]{2})?)?)$"
_RFC_3339: Final = r"^.{10}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$"


def parse_instants(texts: pl.Series, zone: str | None = None) -> pl.Series:
    """INSTANT for each text that is one, null for any other; the series keeps its name.

    `zone` is that of ISO 8601 times without an offset, which are none without one.
    """
    frame = texts.alias("text").to_frame()
    text = pl.col("text")
    numeric = frame.select(text.str.contains(_NUMBER).fill_null(value=False)).to_series()
    if numeric.all():
        return frame.select(_unix(text)).to_series().alias(texts.name)
    iso = _iso(texts)
    if iso.null_count() > texts.null_count() and texts.str.contains(_BASIC_MINUTES).any():
        spelt = _extended(texts)
        if not spelt.equals(texts):
            return parse_instants(spelt, zone)
    if zone is not None and iso.null_count() > texts.null_count():
        local = frame.select(pl.when(text.str.contains(_NAIVE)).then(_spelt(text + "Z"))).to_series()
        told = (
            _read_spelt(local).dt.replace_time_zone(None).to_frame("local").select(in_zone(pl.col("local"), zone)).to_series()
        )
        iso = iso.zip_with(iso.is_not_null(), told)
    if numeric.any():
        iso = frame.select(pl.when(numeric).then(_unix(text)).otherwise(iso)).to_series()
    return iso.alias(texts.name)


def _extended(texts: pl.Series) -> pl.Series:
    """Texts with the basic form of ISO 8601 (`20261118T090000Z`) in its extended form, and all others as they are."""
    written = texts.str.replace(_BASIC_SECONDS + _BASIC_OFFSET, "${1}-${2}-${3}T${4}:${5}:${6}${7}")
    return written.str.replace(_BASIC_MINUTES + _BASIC_OFFSET, "${1}-${2}-${3}T${4}:${5}${6}")


def is_finer_than_seconds(text: pl.Expr) -> pl.Expr:
    """Whether a text is a unix time in ms, us or ns; never null."""
    return (text.str.contains(_NUMBER) & text.str.len_bytes().is_in([13, 16, _NANOSECOND_DIGITS])).fill_null(value=False)


def _unix(text: pl.Expr) -> pl.Expr:
    digits = text.str.len_bytes()
    # Unsigned, because all numbers of 19 digits are times, and not all of them fit Int64.
    number = pl.when(text.str.contains(_NUMBER)).then(text.cast(pl.UInt64, strict=False))
    scaled = [pl.when(digits == count).then(number * scale) for count, scale in _UNITS.items()]
    return pl.coalesce(*scaled, pl.when(digits == _NANOSECOND_DIGITS).then(number // 1_000)).cast(pl.Int64).cast(INSTANT)


def _iso(texts: pl.Series) -> pl.Series:
    text = pl.col("text")
    shaped = pl.when(text.str.contains(_ISO)).then(text)
    frame = texts.alias("text").to_frame().select(shaped)
    if not frame.select(text.str.contains(_RFC_3339).all()).item():
        # Other spellings of the same: a space or t between date and time, a space before the offset, z and UTC, no seconds,
        # a comma before their fraction, +01 and +0100.
        frame = frame.select(_spelt(text))
    return _read_spelt(frame.to_series())


def _spelt(text: pl.Expr) -> pl.Expr:
    """Times as RFC 3339 spells them, of any spelling of ISO 8601 that is taken."""
    return (
        text.str.to_uppercase()
        .str.replace(r"^(.{10}) ", "${1}T")
        .str.replace(r"^(.{19}),", "$1.")
        .str.replace(r" ?(?:Z|UTC)$", "Z")
        .str.replace(r" ([+-])", "$1")
        .str.replace(r"^(.{16})([Z+-])", "${1}:00${2}")
        .str.replace(r"([+-]\d{2})$", "${1}:00")
        .str.replace(r"([+-]\d{2})(\d{2})$", "${1}:${2}")
    )


def _read_spelt(texts: pl.Series) -> pl.Series:
    return texts.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)


def parse_formatted(text: pl.Expr, form: str, zone: str | None) -> pl.Expr:
    """INSTANT for each text of a customer's own format; null for any other.

    `zone` is that of times without an offset.
    """
    if form == EXCEL:
        return in_zone(from_excel(text), zone or "UTC")
    if zone is None:
        return text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
    return in_zone(text.str.to_datetime(form, time_unit="us", strict=False), zone)


def in_zone(local: pl.Expr, zone: str) -> pl.Expr:
    """Times on the clocks of a zone, in UTC. Of an hour that comes twice the first is meant; one that never was is null."""
    return local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
