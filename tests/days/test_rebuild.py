"""Lost tables are made anew from the manifests (contract section 10)."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from processing.domain.attention.model import AttentionCode
from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.domain.stream_state import DayState
from processing.jobs.days.rebuild_tables import rebuild
from processing.publication.delta.specs import METRIC_ROWS
from processing.views.status import status
from tests.support.memory import Memory, metrics

DAYS = [date(2026, 11, 16) + timedelta(days=n) for n in range(3)]
RESULTS = "results-acme"


@pytest.fixture
def world() -> Memory:
    """Three published days, one of them twice."""
    world = Memory()
    world.config("late_policy: hold")
    for day in DAYS:
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": day.day, "v": 1}))
        world.upload(f"signals/{day}")
    world.settle()
    world.upload("metrics/late.csv", metrics(DAYS[0], {"w": 5}))
    world.upload(f"signals/{DAYS[0]}")
    world.settle()
    assert world.state().seq == 4
    return world


def shown(world: Memory) -> dict[date, dict[str, float]]:
    return {day: world.values(day) for day in DAYS}


def lose(world: Memory, table: str, *, files: bool = False) -> None:
    world.tables._logs.pop((RESULTS, table))
    if files:
        for info in list(world.results.list_blobs(RESULTS, f"{table}/")):
            world.results.delete(RESULTS, info.name)


@pytest.mark.parametrize("tables", [["metric_rows"], ["metric_days"], ["days"], ["metric_rows", "metric_days", "days"]])
def test_a_lost_table_stops_the_stream_and_is_made_anew_as_it_was(world: Memory, tables: list[str]) -> None:
    before = {name: world.table(name).drop("metric_rows_version", "metric_days_version", strict=False) for name in tables}
    was = shown(world)
    for name in tables:
        lose(world, name)
    next_day = DAYS[-1] + timedelta(days=1)
    world.upload("metrics/next.csv", metrics(next_day, {"u": 9}))
    world.upload(f"signals/{next_day}")
    world.settle()
    assert world.states()[next_day] is DayState.FAILED
    assert "dropzone rebuild acme" in str(world.day(next_day).error)
    (stream,) = status(world.context, ["acme"]).customers[0].streams
    told = [each for each in stream.attention if each.code is AttentionCode.TABLE_LOST]
    assert [each.do.rpartition("dropzone ")[2] for each in told] == [f"rebuild acme {name}`" for name in sorted(tables)]
    made = rebuild(world.context, "acme", tables[0] if len(tables) == 1 else None)
    assert {each.table for each in made} == set(tables)
    assert all((each.days, each.processed_again, each.given_up) == (3, 0, 0) for each in made)
    for name, rows in before.items():
        found = world.table(name).drop("metric_rows_version", "metric_days_version", strict=False)
        assert found.sort(pl.all()).equals(rows.sort(pl.all()))
    assert shown(world) == was
    world.pass_time(hours=2)
    world.tick()
    assert world.values(next_day) == {"u": 9}
    assert shown(world) == was


def test_the_versions_that_days_names_show_each_day_after_a_rebuild(world: Memory) -> None:
    lose(world, "metric_rows")
    rebuild(world.context, "acme", None)
    table = world.tables.open(RESULTS, METRIC_ROWS)
    assert world.table("days")["metric_rows_version"].to_list() == [table.version()] * 3


def test_days_whose_files_are_gone_are_processed_again_while_their_rows_are_kept(world: Memory) -> None:
    was = shown(world)
    for name in ("metric_rows", "metric_days", "days"):
        lose(world, name, files=True)
    made = {each.table: (each.days, each.processed_again) for each in rebuild(world.context, "acme", None)}
    assert made["metric_rows"] == (0, 3)
    assert set(world.states().values()) == {DayState.READY}
    world.pass_time(hours=2)
    world.tick()
    assert set(world.states().values()) == {DayState.PROCESSED}
    assert shown(world) == was


def test_a_rebuild_that_was_killed_goes_on_where_it_stopped(world: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    was = shown(world)
    lose(world, "metric_rows")
    put, left = world.tables.open, iter(range(2))

    def once_more(container: str, spec: object) -> object:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return put(container, spec)  # type: ignore[arg-type]

    with monkeypatch.context() as killed:
        killed.setattr(world.tables, "open", once_more)
        with pytest.raises(KeyboardInterrupt):
            rebuild(world.context, "acme", "metric_rows")
    world.pass_time(hours=1)
    world.tick()
    assert world.state().seq == 4  # it stands still
    rebuild(world.context, "acme", None)
    assert shown(world) == was


def test_a_table_that_is_not_lost_or_not_there_is_left_alone(world: Memory) -> None:
    for name, why in (("metric_rows", "is not lost"), ("users", "there is no table"), ("events", "is not lost")):
        with pytest.raises(OperatorError, match=why):
            rebuild(world.context, "acme", name)
    assert rebuild(world.context, "acme", None) == []


def test_a_table_that_streams_share_is_made_anew_for_each_of_them(world: Memory) -> None:
    event = b'{"timestamp": "2026-11-17T18:00:00Z", "event_name": "buy", "user": {"userID": "u"}}\n'
    world.upload("events/a.ndjson", event)
    world.settle()
    assert world.state(Dataset.EVENTS).seq >= 1
    before = world.table("metric_days")
    lose(world, "metric_days")
    assert {each.stream for each in rebuild(world.context, "acme", "metric_days")} == {"acme/metrics", "acme/events"}
    found = world.table("metric_days")
    assert found.select(sorted(found.columns)).sort(pl.all()).equals(before.select(sorted(found.columns)).sort(pl.all()))
