"""What `docs/operators/disaster.md` says to do when blobs were lost brings the days back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess, mark_ready, retry_now
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from processing.ports import BlobStore
from processing.views.status import status
from tests.support.all_customers import clean_up_all
from tests.support.in_memory import InMemoryTables
from tests.support.memory import Memory, metrics

D1, D2 = date(2026, 11, 17), date(2026, 11, 18)
ROWS = {"u": 1.0, "v": 2.0}
HOLD = "late_policy: hold\n"


@pytest.fixture
def world() -> Memory:
    """D1 is published, twice."""
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, ROWS))
    world.upload(f"signals/{D1}")
    world.settle()
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), D1)
    world.tick()
    assert world.values(D1) == ROWS
    return world


def lose(store: BlobStore, container: str, prefix: str = "") -> None:
    for info in list(store.list_blobs(container, prefix)):
        store.delete(container, info.name)


def go_on(world: Memory) -> None:
    """The sweep and the timers for long enough that every published day is compared."""
    world.pass_time(hours=2)
    world.sweep()
    world.answer_events()
    world.tick()
    world.settle()


def test_lost_staged_rows_come_back_by_a_reingest(world: Memory) -> None:
    world.config(HOLD)
    reingest(world.context, "acme", ReingestFilter())
    go_on(world)
    lose(world.lake, blob_names.STAGED_CONTAINER)
    assert reingest(world.context, "acme", ReingestFilter(dataset=Dataset.METRICS)) == 1
    go_on(world)
    assert world.states() == {D1: DayState.CHANGED}
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), D1)
    world.tick()
    assert world.values(D1) == ROWS


def test_a_reingest_of_rows_that_are_there_changes_nothing(world: Memory) -> None:
    before = [info.name for info in world.lake.list_blobs(blob_names.STAGED_CONTAINER)]
    assert reingest(world.context, "acme", ReingestFilter(dataset=Dataset.METRICS)) == 1
    go_on(world)
    assert world.receipt("metrics/a.csv")["in_force"]["parts"][0]["name"] in before
    assert world.states() == {D1: DayState.PROCESSED}


def test_a_reingest_by_another_program_takes_what_it_makes_of_the_rows(world: Memory) -> None:
    before = world.receipt("metrics/a.csv")["in_force"]["attempt"]
    world.context = replace(world.context, program="fixed")
    assert reingest(world.context, "acme", ReingestFilter(dataset=Dataset.METRICS)) == 1
    go_on(world)
    assert world.receipt("metrics/a.csv")["in_force"]["attempt"] != before
    assert world.values(D1) == ROWS


def test_lost_receipts_of_uploads_that_are_there_are_written_again_and_the_days_keep_their_rows(world: Memory) -> None:
    world.config(HOLD)
    lose(world.drop, blob_names.receipts_container("acme"))
    go_on(world)
    assert world.receipt("metrics/a.csv")["status"] == "accepted"
    assert world.values(D1) == ROWS
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), D1)
    world.tick()
    assert world.values(D1) == ROWS


def test_published_days_keep_their_rows_though_receipts_and_uploads_are_gone(world: Memory) -> None:
    lose(world.drop, blob_names.receipts_container("acme"))
    lose(world.drop, blob_names.drop_container("acme"))
    go_on(world)
    assert world.values(D1) == ROWS
    world.upload("metrics/b.csv", metrics(D2, ROWS))
    go_on(world)
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), D1)
    go_on(world)
    assert world.values(D1) == ROWS
    (stream,) = status(world.context, ["acme"]).customers[0].streams
    assert stream.stopped is not None
    assert "receipt of metrics/a.csv is gone" in stream.stopped


def test_staged_rows_of_a_publication_outlive_their_receipts(world: Memory) -> None:
    world.config(HOLD)
    lose(world.drop, blob_names.receipts_container("acme"))
    lose(world.drop, blob_names.drop_container("acme"))
    for _ in range(3):
        world.pass_time(days=2)
        clean_up_all(world.context)
    assert len(list(world.lake.list_blobs(blob_names.STAGED_CONTAINER))) == 1


def test_a_marker_uploaded_again_makes_a_day_wait_for_uploads_whose_receipts_are_lost(world: Memory) -> None:
    world.upload("metrics/b.csv", metrics(D2, ROWS))
    world.put(f"signals/{D2}")
    world.pass_time(minutes=2)
    world.look()
    assert world.day(D2).cut == ()
    lose(world.drop, blob_names.receipts_container("acme"), "metrics/b.csv")
    mark_ready(world.context, "acme", D2, None)
    world.pass_time(minutes=2)
    world.tick()
    assert world.status(D2)["waiting_for"] == ["metrics/b.csv"]
    go_on(world)
    assert world.values(D2) == ROWS


@pytest.mark.parametrize("has_marker", [True, False])
def test_a_stream_whose_state_is_lost_stands_still_until_its_tables_are_moved_away(world: Memory, has_marker: bool) -> None:
    if not has_marker:
        world.drop.delete(world.container, f"signals/{D1}")
    lose(world.lake, blob_names.STATE_CONTAINER)
    go_on(world)
    assert world.states() == {}
    (customer,) = status(world.context, ["acme"]).customers
    (stream,) = customer.streams
    assert "restore state/streams/acme/metrics.json" in (stream.stopped or "")
    lose(world.lake, blob_names.STATE_CONTAINER)
    lose(world.results, blob_names.results_container("acme"))
    world.tables = InMemoryTables()
    world.context = replace(world.context, tables=world.tables)
    world.put(f"signals/{D1}")
    go_on(world)
    assert world.states() == {D1: DayState.PROCESSED}
    assert world.values(D1) == ROWS


@pytest.mark.parametrize("damage", ["garbage", "cut", "flipped", "empty"])
def test_a_damaged_part_is_named_with_its_upload_and_written_anew_by_a_reingest(world: Memory, damage: str) -> None:
    world.upload("metrics/b.csv", metrics(D2, ROWS))
    (name,) = (info.name for info in world.lake.list_blobs(blob_names.STAGED_CONTAINER) if f"pst_date={D2}" in info.name)
    found = world.lake.get(blob_names.STAGED_CONTAINER, name)
    assert found is not None
    data = found[0]
    broken = {
        "garbage": b"no Parquet",
        "cut": data[: len(data) // 2],
        "flipped": data[:40] + bytes(len(data) - 80) + data[-40:],
        "empty": b"",
    }
    world.lake.put(blob_names.STAGED_CONTAINER, name, broken[damage])
    world.upload(f"signals/{D2}")
    go_on(world)
    error = world.status(D2)["error"]
    assert name in error
    assert "metrics/b.csv" in error
    assert reingest(world.context, "acme", ReingestFilter(dataset=Dataset.METRICS)) == 2
    world.answer_events()
    retry_now(world.context, "acme", None)
    world.tick()
    assert world.values(D2) == ROWS


def test_the_host_account_holds_nothing_that_the_sweep_and_the_timer_do_not_find(world: Memory) -> None:
    world.put("metrics/b.csv", metrics(D2, ROWS))
    world.put(f"signals/{D2}")
    assert world.context.drop_events.length() == 0  # no event came, or its queue was lost
    go_on(world)
    assert world.values(D2) == ROWS
