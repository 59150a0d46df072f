"""Instants mean what Python's own calendar says they mean, and days are cut where DayZone cuts them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processing.domain.days import PST, DayZone, day_zone
from processing.ingest.columns.dataset_schemas import day_of_instant
from processing.ingest.columns.timestamps import INSTANT, in_zone, is_finer_than_seconds, parse_formatted, parse_instants
from tests.support.instants import EPOCH, Spelt, spelt_instants
from tests.support.soak import times

LOS_ANGELES = day_zone("America/Los_Angeles")
FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
moments = st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None))
instants = moments.map(lambda at: at.replace(tzinfo=UTC))
# The engine knows daylight saving up to 2099; rows are from 2000 on and never much later than their upload.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 30)
clocks = st.builds(datetime.combine, st.dates(FIRST_DAY, LAST_DAY), st.times())


def parsed(*texts: str | None) -> list[datetime | None]:
    found = parse_instants(pl.Series("t", texts, pl.String))
    assert (found.name, found.dtype) == ("t", INSTANT)
    return found.to_list()


def formatted(text: str, form: str, zone: str | None) -> datetime | None:
    found = pl.select(parse_formatted(pl.lit(text), form, zone)).to_series()
    assert found.dtype == INSTANT
    value: datetime | None = found.item()
    return value


@settings(max_examples=times(300))
@given(st.lists(spelt_instants(FIRST, LAST), min_size=1, max_size=20))
def test_every_spelling_is_the_instant_that_is_meant_whatever_stands_beside_it(table: list[Spelt]) -> None:
    assert parsed(*(text for text, _ in table)) == [at for _, at in table]


# An oracle that shares nothing with the code but the contract: ISO 8601 is Python's, and the shape is that of section 4.
_SHAPE = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?( [Uu][Tt][Cc]| ?[Zz]| ?[+-]\d\d(:?[0-5]\d)?)", re.ASCII
)
_DIVISORS = {10: 1, 13: 1_000, 16: 1_000_000, 19: 1_000_000_000}


def oracle(text: str) -> datetime | None:
    if text.isascii() and text.isdigit():
        if len(text) not in _DIVISORS:
            return None
        return EPOCH + timedelta(microseconds=int(text) * 1_000_000 // _DIVISORS[len(text)])
    if not _SHAPE.fullmatch(text):
        return None
    # A leap second, which Python does not know, is the first second of the next minute.
    leap = timedelta(seconds=1) if re.match(r".{16}:60", text) else timedelta()
    text = re.sub(r"^(.{16}):60", r"\1:59", text)
    try:
        # Python, too, takes at most six digits of a second; what is finer is cut off.
        plain = re.sub(r" ?(Z|UTC)$", "Z", text.upper()).replace(",", ".")
        plain = re.sub(r" ([+-])", r"\1", plain)
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", plain)).astimezone(UTC) + leap
    except (ValueError, OverflowError):
        return None


_PIECES = st.sampled_from(
    [*"0123456789TtZz:-+. ", "2026", "02", "29", "11-18", "23:59", "60", "24", "+01", "0000", "１", "\n", "UTC"]
)
_NEARLY = st.builds(
    lambda spelt, at, piece, length: spelt[0][: at % len(spelt[0])] + piece + spelt[0][at % len(spelt[0]) + length :],
    spelt_instants(FIRST, LAST),
    st.integers(0, 40),
    _PIECES | st.just(""),
    st.integers(0, 2),
)
_MADE_UP = st.builds(
    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}".format,
    st.integers(1, 9999),
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
    st.sampled_from(["Z", "+00:00", "-08:00", "+23:59", "-0700"]),
)
_DIGITS = st.integers(0, 10**20).map(str) | st.sampled_from([1, 9, 10, 11, 13, 16, 18, 19, 20]).flatmap(
    lambda length: st.text("0123456789", min_size=length, max_size=length)
)


@settings(max_examples=times(400))
@given(st.lists(_NEARLY | _MADE_UP | _DIGITS | st.text(max_size=12), min_size=1, max_size=15))
@example(["9999999999999999999", "2026-11-18T00:00:00Z"])
@example(["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01"])
@example(["2016-12-31T23:59:60Z", "0001-01-01T00:00:60.5Z", "2026-11-18T00:60:60Z"])
def test_what_is_no_instant_is_none_and_the_rest_is_what_python_says(texts: list[str]) -> None:
    together = in_micros(texts)
    assert together == [each for text in texts for each in in_micros([text])]
    for text, micros in zip(texts, together, strict=True):
        assert in_calendar(micros) == oracle(text), text


def in_micros(texts: list[str]) -> list[int | None]:
    return parse_instants(pl.Series(texts, dtype=pl.String)).dt.timestamp("us").to_list()


def in_calendar(micros: int | None) -> datetime | None:
    """None also for the years that the engine knows and Python does not."""
    try:
        return None if micros is None else EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1795000000", 1_795_000_000_000_000),
        ("1795000000123", 1_795_000_000_123_000),
        ("1795000000123456", 1_795_000_000_123_456),
        ("1795000000123456789", 1_795_000_000_123_456),
        ("2026-11-18T09:00:00.123456789Z", 1_795_078_800 * 10**6 - 86_400 * 10**6 + 123_456),
        ("1969-12-31T23:59:59.999999999Z", -1),
    ],
)
def test_units_are_told_by_digits_and_finer_ones_are_cut_off(text: str, micros: int) -> None:
    (found,) = parsed(text)
    assert found == EPOCH + timedelta(microseconds=micros)


@given(st.lists(st.none() | st.integers(0, 10**20).map(str) | spelt_instants(FIRST, LAST).map(lambda spelt: spelt[0])))
def test_finer_units_are_the_numbers_of_13_16_and_19_digits(texts: list[str | None]) -> None:
    frame = pl.DataFrame({"t": pl.Series(texts, dtype=pl.String)})
    expected = [text is not None and text.isdigit() and len(text) in (13, 16, 19) for text in texts]
    assert frame.select(is_finer_than_seconds(pl.col("t"))).to_series().to_list() == expected


def test_nothing_and_null_give_nothing_and_null() -> None:
    assert parsed() == []
    assert parsed(None, "1795000000", None) == [None, EPOCH + timedelta(seconds=1_795_000_000), None]
    assert parsed(None, None) == [None, None]


# Days.


@pytest.mark.parametrize(
    "zone", [PST, LOS_ANGELES, day_zone("Asia/Kolkata"), day_zone("Australia/Lord_Howe")], ids=lambda each: each.name
)
@settings(max_examples=times(200))
@given(data=st.data())
def test_the_day_of_an_instant_is_the_one_of_the_zone(zone: DayZone, data: st.DataObject) -> None:
    days = st.dates(FIRST_DAY, LAST_DAY)
    near = st.builds(lambda day, micros: zone.start_of(day) + timedelta(microseconds=micros), days, st.integers(-2, 2))
    table = data.draw(st.lists(near | clocks.map(lambda at: at.replace(tzinfo=UTC))))
    frame = pl.DataFrame({"t": pl.Series(table, dtype=INSTANT)})
    assert frame.select(day_of_instant(pl.col("t"), zone)).to_series().to_list() == [zone.day_of(at) for at in table]


@given(instants)
def test_pst_has_no_daylight_saving(at: datetime) -> None:
    (day,) = pl.select(day_of_instant(pl.lit(at, INSTANT), PST)).to_series()
    assert day == (at - timedelta(hours=8)).date()


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-11-18", 24)])
def test_days_of_los_angeles_have_23_24_or_25_hours(day: str, hours: int) -> None:
    start = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo("America/Los_Angeles")).astimezone(UTC)
    quarters = pl.Series([start + timedelta(minutes=15 * step) for step in range(-8, 120)], dtype=INSTANT)
    days = pl.select(day_of_instant(pl.lit(quarters), LOS_ANGELES)).to_series().dt.to_string("%Y-%m-%d")
    assert (days == day).sum() == 4 * hours


# A customer's own formats.


_known_clocks = st.builds(datetime.combine, st.dates(FIRST_DAY, date(2037, 12, 31)), st.times())
"""For later years the engine has no rules of summer time; such days lie in the future, and are rejected."""


@settings(max_examples=times(200))
@given(_known_clocks, st.sampled_from(["America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata", "UTC"]))
def test_times_of_a_zone_are_read_on_its_clocks(local: datetime, zone: str) -> None:
    local = local.replace(microsecond=0)
    known = local.replace(tzinfo=ZoneInfo(zone))
    in_utc = known.astimezone(UTC)
    expected = in_utc if in_utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local else None
    assert formatted(f"{local:%d.%m.%Y %H:%M:%S}", "%d.%m.%Y %H:%M:%S", zone) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-08 01:59:59", "2026-03-08T09:59:59Z"),
        ("2026-03-08 02:00:00", None),
        ("2026-03-08 02:59:59", None),
        ("2026-03-08 03:00:00", "2026-03-08T10:00:00Z"),
        ("2026-11-01 00:59:59", "2026-11-01T07:59:59Z"),
        ("2026-11-01 01:00:00", "2026-11-01T08:00:00Z"),
        ("2026-11-01 01:59:59", "2026-11-01T08:59:59Z"),
        ("2026-11-01 02:00:00", "2026-11-01T10:00:00Z"),
    ],
)
def test_an_hour_that_never_was_is_none_and_of_one_that_came_twice_the_first_is_meant(text: str, expected: str | None) -> None:
    found = formatted(text, "%Y-%m-%d %H:%M:%S", "America/Los_Angeles")
    assert found == (None if expected is None else datetime.fromisoformat(expected))


@settings(max_examples=times(100))
@given(clocks, st.integers(-12 * 60, 14 * 60))
def test_a_format_with_an_offset_needs_no_zone(local: datetime, minutes: int) -> None:
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    text = f"{local:%Y/%m/%d %H:%M:%S.%f} {offset}"
    assert formatted(text, "%Y/%m/%d %H:%M:%S%.f %z", None) == local.replace(tzinfo=UTC) - timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "18.11.2026", "2026-11-18 09:00:00", "31.02.2026 09:00:00", "18.11.2026 09:00:00 "])
def test_what_is_not_of_the_format_is_none(text: str) -> None:
    assert formatted(text, "%d.%m.%Y %H:%M:%S", "UTC") is None
    assert formatted("18.11.2026 09:00:00", "%d.%m.%Y %H:%M:%S", "UTC") == datetime(2026, 11, 18, 9, tzinfo=UTC)


def test_a_column_of_clock_times_is_read_in_its_zone() -> None:
    table = pl.Series([datetime(2026, 7, 1, 9), datetime(2026, 1, 1, 9), datetime(2026, 3, 8, 2, 30)])  # noqa: DTZ001
    found = pl.select(in_zone(pl.lit(table), "America/Los_Angeles")).to_series().to_list()
    assert found == [datetime(2026, 7, 1, 16, tzinfo=UTC), datetime(2026, 1, 1, 17, tzinfo=UTC), None]


@pytest.mark.parametrize(
    ("basic", "extended"),
    [
        ("20261118T090000Z", "2026-11-18T09:00:00Z"),
        ("20261118t090000.25z", "2026-11-18T09:00:00.25Z"),
        ("20261118T090000,5+0130", "2026-11-18T09:00:00.5+01:30"),
        ("20261118T0900Z", "2026-11-18T09:00Z"),
        ("20261118T090000-08", "2026-11-18T09:00:00-08:00"),
        ("20261118T090000 UTC", "2026-11-18T09:00:00Z"),
    ],
)
def test_the_basic_form_means_the_same_as_the_extended_one(basic: str, extended: str) -> None:
    assert parsed(basic, extended, "1795000000", None) == [*parsed(extended), *parsed(extended, "1795000000", None)]
    assert parsed(basic)[0] is not None


@pytest.mark.parametrize(
    "text",
    [
        "20261332T090000Z",
        "20261118T090000",
        "20261118 090000Z",
        "20261118T09Z",
        "2026-11-18T090000Z",
        "20261118T250000Z",
        "2026118T090000Z",
    ],
)
def test_what_comes_near_the_basic_form_is_none(text: str) -> None:
    assert parsed(text, "20261118T090000Z", "2026-11-18T09:00:Z")[::2] == [None, None]


def test_the_basic_form_without_an_offset_is_in_the_zone_of_the_config() -> None:
    texts = pl.Series(["20261118T090000", "20261118T0900"], dtype=pl.String)
    found = parse_instants(texts, zone="Asia/Tokyo").to_list()
    assert [each.hour for each in found] == [0, 0]
