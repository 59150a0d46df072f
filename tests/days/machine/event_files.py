"""Events in Segment's shape, exposures among them, and some of them told twice."""

from __future__ import annotations

import json
from collections.abc import Iterable
from uuid import UUID

import polars as pl

from processing.domain.datasets import Dataset
from tests.days.machine.calendar import Calendar
from tests.days.machine.contents import EMPTY, REFUSED, Feed, Given, Row, Shown, once
from tests.days.machine.exposures import exposure


def events(calendar: Calendar) -> Feed:
    """The stream."""

    def row(unit: str, day: int, value: str, *, group: str = "e") -> Row:
        return Row(dataset=Dataset.EVENTS, unit=unit, day=calendar.day(day), group=group, value=value)

    return Feed(
        dataset=Dataset.EVENTS,
        calendar=calendar,
        names=("events/a.ndjson", "events/b.ndjson"),
        contents={
            "one": (row("u1", 1, "10 1"),),
            "two days": (row("u1", 1, "11 1", group="d"), row("u3", 2, "12 2")),
            "three days": (row("u1", 0, "13 3"), row("u4", 1, "14 4"), row("u1", 2, "15 5")),
            "told twice": (row("u1", 1, "10 6"), row("u3", 1, "10 6", group="d")),
            "exposures too": (row("u1", 1, "16 7"), exposure(calendar, "u1", 1, "18 c", group="m")),
            "exposures alone": (
                exposure(calendar, "u3", 0, "19 c", group="m"),
                exposure(calendar, "u5", 2, "31 d", group="f"),
            ),
            "bad rows": (row("u1", 2, "17 8"), row("u3", 1, "x")),
            "none": (),
            EMPTY: (),
            REFUSED: (),
        },
        table="events",
        write=_ndjson,
        refused=b'{"a": 1}\n',
        days=_EventDays(),
    )


def _ndjson(rows: Iterable[Row]) -> bytes:
    return "".join(f"{json.dumps(_record(each))}\n" for each in rows).encode()


def _record(row: Row) -> dict[str, object]:
    at = "noon" if row.value == "x" else row.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    last = row.value.partition(" ")[2]
    if row.dataset is Dataset.EXPOSURES:
        properties = {"experiment": row.group, "group": last}
        return {"event": "statsig::experiment_exposure", "userId": row.unit, "properties": properties, "timestamp": at}
    return {"event": row.group, "userId": row.unit, "timestamp": at, "timeuuid": str(UUID(int=int(last or "0")))}


class _EventDays:
    can_filter = False

    def is_sound(self, row: Row) -> bool:
        return row.value != "x"

    def shown(self, rows: Iterable[Row], given: Given) -> Shown:  # noqa: ARG002
        first: dict[tuple[str, str], object] = {}
        for each in rows:
            first.setdefault((str(UUID(int=int(each.value.partition(" ")[2]))), ""), (each.group, each.unit))
        return first

    def read(self, frame: pl.DataFrame) -> Shown:
        rows = frame.select("timeuuid", "event_name", "user_id").iter_rows()
        return once(((uuid, ""), (name, user)) for uuid, name, user in rows)
