"""One customer's load is no other's delay (contract section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.events import parse_upload_event
from processing.domain.records import DayState
from processing.jobs import sweep
from processing.jobs.customers import add_customer
from processing.jobs.process_day import WorkOutcome, work_stream
from processing.storage.in_memory import ServiceTime
from tests.support.memory import Memory, metrics

D1, D2 = date(2026, 11, 17), date(2026, 11, 18)


def announced(world: Memory) -> list[str]:
    events = [parse_upload_event(body.encode()) for body, _ in world.events.sent()]
    return [f"{event.container}/{event.name}" for event in events if event is not None]


def test_a_customer_with_one_file_waits_for_none_of_anothers_thousands() -> None:
    world = Memory()
    add_customer(world.context, "zeta")
    for number in range(50):
        world.put(f"metrics/{number:03d}.csv")
    world.drop.put("drop-zeta", "metrics/only.csv", b"")
    world.pass_time(minutes=3)
    sweep.sweep(world.context)
    assert announced(world)[:3] == ["drop-acme/metrics/000.csv", "drop-zeta/metrics/only.csv", "drop-acme/metrics/001.csv"]


def test_no_more_is_announced_than_the_queue_has_room_for_and_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "MOST_WAITING", 3)
    world = Memory()
    for name in ("c", "a", "b", "d"):
        world.put(f"metrics/{name}.csv")
        world.pass_time(seconds=5)
    world.pass_time(minutes=3)
    assert sweep.sweep(world.context) == 3
    assert announced(world) == [f"drop-acme/metrics/{name}.csv" for name in ("c", "a", "b")]
    assert sweep.sweep(world.context) == 0


@dataclass(frozen=True, slots=True)
class _SlowClock:
    """Shows ten minutes more at every look."""

    time: ServiceTime

    def now(self) -> datetime:
        self.time.advance(timedelta(minutes=10))
        return self.time()


def test_a_stream_with_many_days_goes_to_the_end_of_the_queue_when_its_turn_is_over() -> None:
    world = Memory()
    world.config(f"first_day: {D1}\n")
    for day in (D1, D2):
        world.upload(f"signals/metrics/{day}")
    world.pass_time(hours=2)
    object.__setattr__(world.context, "clock", _SlowClock(world.time))
    assert work_stream(world.context, "acme", Dataset.METRICS) is WorkOutcome.TURN_ENDED
    (message,) = world.work.sent()
    assert '"metrics"' in message[0]
    assert world.states() == {D1: DayState.PROCESSED_EMPTY, D2: DayState.READY}
    assert work_stream(world.context, "acme", Dataset.METRICS) is WorkOutcome.DONE
    assert world.states() == {D1: DayState.PROCESSED_EMPTY, D2: DayState.PROCESSED_EMPTY}


def test_a_customer_whose_container_cannot_be_listed_holds_up_no_other() -> None:
    world = Memory()
    add_customer(world.context, "bad")
    world.drop.put("drop-bad", "metrics/\x01.csv", b"")
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
