"""Days: which day an instant belongs to, and when a day starts and ends (contract section 1).

PST is the fixed offset UTC-8, all year. An installation may name another zone; its days may have 23 or 25 hours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from processing.domain.errors import OperatorError

PST_NAME: Final = "PST"

_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayZone:
    """A rule that cuts time into days."""

    name: str
    """`PST` for the fixed offset, else an IANA zone name."""
    zone: tzinfo
    """The zone whose midnights cut the days."""

    def day_of(self, instant: datetime) -> date:
        """The day that holds `instant`, which must know its zone."""
        if instant.tzinfo is None:
            raise ValueError("an instant without a time zone has no day")
        return instant.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """The first instant of `day`, in UTC.

        Where midnight does not exist (a zone that skips it), this is the first instant after the gap; where it happens
        twice, the first of the two.
        """
        try:
            return datetime.combine(day, time(0), tzinfo=self.zone).astimezone(UTC)
        except OverflowError:  # the first days of the calendar begin before it in zones east of Greenwich
            return datetime.min.replace(tzinfo=UTC)

    def end_of(self, day: date) -> datetime:
        """The first instant after `day`, in UTC."""
        return datetime.max.replace(tzinfo=UTC) if day == date.max else self.start_of(day + timedelta(days=1))

    def has_ended(self, day: date, now: datetime) -> bool:
        """Whether `day` lies wholly before `now`."""
        return now >= self.end_of(day)

    def is_far_ahead(self, day: date, written: datetime) -> bool:
        """Whether `day` lies more than a day after the one in which something was written about it."""
        return day > self.day_of(written) + timedelta(days=1)


PST: Final = DayZone(name=PST_NAME, zone=timezone(timedelta(hours=-8), PST_NAME))


def day_zone(name: str) -> DayZone:
    """The zone of an installation by its setting; raises OperatorError for a name nobody knows."""
    if name == PST_NAME:
        return PST
    try:
        return DayZone(name=name, zone=ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise OperatorError(
            f"DROPZONE_DAY_ZONE is {name!r}: write {PST_NAME} or an IANA name such as America/Los_Angeles"
        ) from error


def days_beside(day: date) -> tuple[date | None, date | None]:
    """The day before and the day after; None where the calendar ends."""
    before = None if day == date.min else day - timedelta(days=1)
    return before, None if day == date.max else day + timedelta(days=1)


def parse_day(text: str) -> date | None:
    """The day written exactly as YYYY-MM-DD, or None: `2026-1-1`, `20260101` and 30 February are not days."""
    if not _ISO_DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
