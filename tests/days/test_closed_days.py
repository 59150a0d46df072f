"""Closed days leave the state of their stream, and everything that was known of them is known still (protocol, Closed days)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import from_json, to_json
from processing.domain.errors import OperatorError
from processing.domain.readiness.day_states import next_in_order
from processing.domain.readiness.inherited import inherited_by, inherited_by_each
from processing.domain.stream_state import DayState, StreamState
from processing.domain.streams import Stream
from processing.jobs.days.observe_stream import observe_stream
from processing.jobs.days.work_stream import work_stream
from processing.jobs.housekeeping.days import store_closed_days
from processing.jobs.operate import ask_reprocess
from processing.ports import BlobInfo
from processing.stored.closed_days import store_apart, with_closed_days
from processing.stored.stream_state import load_state
from processing.views.status import status
from tests.support.all_customers import clean_up_all
from tests.support.in_memory import InMemoryBlobStore
from tests.support.memory import Memory, metrics, ratios

D1 = date(2026, 10, 25)
STREAM = Stream("acme", Dataset.METRICS)


@pytest.fixture
def world() -> Memory:
    """Twenty days are published, the first of them with a ratio, and the rows of the first eighteen given up."""
    return closed_world(Dataset.METRICS)


def closed_world(dataset: Dataset) -> Memory:
    world = Memory()
    for number, day in enumerate(days(20)):
        rows = metrics(day, {"u": 1}) if dataset is Dataset.METRICS else exposures(day, "u", f"v{number}")
        world.upload(f"{dataset}/{day}.csv", rows)
        world.upload(f"signals/{day}")
    if dataset is Dataset.METRICS:
        world.upload("metrics/ratio.csv", ratios(D1, {"u": (1, 2)}, "ctr"))
    world.settle()
    assert world.states(dataset) == dict.fromkeys(days(20), DayState.PROCESSED)
    close(world, dataset, 18)
    return world


def days(count: int) -> list[date]:
    return [D1 + timedelta(days=number) for number in range(count)]


def close(world: Memory, dataset: Dataset, count: int) -> None:
    """Have a night after which the rows of so many days are given up."""
    today = world.context.zone.day_of(world.time.now)
    world.pass_time(days=(D1 - today).days + count + 60)
    clean_up_all(world.context)
    assert world.state(dataset).closed_days() == set(days(count))


def exposures(day: date, *units: str) -> bytes:
    rows = (f"{day}T12:00:00Z,e,g,{unit}\n" for unit in units)
    return ("timestamp,experiment,group_id,unit_id\n" + "".join(rows)).encode()


def documents(world: Memory) -> set[str]:
    return {info.name for info in world.lake.list_blobs(blob_names.STATE_CONTAINER, blob_names.closed_prefix(STREAM))}


class Watched(InMemoryBlobStore):
    """Another client of a store, which knows what it was shown."""

    def __init__(self, store: InMemoryBlobStore) -> None:
        self.__dict__.update(store.__dict__)
        self.shown: set[str] = set()
        self.read: list[str] = []

    def list_blobs(self, container: str, prefix: str = "", **how: Any) -> Iterator[BlobInfo]:
        for info in super().list_blobs(container, prefix, **how):
            self.shown.add(info.name)
            yield info

    def get(self, container: str, name: str) -> tuple[bytes, BlobInfo] | None:
        self.read.append(name)
        return super().get(container, name)


def test_closed_days_leave_the_state_the_night_after_and_nothing_of_them_is_lost(world: Memory) -> None:
    before = world.state()
    clean_up_all(world.context)
    after = world.state()
    assert sorted(after.days) == days(20)[18:]
    assert [(each.first, each.last) for each in after.closed] == [
        (D1, date(2026, 10, 31)),
        (date(2026, 11, 1), date(2026, 11, 11)),
    ]
    assert with_closed_days(world.lake, after).days == before.days
    assert after.closed_days() == before.closed_days()
    assert next_in_order(after) == next_in_order(before)
    for day in days(21):
        assert (after.is_published(day), after.is_closed(day)) == (before.is_published(day), before.is_closed(day))
        assert inherited_by(after, day) == inherited_by(before, day) or day < days(20)[18]
    assert set(inherited_by_each(after)) < set(inherited_by_each(before))


def test_what_closed_days_handed_on_still_decides_what_later_days_are_given(world: Memory) -> None:
    clean_up_all(world.context)
    last = days(20)[-1]
    assert inherited_by(world.state(), last).ratios == ("ctr",)
    ask_reprocess(world.context, STREAM, last)
    world.settle()
    assert world.manifest(last).ratios_before == ("ctr",)


def test_a_month_grows_by_a_new_document_and_what_no_state_names_goes_when_none_can_be_restored(world: Memory) -> None:
    clean_up_all(world.context)
    first = {each.document for each in world.state().closed}
    world.pass_time(days=1)
    clean_up_all(world.context)
    clean_up_all(world.context)
    second = {each.document for each in world.state().closed}
    assert len(first & second) == 1
    assert len(first | second) == 3
    assert documents(world) == first | second
    world.pass_time(days=31)
    clean_up_all(world.context)
    assert documents(world) >= {each.document for each in world.state().closed}
    assert not documents(world) & (first - second)


def test_a_day_stays_in_the_state_until_its_document_says_that_it_is_closed(world: Memory) -> None:
    container = blob_names.receipts_container("acme")
    name = blob_names.day_status_name(Dataset.METRICS, D1)
    world.drop.put(container, name, b"{}", metadata={"revision": "0"})
    assert store_closed_days(world.context, STREAM) == 17
    assert D1 in world.state().days
    world.look()
    assert store_closed_days(world.context, STREAM) == 1
    found = world.drop.get(container, name)
    assert found is not None
    assert json.loads(found[0])["reprocess_until"] is None


def test_documents_of_closed_days_are_not_listed_by_a_look(world: Memory) -> None:
    clean_up_all(world.context)
    watched = Watched(world.drop)
    observe_stream(replace(world.context, drop=watched), load_state(world.context, STREAM))
    assert blob_names.day_status_name(Dataset.METRICS, days(20)[-1]) in watched.shown
    assert not watched.shown & {blob_names.day_status_name(Dataset.METRICS, day) for day in days(18)}


def test_status_counts_closed_days_and_shows_them_when_asked(world: Memory) -> None:
    clean_up_all(world.context)
    ((brief,), (whole,)) = (
        [stream for each in found.customers for stream in each.streams]
        for found in (status(world.context, ["acme"]), status(world.context, ["acme"], with_closed=True))
    )
    assert (len(brief.days), brief.closed_days) == (2, 18)
    assert [day.day for day in whole.days] == days(20)
    assert {day.reprocess_until for day in whole.days[:18]} == {None}


def test_first_exposures_of_a_closed_month_are_read_from_one_file() -> None:
    world, stream = closed_world(Dataset.EXPOSURES), Stream("acme", Dataset.EXPOSURES)
    last = days(20)[-1]
    before = world.table("first_exposures")
    for night in range(2):
        clean_up_all(world.context)
        assert [each.known_keys is not None for each in world.state(Dataset.EXPOSURES).closed] == [True, False], night
    watched = Watched(world.lake)
    world.upload("exposures/late.csv", exposures(last, "v0", "v8", "new"))
    ask_reprocess(world.context, stream, last)
    world.pass_time(hours=1)
    work_stream(replace(world.context, lake=watched), stream)
    after = world.table("first_exposures")
    added = after.join(before, on=["experiment", "unit_id", "pst_date"], how="anti")
    assert added.select("unit_id", "pst_date").rows() == [("new", str(last))]
    assert world.state(Dataset.EXPOSURES).closed[0].known_keys in watched.read
    october = [name for name in watched.read if "2026-10" in name and not name.startswith("closed/")]
    assert not october, "files of a month were read though one file has all its keys"


def test_a_marker_of_a_closed_day_makes_no_day_of_it(world: Memory) -> None:
    clean_up_all(world.context)
    world.upload(f"signals/metrics/{D1}")
    (warning,) = world.receipt(f"signals/metrics/{D1}")["warnings"]
    assert warning["code"] == "day_closed"
    world.settle()
    assert D1 not in world.state().days
    with pytest.raises(OperatorError, match="gone by retention"):
        ask_reprocess(world.context, STREAM, D1)


def test_a_state_without_its_document_says_what_to_restore(world: Memory) -> None:
    clean_up_all(world.context)
    gone = world.state().closed[0].document
    world.lake.delete(blob_names.STATE_CONTAINER, gone)
    with pytest.raises(OperatorError, match=f"{gone} is gone"):
        with_closed_days(world.lake, world.state())
    world.settle()  # days that are open need it not
    assert world.state().stopped is None


def test_a_program_that_does_not_know_of_such_documents_cannot_read_the_state(world: Memory) -> None:
    whole = with_closed_days(world.lake, world.state())
    assert json.loads(to_json(whole))["schema_version"] == 2
    apart = store_apart(world.lake, whole, whole.closed_days())
    assert json.loads(to_json(apart))["schema_version"] == 3
    assert from_json(StreamState, to_json(apart)) == apart
    assert with_closed_days(world.lake, apart) == replace(whole, days=dict(sorted(whole.days.items())))
