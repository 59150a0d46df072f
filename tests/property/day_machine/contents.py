"""What is uploaded, and the rows that it comes to: what a stream should publish, told in plain Python.

Each content of a stream is a list of rows; a file is made of it, and the day that files come to is computed from the same
rows without the program.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.days import PST

DAYS = tuple(date(2026, 11, day) for day in (17, 18, 19, 20))
LATEST = date(2026, 11, 22)
EMPTY, REFUSED = "empty", "refused"
WITHOUT_U2 = "without u2"
Shown = Mapping[tuple[str, str], object]
"""What a table shows of a day: metric and unit, or experiment and unit, to the value or group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a file."""

    unit: str
    day: date
    group: str
    """Metric or experiment."""
    value: str
    """Value of the metric; hour and group of the exposure."""
    parts: tuple[float, float] | None = None
    """Numerator and denominator."""
    is_test: bool = False


def row(
    unit: str, day: int, value: str, *, group: str = "m", parts: tuple[float, float] | None = None, test: bool = False
) -> Row:
    return Row(unit=unit, day=date(2026, 11, day), group=group, value=value, parts=parts, is_test=test)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What becomes of the rows of one version."""

    read: int
    filtered: int
    accepted: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What earlier published days give to a day."""

    ratios: Collection[str] = ()
    keys: Collection[tuple[str, str]] = ()
    """Of the rows that they show."""


class Stream(Protocol):
    """One stream: its files, and its days."""

    dataset: Dataset
    names: tuple[str, ...]
    contents: Mapping[str, tuple[Row, ...]]
    table: str

    def file(self, content: str) -> bytes:
        """The bytes of a content."""
        ...

    def is_sound(self, row: Row) -> bool:
        """Whether the row is accepted, its day apart."""
        ...

    def shown(self, rows: Iterable[Row], given: Given) -> Shown:
        """What `rows`, in the order of their files, come to."""
        ...

    def read(self, frame: pl.DataFrame) -> Shown:
        """What a file of the stream's table shows."""
        ...


def read_rows(stream: Stream, content: str, uploaded: datetime, config: str) -> Read:
    """What the program should make of a file that is not refused."""
    rows = stream.contents.get(content, ())
    latest = PST.day_of(uploaded) + timedelta(days=1)
    kept = [each for each in rows if config != WITHOUT_U2 or each.unit != "u2"]
    accepted = tuple(each for each in kept if stream.is_sound(each) and each.day <= latest)
    return Read(read=len(rows), filtered=len(rows) - len(kept), accepted=accepted)


class Metrics:
    """Metrics with values, ratios, test rows and bad rows."""

    dataset = Dataset.METRICS
    names: tuple[str, ...] = ("metrics/a.csv", "metrics/b.csv", "metrics/c/a.csv")
    table = "metric_rows"
    contents: Mapping[str, tuple[Row, ...]] = {
        "one": (row("u1", 18, "1"),),
        "two days": (row("u1", 18, "2"), row("u2", 19, "3")),
        "three days": (row("u1", 17, "4"), row("u1", 18, "5"), row("u3", 19, "6")),
        "bad rows": (row("u1", 18, "7"), row("u2", 18, "x"), row("u3", 19, "8")),
        "a ratio": (row("u1", 17, "", parts=(1.0, 2.0)), row("u2", 20, "9", group="n")),
        "a test": (row("u4", 19, "1", test=True), row("u5", 19, "2"), row("u5", 19, "3")),
        "from tomorrow on": (row("u1", 20, "10"), row("u5", 22, "11")),
        "none": (),
        EMPTY: (),
        REFUSED: (),
    }

    def file(self, content: str) -> bytes:
        if content == EMPTY:
            return b""
        if content == REFUSED:
            return b"unit_id,date\nu1,2026-11-18\n"
        lines = ["unit_id,id_type,date,metric_name,metric_value,numerator,denominator,is_test"]
        for each in self.contents[content]:
            above, below = each.parts or ("", "")
            lines.append(
                f"{each.unit},user_id,{each.day},{each.group},{each.value},{above},{below},{str(each.is_test).lower()}"
            )
        return ("\n".join(lines) + "\n").encode()

    def is_sound(self, row: Row) -> bool:
        return row.value.isdigit() or row.parts is not None

    def shown(self, rows: Iterable[Row], given: Given) -> Shown:
        latest = {(each.group, each.unit): each for each in rows if not each.is_test}
        known = {*given.ratios, *(each.group for each in latest.values() if each.parts is not None)}
        return {key: self._value(each, is_ratio=each.group in known) for key, each in latest.items()}

    def read(self, frame: pl.DataFrame) -> Shown:
        rows = list(frame.select("metric_name", "unit_id", "value").iter_rows())
        shown = {(metric, unit): value for metric, unit, value in rows}
        assert len(shown) == len(rows), "a table shows a row twice"
        return shown

    def _value(self, row: Row, *, is_ratio: bool) -> float | None:
        if is_ratio:
            return None if row.parts is None else row.parts[0] / row.parts[1]
        return float(row.value)


class Exposures:
    """Exposures, of which each unit's first one counts, on one day of all."""

    dataset = Dataset.EXPOSURES
    names: tuple[str, ...] = ("exposures/a.csv", "exposures/b.csv")
    table = "first_exposures"
    contents: Mapping[str, tuple[Row, ...]] = {
        "one": (row("u1", 18, "10 a"),),
        "two days": (row("u1", 18, "11 b"), row("u2", 19, "12 a")),
        "three days": (row("u1", 17, "13 a"), row("u2", 18, "14 b"), row("u1", 19, "15 a")),
        "bad rows": (row("u2", 17, "16 a"), row("u3", 18, "x"), row("u1", 19, "17 b", group="f")),
        "none": (),
        EMPTY: (),
        REFUSED: (),
    }

    def file(self, content: str) -> bytes:
        if content == EMPTY:
            return b""
        if content == REFUSED:
            return b"unit_id,timestamp\nu1,2026-11-18\n"
        lines = ["unit_id,experiment,group_id,timestamp"]
        for each in self.contents[content]:
            hour, _, group = each.value.partition(" ")
            at = f"{each.day}T{hour}:00:00Z" if self.is_sound(each) else "noon"
            lines.append(f"{each.unit},{each.group},{group or 'a'},{at}")
        return ("\n".join(lines) + "\n").encode()

    def is_sound(self, row: Row) -> bool:
        return row.value != "x"

    def shown(self, rows: Iterable[Row], given: Given) -> Shown:
        first: dict[tuple[str, str], str] = {}
        for each in rows:
            key = (each.group, each.unit)
            if key not in given.keys:
                first[key] = min(first.get(key, each.value), each.value)
        return {key: value.partition(" ")[2] for key, value in first.items()}

    def read(self, frame: pl.DataFrame) -> Shown:
        rows = list(frame.select("experiment", "unit_id", "group_id").iter_rows())
        shown = {(experiment, unit): group for experiment, unit, group in rows}
        assert len(shown) == len(rows), "a table shows a row twice"
        return shown
