"""The days that everything is about, and the zone that cuts them; told without the program."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from processing.domain.days import PST_NAME, DayZone, day_zone

_KNOWN = {PST_NAME: timezone(timedelta(hours=-8))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Four days that follow each other, in the zone of an installation."""

    name: str
    first: date
    program: DayZone = field(init=False, compare=False)
    """The zone as the program knows it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "program", day_zone(self.name))

    @property
    def days(self) -> tuple[date, ...]:
        """The four."""
        return tuple(self.day(index) for index in range(4))

    @property
    def start(self) -> datetime:
        """When everything begins: early in the last of the days, all others of which have ended."""
        return datetime.combine(self.day(3), time(12), tzinfo=UTC)

    def day(self, index: int) -> date:
        """A day by its place; those outside of the four too."""
        return self.first + timedelta(days=index)

    def day_of(self, instant: datetime) -> date:
        """The day that holds an instant."""
        return instant.astimezone(self._zone).date()

    def end_of(self, day: date) -> datetime:
        """The first instant after a day."""
        return datetime.combine(day + timedelta(days=1), time(0), tzinfo=self._zone).astimezone(UTC)

    @property
    def _zone(self) -> tzinfo:
        return _KNOWN.get(self.name) or ZoneInfo(self.name)


WINTER = Calendar(name=PST_NAME, first=date(2026, 11, 17))
CLOCKS_CHANGE = Calendar(name="America/Los_Angeles", first=date(2026, 10, 30))
"""Its third day has 25 hours."""
CALENDARS = (WINTER, CLOCKS_CHANGE)
