"""Whatever a worker decided is asked again on the state that its write is applied to (protocol, Process day D)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from processing.domain.datasets import Dataset
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.days.work_stream import work_stream
from processing.jobs.operate import ask_reprocess, move_first_day
from processing.jobs.uploads.receive_file import receive_file
from processing.stored.context import JobContext
from tests.support.memory import Memory, metrics
from tests.support.stepping import Run, SteppedStore, SteppedTables

D0, D1, D2 = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)


def stepped(world: Memory, work: Callable[[JobContext], object]) -> Run:
    def job(run: Run) -> object:
        drop, lake = SteppedStore(world.drop, run), SteppedStore(world.lake, run)
        return work(replace(world.context, drop=drop, lake=lake, tables=SteppedTables(world.tables, run)))

    return Run(job)


def worker_before(world: Memory, what: str) -> Run:
    """A worker that is about to write that it has a day in hand, the manifest, or the publication."""
    run = stepped(world, lambda context: work_stream(context, Stream("acme", Dataset.METRICS)))
    states = 0
    while run.waiting is not None:
        call = run.waiting
        if call.method == "put":
            states += call.name.startswith("streams/")
            # The claim, the day in hand, the publication.
            if (what, states) in (("processing", 2), ("commit", 3)) or (
                what == "manifest" and call.name.startswith("manifests/")
            ):
                return run
        run.step()
    raise AssertionError("no day was due")


@pytest.fixture
def world() -> Memory:
    """D1 is due."""
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/{D1}")
    world.pass_time(hours=1, minutes=2)
    world.look()
    assert world.states() == {D1: DayState.READY}
    return world


@pytest.mark.parametrize("what", ["processing", "manifest", "commit"])
def test_a_day_with_a_newer_cut_is_not_published_before_that_is_empty(world: Memory, what: str) -> None:
    run = worker_before(world, what)
    world.put("metrics/b.csv", metrics(D1, {"v": 2}))
    world.put(f"signals/{D1}")
    world.pass_time(minutes=2)
    world.look()
    assert world.day(D1).cut == ("metrics/b.csv",)
    run.finish()
    assert world.day(D1).published is None
    assert world.states() == {D1: DayState.WAITING}
    world.sweep()
    world.tick()
    assert world.values(D1) == {"u": 1, "v": 2}


@pytest.mark.parametrize("what", ["processing", "manifest", "commit"])
def test_a_day_is_not_published_before_an_earlier_one_that_became_the_first(world: Memory, what: str) -> None:
    world.upload("metrics/0.csv", metrics(D0, {"u": 1}))
    run = worker_before(world, what)
    move_first_day(world.context, Stream("acme", Dataset.METRICS), D0)
    run.finish()
    assert world.day(D1).published is None
    world.upload(f"signals/{D0}")
    world.settle()
    assert [world.day(each).published is not None for each in (D0, D1)] == [True, True]


@pytest.mark.parametrize("what", ["processing", "manifest", "commit"])
def test_a_day_waits_for_the_files_of_a_manifest_that_came_meanwhile(world: Memory, what: str) -> None:
    run = worker_before(world, what)
    world.put(f"signals/{D1}", json.dumps({"files": [{"name": "metrics/b.csv", "rows": 1}]}).encode())
    world.pass_time(minutes=2)
    world.look()
    run.finish()
    assert world.states() == {D1: DayState.WAITING}
    world.upload("metrics/b.csv", metrics(D1, {"v": 2}))
    world.tick()
    assert world.values(D1) == {"u": 1, "v": 2}


@pytest.mark.parametrize("what", ["processing", "manifest", "commit"])
def test_a_reprocess_is_of_the_round_that_was_computed(world: Memory, what: str) -> None:
    world.tick()
    world.upload("metrics/b.csv", metrics(D1, {"v": 2}))
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), D1)
    world.look()
    run = worker_before(world, what)
    world.put("metrics/c.csv", metrics(D1, {"w": 3}))
    world.put(f"signals/{D1}")
    world.pass_time(minutes=2)
    world.look()
    run.finish()
    assert world.values(D1) == {"u": 1}
    receive_file(world.context, world.container, "metrics/c.csv")
    world.tick()
    assert world.values(D1) == {"u": 1, "v": 2, "w": 3}


def test_a_day_that_is_lost_to_newer_cuts_has_killed_nobody(world: Memory) -> None:
    for number in range(5):
        run = worker_before(world, "manifest")
        world.put(f"metrics/{number}.csv", metrics(D1, {f"v{number}": 2}))
        world.put(f"signals/{D1}")
        world.pass_time(minutes=2)
        world.look()
        run.finish()
        assert world.day(D1).published is None
        receive_file(world.context, world.container, f"metrics/{number}.csv")
    world.tick()
    assert len(world.values(D1)) == 6
    assert world.day(D1).tries == 0


def test_a_day_whose_worker_died_waits_for_an_earlier_one_that_became_the_first(world: Memory) -> None:
    worker_before(world, "manifest").abandon()
    move_first_day(world.context, Stream("acme", Dataset.METRICS), D0)
    world.pass_time(minutes=5)
    world.tick()
    assert world.states()[D1] is DayState.WAITING
    assert world.status(D1)["waiting_for"] == [D0.isoformat()]


def test_a_name_that_is_overwritten_again_and_again_holds_its_day_until_it_is_answered() -> None:
    world = Memory()
    world.put("metrics/a.csv", metrics(D1, {"u": 0}))
    world.upload("metrics/b.csv", metrics(D1, {"v": 1}))
    world.upload(f"signals/{D1}")
    for value in range(1, 4):
        world.settle()
        assert world.states() == {D1: DayState.WAITING}
        assert world.status(D1)["waiting_for"] == ["metrics/a.csv"]
        world.put("metrics/a.csv", metrics(D1, {"u": value}))
    world.upload("metrics/a.csv", metrics(D1, {"u": 4}))
    world.settle()
    assert world.values(D1) == {"u": 4, "v": 1}
