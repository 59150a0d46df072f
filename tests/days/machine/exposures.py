"""Exposures, of which each unit's first one counts, on one day of all."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from processing.domain.datasets import Dataset
from tests.days.machine.calendar import Calendar
from tests.days.machine.contents import EMPTY, REFUSED, Feed, Given, Row, Shown, once


def exposures(calendar: Calendar) -> Feed:
    """The stream; those among events are the events' own affair to upload."""

    def row(unit: str, day: int, value: str, *, group: str = "m") -> Row:
        return exposure(calendar, unit, day, value, group=group)

    return Feed(
        dataset=Dataset.EXPOSURES,
        calendar=calendar,
        names=("exposures/a.csv", "exposures/b.csv"),
        contents={
            "one": (row("u1", 1, "10 a"),),
            "two days": (row("u1", 1, "11 b"), row("u2", 2, "12 a")),
            "three days": (row("u1", 0, "13 a"), row("u2", 1, "14 b"), row("u1", 2, "15 a")),
            # Half past midnight where clocks are an hour ahead of PST, and an hour before it in PST.
            "at night": (row("u4", 0, "31 a"), row("u3", 1, "31 b")),
            "bad rows": (row("u2", 0, "16 a"), row("u3", 1, "x"), row("u1", 2, "17 b", group="f")),
            "none": (),
            EMPTY: (),
            REFUSED: (),
        },
        table="first_exposures",
        write=_csv,
        refused=b"unit_id,timestamp\nu1,2026-11-18\n",
        days=_ExposureDays(),
    )


def exposure(calendar: Calendar, unit: str, day: int, value: str, *, group: str) -> Row:
    """An exposure, to which experiment and when."""
    return Row(dataset=Dataset.EXPOSURES, unit=unit, day=calendar.day(day), group=group, value=value)


def _csv(rows: Iterable[Row]) -> bytes:
    lines = ["unit_id,experiment,group_id,timestamp"]
    for each in rows:
        at = "noon" if each.value == "x" else each.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(f"{each.unit},{each.group},{each.value.partition(' ')[2] or 'a'},{at}")
    return ("\n".join(lines) + "\n").encode()


class _ExposureDays:
    can_filter = True

    def is_sound(self, row: Row) -> bool:
        return row.value != "x"

    def shown(self, rows: Iterable[Row], given: Given) -> Shown:
        first: dict[tuple[str, str], Row] = {}
        for each in rows:
            key = (each.group, each.unit)
            if key not in given.keys and (key not in first or each.at < first[key].at):
                first[key] = each
        return {key: each.value.partition(" ")[2] for key, each in first.items()}

    def read(self, frame: pl.DataFrame) -> Shown:
        rows = frame.select("experiment", "unit_id", "group_id").iter_rows()
        return once(((experiment, unit), group) for experiment, unit, group in rows)
