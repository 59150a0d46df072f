"""Metrics with values, ratios, test rows and bad rows."""

from __future__ import annotations

import json
from collections.abc import Iterable

import polars as pl

from processing.domain.datasets import Dataset
from tests.days.machine.calendar import Calendar
from tests.days.machine.contents import EMPTY, REFUSED, Feed, Given, Row, Shown, once

A, B, C = "metrics/a.csv", "metrics/b.csv", "metrics/c/a.csv"


def metrics(calendar: Calendar) -> Feed:
    """The stream."""

    def row(
        unit: str, day: int, value: str, *, group: str = "m", parts: tuple[float, float] | None = None, test: bool = False
    ) -> Row:
        own = calendar.day(day)
        return Row(dataset=Dataset.METRICS, unit=unit, day=own, group=group, value=value, parts=parts, is_test=test)

    return Feed(
        dataset=Dataset.METRICS,
        calendar=calendar,
        names=(A, B, C),
        contents={
            "one": (row("u1", 1, "1"),),
            "two days": (row("u1", 1, "2"), row("u2", 2, "3")),
            "three days": (row("u1", 0, "4"), row("u1", 1, "5"), row("u3", 2, "6")),
            "bad rows": (row("u1", 1, "7"), row("u2", 1, "x"), row("u3", 2, "8")),
            "bad rows alone": (row("u1", 1, "x"), row("u3", 2, "y")),
            "a ratio": (row("u1", 0, "", parts=(1.0, 2.0)), row("u2", 3, "9", group="n")),
            "a test": (row("u4", 2, "1", test=True), row("u5", 2, "2"), row("u5", 2, "3")),
            "from tomorrow on": (row("u1", 3, "10"), row("u5", 5, "11")),
            "none": (),
            EMPTY: (),
            REFUSED: (),
        },
        table="metric_rows",
        write=_csv,
        lines=_ndjson,
        refused=b"unit_id,date\nu1,2026-11-18\n",
        days=_MetricDays(),
    )


def _csv(rows: Iterable[Row]) -> bytes:
    lines = ["unit_id,id_type,date,metric_name,metric_value,numerator,denominator,is_test"]
    for each in rows:
        above, below = each.parts or ("", "")
        lines.append(f"{each.unit},user_id,{each.day},{each.group},{each.value},{above},{below},{str(each.is_test).lower()}")
    return ("\n".join(lines) + "\n").encode()


def _ndjson(rows: Iterable[Row]) -> bytes:
    lines = []
    for each in rows:
        value = {"metric_value": float(each.value)} if each.parts is None else {}
        parts = {} if each.parts is None else {"numerator": each.parts[0], "denominator": each.parts[1]}
        named = {"unit_id": each.unit, "id_type": "user_id", "date": str(each.day), "metric_name": each.group}
        lines.append(json.dumps({**named, **value, **parts, "is_test": each.is_test}) + "\n")
    return "".join(lines).encode()


class _MetricDays:
    can_filter = True

    def is_sound(self, row: Row) -> bool:
        return row.value.isdigit() or row.parts is not None

    def shown(self, rows: Iterable[Row], given: Given) -> Shown:
        latest = {(each.group, each.unit): each for each in rows if not each.is_test}
        known = {*given.ratios, *(each.group for each in latest.values() if each.parts is not None)}
        return {key: self._value(each, is_ratio=each.group in known) for key, each in latest.items()}

    def read(self, frame: pl.DataFrame) -> Shown:
        rows = frame.select("metric_name", "unit_id", "value").iter_rows()
        return once(((metric, unit), value) for metric, unit, value in rows)

    def _value(self, row: Row, *, is_ratio: bool) -> float | None:
        if is_ratio:
            return None if row.parts is None else row.parts[0] / row.parts[1]
        return float(row.value)
