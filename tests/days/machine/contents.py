"""What is uploaded, and the rows that it comes to: what a stream should publish, told in plain Python.

Each content of a folder is a list of rows; a file is made of it, and the day that files come to is computed from the same
rows without the program.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

import polars as pl

from processing.domain.datasets import Dataset
from tests.days.machine.calendar import Calendar

EMPTY, REFUSED, STUB = "empty", "refused", "a folder's stub"
WITHOUT_U2 = "without u2"
Shown = Mapping[tuple[str, str], object]
"""What a table shows of a day: by two texts that are there once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a file."""

    dataset: Dataset
    """The stream that it belongs to."""
    unit: str
    day: date
    """As its file says it: the day, or that of its instant in UTC."""
    group: str
    """Metric, experiment or event."""
    value: str
    """Value of the metric; hour and group of the exposure; hour and id of the event."""
    parts: tuple[float, float] | None = None
    """Numerator and denominator."""
    is_test: bool = False

    @property
    def at(self) -> datetime:
        """The instant of an exposure or an event, whose hours may go beyond its day's 24."""
        hour = int(self.value.partition(" ")[0])
        return datetime.combine(self.day, time(0), tzinfo=UTC) + timedelta(hours=hour, minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What becomes of the rows of one version, closed days apart."""

    read: int
    filtered: int
    accepted: tuple[tuple[date, Row], ...]
    """With their days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What earlier published days give to a day."""

    ratios: Collection[str] = ()
    keys: Collection[tuple[str, str]] = ()
    """Of the rows that they show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One stream: the files of its own folder, and its days."""

    dataset: Dataset
    calendar: Calendar
    names: tuple[str, ...]
    contents: Mapping[str, tuple[Row, ...]]
    """Without those that are the same in every folder."""
    table: str
    write: Callable[[Iterable[Row]], bytes]
    """The file of some rows."""
    refused: bytes
    """A file that is refused whole."""
    days: Days
    lines: Callable[[Iterable[Row]], bytes] | None = None
    """The rows as they come over HTTP; None where the machine logs none."""

    def has(self, name: str) -> bool:
        """Whether a data file lies in the stream's own folder."""
        return name in self.names or name.startswith(f"{self.dataset}/api/")

    def logged(self) -> dict[bytes, str]:
        """What comes over HTTP, and which content it is: rows that are all sound."""
        sound = {name: rows for name, rows in self.contents.items() if rows and all(map(self.days.is_sound, rows))}
        return {} if self.lines is None else {self.lines(rows): name for name, rows in sorted(sound.items())}

    def file(self, content: str) -> bytes:
        """The bytes of a content."""
        if content in (EMPTY, STUB):
            return b""
        return self.refused if content == REFUSED else self.write(self.contents[content])

    def day_of(self, row: Row) -> date | None:
        """The day of a row that is sound; None for one that is not."""
        if not self.days.is_sound(row):
            return None
        return row.day if row.dataset is Dataset.METRICS else self.calendar.day_of(row.at)

    def rows_read(self, content: str, uploaded: datetime, config: str) -> Read:
        """What the program should make of a file that is not refused."""
        rows = self.contents.get(content, ())
        latest = self.calendar.day_of(uploaded) + timedelta(days=1)
        kept = [each for each in rows if not (config == WITHOUT_U2 and each.unit == "u2" and self.days.can_filter)]
        dated = [(self.day_of(each), each) for each in kept]
        accepted = tuple((day, each) for day, each in dated if day is not None and day <= latest)
        return Read(read=len(rows), filtered=len(rows) - len(kept), accepted=accepted)


class Days(Protocol):
    """What the days of a stream show of its rows."""

    can_filter: bool
    """Whether the config that leaves a unit out has a say in it."""

    def is_sound(self, row: Row) -> bool:
        """Whether a row is accepted, its day apart."""
        ...

    def shown(self, rows: Iterable[Row], given: Given) -> Shown:
        """What `rows`, in the order of their files, come to."""
        ...

    def read(self, frame: pl.DataFrame) -> Shown:
        """What a file of the stream's table shows."""
        ...


def once(rows: Iterable[tuple[tuple[str, str], object]]) -> Shown:
    """Rows by their keys, none of which may stand twice."""
    found = list(rows)
    shown = dict(found)
    assert len(shown) == len(found), "a table shows a row twice"
    return shown
