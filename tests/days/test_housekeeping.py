"""What housekeeping deletes, and what it never does (contract section 6, retention; protocol, Housekeeping)."""

from __future__ import annotations

from datetime import date

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.domain.records import DayState
from processing.jobs.housekeeping.keep_house import keep_house
from processing.jobs.operate import ask_reprocess
from tests.support.memory import Memory, metrics

D1, D2 = date(2026, 11, 17), date(2026, 11, 18)


@pytest.fixture
def world() -> Memory:
    """D1 is published."""
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, {"u": 1, "v": 2}))
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    return world


def parts(world: Memory) -> set[str]:
    return {info.name for info in world.lake.list_blobs(blob_names.STAGED_CONTAINER)}


def test_nothing_is_deleted_while_it_is_new(world: Memory) -> None:
    assert sum(keep_house(world.context).values()) == 0


def test_a_superseded_part_goes_when_no_publication_names_it_and_two_days_have_passed(world: Memory) -> None:
    world.config("late_policy: hold\n")
    (published,) = parts(world)
    world.upload("metrics/a.csv", metrics(D1, {"u": 5}))
    (current,) = parts(world) - {published}
    for _ in range(3):
        world.pass_time(days=2)
        keep_house(world.context)
        assert parts(world) == {published, current}  # the publication still names the old one
    ask_reprocess(world.context, "acme", Dataset.METRICS, D1)
    world.tick()
    assert world.values(D1) == {"u": 5}
    keep_house(world.context)
    assert parts(world) == {published, current}  # a worker could still publish it
    world.pass_time(hours=25)
    keep_house(world.context)
    assert parts(world) == {current}


def test_staged_rows_of_old_days_go_and_the_day_says_so_first(world: Memory) -> None:
    world.pass_time(days=56)
    keep_house(world.context)
    assert len(parts(world)) == 1
    world.pass_time(days=5)
    assert keep_house(world.context)["parts"] == 1
    assert parts(world) == set()
    assert world.state().closed_through == D1
    assert world.status(D1)["reprocess_until"] is None
    with pytest.raises(OperatorError, match="gone by retention"):
        ask_reprocess(world.context, "acme", Dataset.METRICS, D1)
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    assert world.values(D1) == {"u": 1, "v": 2}


def test_rows_that_are_not_published_yet_are_kept_however_old(world: Memory) -> None:
    world.upload("metrics/b.csv", metrics(D2, {"w": 1}))
    world.pass_time(days=100)
    keep_house(world.context)
    assert len(parts(world)) == 1
    world.upload(f"signals/{D2}")
    world.settle()
    assert world.values(D2) == {"w": 1}


def test_answered_uploads_go_after_a_month_and_their_rows_stay(world: Memory) -> None:
    world.put("metrics/unanswered.csv", metrics(D2, {"w": 1}))
    world.upload(f"signals/{D2}")
    world.tick()
    world.pass_time(days=31)
    assert keep_house(world.context)["uploads"] == 2
    left = {info.name for info in world.drop.list_blobs(world.container)}
    assert left == {"metrics/unanswered.csv", f"signals/{D2}"}  # the day of this marker still waits for that upload
    assert world.receipt("metrics/a.csv")["in_force"]
    world.sweep()
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED, D2: DayState.PROCESSED}
    assert world.values(D1) == {"u": 1, "v": 2}


def test_an_upload_that_was_replaced_a_moment_ago_is_not_deleted(world: Memory) -> None:
    world.pass_time(days=31)
    world.put("metrics/a.csv", metrics(D1, {"u": 9}))
    keep_house(world.context)
    assert world.drop.head(world.container, "metrics/a.csv") is not None


def test_rejected_rows_go_after_a_month_and_receipts_after_a_year_when_nothing_needs_them(world: Memory) -> None:
    world.upload("metrics/bad.csv", metrics(D1, {"u": 1}) + b"u,user_id,yesterday,m,1,,\n")
    name = world.receipt("metrics/bad.csv")["rejected_blob"]
    receipts = blob_names.receipts_container("acme")
    world.settle()
    world.pass_time(days=31)
    keep_house(world.context)
    assert world.drop.head(receipts, name) is None
    world.pass_time(days=400)
    keep_house(world.context)
    assert [info.name for info in world.drop.list_blobs(receipts) if blob_names.is_receipt(info.name)] == []
    assert world.values(D1) == {"u": 1, "v": 2}


def test_replaced_table_files_and_manifests_go_after_a_month_and_live_ones_never(world: Memory) -> None:
    world.upload("metrics/a.csv", metrics(D1, {"u": 5}))
    world.settle()
    assert world.state().seq == 2
    world.pass_time(days=31)
    assert keep_house(world.context)["table_files"] >= 3
    assert world.values(D1) == {"u": 5}
    for table in ("metric_days", "days"):
        assert world.table(table).height == 1
    assert world.manifest(D1).seq == 2
