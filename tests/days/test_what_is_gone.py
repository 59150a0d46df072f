"""What is gone is never taken for empty: the stream stops and says what to restore (contract section 2)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess, move_first_day, reconcile
from processing.views.status import status
from tests.support.all_customers import clean_up_all
from tests.support.memory import Memory, metrics

FIRST = date(2026, 11, 17)
DAYS = [FIRST + timedelta(days=each) for each in range(3)]
STATE = blob_names.state_name(Stream("acme", Dataset.METRICS))


def published() -> Memory:
    world = Memory()
    for day in DAYS:
        world.upload(f"metrics/{day}.csv", metrics(day, {f"u{each}": 1 for each in range(10)}))
        world.upload(f"signals/{day}")
    world.pass_time(hours=26)
    world.tick()
    world.tick()
    assert set(world.states().values()) <= {DayState.PROCESSED, DayState.OPEN}
    return world


def lose_container(world: Memory, name: str) -> None:
    for store in (world.drop, world.lake):
        store._containers.pop(name, None)


def empty_container(world: Memory, name: str) -> None:
    for store in (world.drop, world.lake):
        if name in store._containers:
            store._containers[name].clear()


def everything(world: Memory) -> dict[date, dict[str, float]]:
    return {day: world.values(day) for day in DAYS}


def go_on(world: Memory) -> None:
    for _ in range(3):
        world.pass_time(hours=2)
        world.tick()


def complaint(world: Memory) -> str:
    """What the operator is told."""
    (customer,) = status(world.context, ["acme"]).customers
    if customer.unlistable is not None:
        return customer.unlistable
    (stream,) = (each for each in customer.streams if each.dataset is Dataset.METRICS)
    errors = [each.error for each in stream.days if each.error]
    return " ".join([stream.stopped or "", *errors])


@pytest.mark.parametrize("lose", [lose_container, empty_container])
@pytest.mark.parametrize("container", ["staged", "receipts-acme"])
@pytest.mark.parametrize("asks", [False, True], ids=["by itself", "when a reprocess is asked for"])
def test_a_lost_container_changes_no_day_and_is_named(lose: Callable[[Memory, str], None], container: str, asks: bool) -> None:
    world = published()
    before = everything(world)
    for info in list(world.drop.list_blobs(world.container)):
        world.drop.delete(world.container, info.name)  # uploads are gone by retention
    lose(world, container)
    if asks:
        with suppress(OperatorError):
            ask_reprocess(world.context, Stream("acme", Dataset.METRICS), DAYS[1])
    go_on(world)
    assert everything(world) == before
    assert container in complaint(world)


def test_a_lost_part_of_a_day_that_was_never_published_is_told_and_the_day_comes_when_it_is_restored() -> None:
    world = published()
    day = DAYS[-1] + timedelta(days=1)
    world.upload("metrics/a.csv", metrics(day, {"u": 1}))
    world.upload("metrics/b.csv", metrics(day, {"v": 1}))
    part = world.receipt("metrics/a.csv")["in_force"]["parts"][0]["name"]
    kept = world.lake.get(blob_names.STAGED_CONTAINER, part)
    assert kept is not None
    world.lake.delete(blob_names.STAGED_CONTAINER, part)
    world.upload(f"signals/{day}")
    world.pass_time(hours=30)
    world.tick()
    assert world.states()[day] is DayState.FAILED
    assert "staged rows of metrics/a.csv" in world.status(day)["error"]
    world.lake.put(blob_names.STAGED_CONTAINER, part, kept[0])
    world.pass_time(hours=2)
    world.tick()
    assert world.values(day) == {"u": 1, "v": 1}


def test_a_stream_does_not_begin_after_a_day_whose_rows_are_lost() -> None:
    world = Memory()
    for day in DAYS[:2]:
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}))
        world.upload(f"signals/{day}")
    part = world.receipt(f"metrics/{DAYS[0]}.csv")["in_force"]["parts"][0]["name"]
    kept = world.lake.get(blob_names.STAGED_CONTAINER, part)
    assert kept is not None
    world.lake.delete(blob_names.STAGED_CONTAINER, part)
    go_on(world)
    assert world.state().first_day is None
    assert f"staged rows of metrics/{DAYS[0]}.csv" in complaint(world)
    world.lake.put(blob_names.STAGED_CONTAINER, part, kept[0])
    go_on(world)
    assert world.state().first_day == DAYS[0]


@pytest.mark.parametrize("is_asked_for", [True, False], ids=["when it is asked for", "within a week"])
def test_a_lost_receipt_of_one_upload_stops_its_day(is_asked_for: bool) -> None:
    world = published()
    before = everything(world)
    world.drop.delete("receipts-acme", blob_names.receipt_name(f"metrics/{DAYS[0]}.csv"))
    world.drop.delete(world.container, f"metrics/{DAYS[0]}.csv")
    go_on(world)
    assert complaint(world) == "", "nobody has asked for that day"
    if is_asked_for:
        ask_reprocess(world.context, Stream("acme", Dataset.METRICS), DAYS[0])
    else:
        world.pass_time(days=7)
    go_on(world)
    assert everything(world) == before
    assert f"metrics/{DAYS[0]}.csv" in complaint(world)


def test_a_lost_manifest_stops_every_publication_that_needs_it() -> None:
    world = Memory()
    exposures = "unit_id,experiment,group_id,timestamp\n{unit},e,a,{day}T10:00:00Z\n"
    for day in DAYS[:2]:
        world.upload(f"exposures/{day}.csv", exposures.format(unit="u", day=day).encode())
    world.upload(f"signals/exposures/{DAYS[0]}")
    world.settle()
    record = world.day(DAYS[0], Dataset.EXPOSURES)
    assert record.published is not None
    world.lake.delete(blob_names.STATE_CONTAINER, record.published.manifest)
    world.upload(f"signals/exposures/{DAYS[1]}")
    world.settle()
    assert record.published.manifest in (world.state(Dataset.EXPOSURES).stopped or "")
    assert world.table("first_exposures").height == 1


@pytest.mark.parametrize("late", [DAYS[1], DAYS[2]], ids=["another day takes the number", "the same day"])
def test_a_state_older_than_its_tables_publishes_nothing(late: date) -> None:
    world = Memory()
    for day in DAYS[:2]:
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}))
    world.upload(f"signals/{DAYS[0]}")
    world.settle()
    kept = world.lake.get(blob_names.STATE_CONTAINER, STATE)
    world.upload(f"signals/{DAYS[1]}")
    world.settle()
    newer = world.lake.get(blob_names.STATE_CONTAINER, STATE)
    assert kept is not None
    assert newer is not None
    before = everything(world)
    world.lake.put(blob_names.STATE_CONTAINER, STATE, kept[0])
    world.upload("metrics/late.csv", metrics(DAYS[0] if late is DAYS[1] else DAYS[1], {"w": 7, "v": 8}))
    go_on(world)
    assert everything(world) == before
    assert "older than table" in complaint(world)
    assert f"restore state/{STATE}" in complaint(world)
    assert "dropzone reconcile acme" in complaint(world)
    world.lake.put(blob_names.STATE_CONTAINER, STATE, newer[0])
    assert reconcile(world.context, "acme") == 1
    go_on(world)
    assert {"w", "v"} <= world.values(DAYS[0] if late is DAYS[1] else DAYS[1]).keys()


def test_tables_older_than_their_state_are_told() -> None:
    world = published()
    log = world.tables._logs["results-acme", "metric_rows"]
    del log[-1]
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), DAYS[0])
    go_on(world)
    assert "restore results-acme/metric_rows" in complaint(world)


# What may go, by retention


def test_rows_before_the_first_day_are_kept_for_the_retention_after_their_arrival() -> None:
    world = Memory()
    world.upload(f"metrics/{DAYS[0]}.csv", metrics(DAYS[0], {"u": 1}))
    world.upload(f"signals/{DAYS[0]}")
    world.settle()
    clean_up_all(world.context)
    early = DAYS[0] - timedelta(days=90)
    assert world.upload("metrics/history.csv", metrics(early, {"u": 1})) == "accepted"
    (warning,) = (each for each in world.receipt("metrics/history.csv")["warnings"] if each["code"] == "before_first_day")
    assert "kept until 2027-01-19" in warning["message"]
    kept = []
    for days in (59, 3):
        world.pass_time(days=days)
        clean_up_all(world.context)
        prefix = blob_names.parts_prefix(Stream("acme", Dataset.METRICS), early)
        kept.append(len(list(world.lake.list_blobs(blob_names.STAGED_CONTAINER, prefix))))
    assert kept == [1, 0]


def test_rows_that_retention_gave_up_are_not_taken_for_lost() -> None:
    world = published()
    early = DAYS[0] - timedelta(days=1)
    world.upload("metrics/old.csv", metrics(early, {"u": 1}))
    world.pass_time(days=61)
    clean_up_all(world.context)
    world.upload("metrics/new.csv", metrics(early, {"v": 1}))
    world.config(f"first_day: {early}\n")
    world.upload(f"signals/{early}")
    world.settle()
    assert world.values(early) == {"v": 1}
    world.config("")
    with pytest.raises(Exception, match="are gone by retention"):
        move_first_day(world.context, Stream("acme", Dataset.METRICS), early - timedelta(days=1))


def test_rows_of_a_closed_day_are_rejected_and_those_beside_them_count() -> None:
    world = published()
    world.pass_time(days=63)
    clean_up_all(world.context)
    assert world.state().is_closed(DAYS[0])
    later = DAYS[0] + timedelta(days=60)
    data = metrics(DAYS[0], {"u": 100, "w": 3}) + metrics(later, {"u": 1}).split(b"\n", 1)[1]
    assert world.upload("metrics/correction.csv", data) == "accepted_with_rejects"
    receipt = world.receipt("metrics/correction.csv")
    assert (receipt["rows"]["accepted"], receipt["rows"]["rejected"]) == (1, 2)
    assert [(each["rule"], each["count"]) for each in receipt["rules"]] == [("day_closed", 2)]
    assert world.upload("metrics/again.csv", metrics(DAYS[0], {"u": 100})) == "rejected"
    assert world.receipt("metrics/again.csv")["error"]["code"] == "nothing_accepted"


def test_a_day_that_closes_while_its_rows_are_read_rejects_them_in_the_end() -> None:
    world = published()
    world.pass_time(days=63)
    real = world.lake.put

    def closing(container: str, name: str, data: bytes, **rest: object) -> str:
        etag = real(container, name, data, **rest)  # type: ignore[arg-type]
        if container == blob_names.STAGED_CONTAINER:
            world.lake.put = real  # type: ignore[method-assign]
            clean_up_all(world.context)
        return etag

    world.lake.put = closing  # type: ignore[method-assign,assignment]
    assert world.upload("metrics/late.csv", metrics(DAYS[0], {"w": 1})) == "failed"
    world.pass_time(hours=2)
    world.sweep()
    assert world.receipt("metrics/late.csv")["error"]["code"] == "nothing_accepted"


def test_exposures_among_events_are_held_against_the_closed_days_of_their_own_stream() -> None:
    world = Memory()
    event = '{{"event":"e","userId":"u","timestamp":"{day}T10:00:00Z","type":"track","properties":{{"value":1}}}}\n'
    world.upload("exposures/a.csv", f"unit_id,experiment,group_id,timestamp\nu,e,a,{DAYS[0]}T10:00:00Z\n".encode())
    world.upload(f"signals/exposures/{DAYS[0]}")
    world.settle()
    world.pass_time(days=63)
    clean_up_all(world.context)
    assert world.state(Dataset.EXPOSURES).is_closed(DAYS[0])
    exposed = (
        '{"event":"statsig::experiment_exposure","userId":"u","timestamp":"2026-11-17T10:00:00Z","type":"track",'
        '"properties":{"experiment":"e","group":"a","experimentName":"e","groupName":"a"}}\n'
    )
    world.upload("events/a.ndjson", (event.format(day=DAYS[0]) * 5 + exposed).encode())
    receipt = world.receipt("events/a.ndjson")
    assert receipt["rows"]["accepted"] == 5, receipt


def test_a_lost_receipt_that_was_written_anew_by_a_refused_version_is_still_lost() -> None:
    world = published()
    name = f"metrics/{DAYS[0]}.csv"
    before = everything(world)
    assert world.upload(name, b"a,b\n1,2\n") == "rejected"
    world.drop.delete("receipts-acme", blob_names.receipt_name(name))
    world.pass_time(hours=2)
    world.sweep()
    assert world.receipt(name)["in_force"] is None
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), DAYS[0])
    go_on(world)
    assert everything(world) == before
    assert f"the receipt of {name} is gone" in complaint(world)
