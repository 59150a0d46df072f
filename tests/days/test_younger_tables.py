"""A table that came with a newer program: days that an older one published have no rows in it, and that is no loss."""

from __future__ import annotations

import json
from datetime import date, timedelta

import polars as pl
import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.days.rebuild_tables import rebuild
from processing.jobs.operate import ask_reprocess
from tests.support.memory import Memory

DAYS = [date(2026, 11, 16) + timedelta(days=n) for n in range(3)]
RESULTS = "results-acme"


def events(day: date, *units: str) -> bytes:
    rows = (
        {"timestamp": f"{day}T18:00:00Z", "event_name": "buy", "event_value": "2", "user": {"userID": unit}} for unit in units
    )
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def publish(world: Memory, day: date) -> None:
    world.upload(f"events/{day}.ndjson", events(day, "u", "v"))
    world.upload(f"signals/events/{day}")
    world.settle()
    assert world.states(Dataset.EVENTS)[day] is DayState.PROCESSED


def units(world: Memory) -> list[tuple[str, str, int, float]]:
    return sorted(world.table("event_units").select("pst_date", "unit_id", "count", "sum").iter_rows())


def rows_of(*days: date) -> list[tuple[str, str, int, float]]:
    return [(str(day), unit, 1, 2.0) for day in days for unit in ("u", "v")]


@pytest.fixture
def world() -> Memory:
    """Two days as an older program published them, which did not know the table."""
    world = Memory()
    for day in DAYS[:2]:
        publish(world, day)
    world.tables._logs.pop((RESULTS, "event_units"))
    for info in list(world.results.list_blobs(RESULTS, "event_units/")):
        world.results.delete(RESULTS, info.name)
    for info in list(world.lake.list_blobs(blob_names.STATE_CONTAINER, "manifests/")):
        found = world.lake.get(blob_names.STATE_CONTAINER, info.name)
        assert found is not None
        manifest = json.loads(found[0])
        manifest["outputs"] = [each for each in manifest["outputs"] if each["table"] != "event_units"]
        world.lake.put(blob_names.STATE_CONTAINER, info.name, json.dumps(manifest).encode())
    return world


def test_the_next_day_is_published_with_it_and_earlier_ones_when_they_are_processed_again(world: Memory) -> None:
    publish(world, DAYS[2])
    assert units(world) == rows_of(DAYS[2])
    for day in DAYS[:2]:
        ask_reprocess(world.context, Stream("acme", Dataset.EVENTS), day)
    world.settle()
    assert units(world) == rows_of(*DAYS)
    versions = world.table("days").filter(pl.col("dataset") == "events").get_column("event_units_version")
    assert versions.null_count() == 0


def test_a_day_that_is_processed_again_and_dies_on_its_way_into_the_tables_is_finished(world: Memory) -> None:
    ask_reprocess(world.context, Stream("acme", Dataset.EVENTS), DAYS[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.tables, "open", _raise)
        with pytest.raises(KeyboardInterrupt):
            world.settle()
    assert world.state(Dataset.EVENTS).pending == DAYS[1]
    world.pass_time(hours=1)
    world.settle()
    assert units(world) == rows_of(DAYS[1])


def _raise(*_: object) -> None:
    raise KeyboardInterrupt


def test_it_is_not_lost_before_a_day_has_rows_in_it_and_is_made_anew_afterwards(world: Memory) -> None:
    with pytest.raises(OperatorError, match="is not lost"):
        rebuild(world.context, "acme", "event_units")
    publish(world, DAYS[2])
    world.tables._logs.pop((RESULTS, "event_units"))
    day = DAYS[2] + timedelta(days=1)
    world.upload(f"events/{day}.ndjson", events(day, "u", "v"))
    world.upload(f"signals/events/{day}")
    world.settle()
    assert world.states(Dataset.EVENTS)[day] is DayState.FAILED
    assert "dropzone rebuild acme event_units" in str(world.day(day, Dataset.EVENTS).error)
    (made,) = rebuild(world.context, "acme", None)
    assert (made.table, made.days, made.processed_again) == ("event_units", 1, 0)
    world.pass_time(hours=2)
    world.settle()
    assert units(world) == rows_of(DAYS[2], day)
