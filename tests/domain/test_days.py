"""Days: every instant has one, and its bounds agree with it (contract section 1)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.domain.days import PST, DayZone, day_zone, parse_day
from processing.domain.errors import OperatorError

LOS_ANGELES = day_zone("America/Los_Angeles")
# Its midnight did not exist on some days, and came twice on others.
SAO_PAULO = day_zone("America/Sao_Paulo")

zones = st.sampled_from([PST, LOS_ANGELES, SAO_PAULO])
instants = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given a zone
days = st.dates(date(1980, 1, 1), date(2100, 1, 1))


@given(zones, instants)
def test_an_instant_lies_within_its_day(zone: DayZone, instant: datetime) -> None:
    day = zone.day_of(instant)
    assert zone.start_of(day) <= instant < zone.end_of(day)


@given(zones, days)
def test_a_day_starts_where_the_one_before_ends(zone: DayZone, day: date) -> None:
    start = zone.start_of(day)
    assert zone.day_of(start) == day
    assert zone.day_of(start - timedelta(microseconds=1)) == day - timedelta(days=1)
    assert zone.end_of(day - timedelta(days=1)) == start


@given(days)
def test_a_pst_day_runs_from_eight_to_eight_utc(day: date) -> None:
    assert PST.start_of(day) == datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    assert PST.end_of(day) - PST.start_of(day) == timedelta(hours=24)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-11-18", 24)])
def test_los_angeles_days_follow_daylight_saving(day: str, hours: int) -> None:
    start = LOS_ANGELES.start_of(date.fromisoformat(day))
    assert LOS_ANGELES.end_of(date.fromisoformat(day)) - start == timedelta(hours=hours)


def test_a_day_has_ended_at_its_end_and_not_before() -> None:
    end = PST.end_of(date(2026, 11, 18))
    assert PST.has_ended(date(2026, 11, 18), end)
    assert not PST.has_ended(date(2026, 11, 18), end - timedelta(microseconds=1))


def test_an_instant_without_a_zone_has_no_day() -> None:
    with pytest.raises(ValueError, match="time zone"):
        PST.day_of(datetime(2026, 11, 18))  # noqa: DTZ001 - the point


def test_an_unknown_zone_is_the_operators_to_mend() -> None:
    with pytest.raises(OperatorError, match="DROPZONE_DAY_ZONE"):
        day_zone("Mars/Olympus")


@given(days)
def test_a_day_parses_from_its_own_text(day: date) -> None:
    assert parse_day(day.isoformat()) == day


@pytest.mark.parametrize("text", ["2026-1-1", "20260101", "2026-02-30", "26-01-01", "2026-01-01 ", "２０２６-01-01", ""])
def test_what_is_not_exactly_a_day_is_none(text: str) -> None:
    assert parse_day(text) is None


@pytest.mark.parametrize("zone", [PST, LOS_ANGELES, day_zone("Asia/Tokyo")])
def test_the_ends_of_the_calendar_are_days_like_others(zone: DayZone) -> None:
    assert zone.start_of(date.min) < zone.end_of(date.min) < zone.start_of(date.max) < zone.end_of(date.max)
    assert not zone.has_ended(date.max, datetime(9999, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(("days", "is_far"), [(-1, False), (0, False), (1, False), (2, True)])
@pytest.mark.parametrize(
    "written", [PST.start_of(date(2026, 11, 18)), PST.end_of(date(2026, 11, 18)) - timedelta(microseconds=1)]
)
def test_a_day_is_far_ahead_when_it_is_more_than_one_after_that_of_the_writing(
    days: int, is_far: bool, written: datetime
) -> None:
    assert PST.is_far_ahead(date(2026, 11, 18) + timedelta(days=days), written) is is_far
