"""One customer's load is no other's delay (contract section 6)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.queue_messages import parse_upload_event
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.days.work_stream import WorkOutcome, work_stream
from processing.jobs.uploads import sweep
from processing.jobs.uploads.unanswered import Due, Unanswered
from processing.ports import BlobInfo
from processing.stored.customers import add_customer
from tests.support.in_memory import InMemoryBlobStore, ServiceTime
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


class _Endless(InMemoryBlobStore):
    """Lists very many uploads of one customer that never were answered, each with a long name."""

    def __init__(self, store: InMemoryBlobStore, number: int, size: int) -> None:
        self.__dict__.update(store.__dict__)
        self.number, self.size = number, size

    def list_blobs(self, container: str, prefix: str = "", *, metadata: bool = False) -> Iterator[BlobInfo]:
        if container != "drop-acme":
            yield from super().list_blobs(container, prefix, metadata=metadata)
            return
        now = self.service_time()
        for number in range(self.number):
            told = {"hdi_isfolder": "true"} if metadata else {}
            at = now - timedelta(minutes=10) - timedelta(seconds=number * 7_919 % self.number)
            name = f"metrics/{number:09d}{chr(0x1F600) * 480}"
            yield BlobInfo(name=name, etag=f"{number}", size=self.size, last_modified=at, metadata=told)


@pytest.mark.parametrize("size", [1, 0], ids=["files", "stubs of folders"])
def test_what_the_sweep_keeps_does_not_grow_with_what_waits(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(sweep, "MOST_WAITING", 500)
    peaks = []
    for number in (2_000, 8_000):
        world = Memory()
        add_customer(world.context, "zeta")
        world.drop.put("drop-zeta", "metrics/only.csv", b"x")
        world.pass_time(minutes=3)
        context = replace(world.context, drop=_Endless(world.drop, number, size))
        tracemalloc.start()
        assert sweep.sweep(context) == (500 if size else 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert "drop-zeta/metrics/only.csv" in announced(world)
    assert peaks[1] < 1.5 * peaks[0], peaks


def test_who_has_little_is_announced_whole_and_the_rest_is_shared() -> None:
    due = (Due(name="x", etag="1"),)
    found = {name: Unanswered(count=9, due=due * many) for name, many in {"a": 9, "b": 1, "c": 7}.items()}
    fitted = sweep._fitted(found, 9)
    assert {name: len(each.due) for name, each in fitted.items()} == {"a": 4, "b": 1, "c": 4}
    assert sweep._fitted(found, 17) == found
    assert not any(each.due for each in sweep._fitted(found, 0).values())


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
    assert work_stream(world.context, Stream("acme", Dataset.METRICS)) is WorkOutcome.TURN_ENDED
    (message,) = world.work.sent()
    assert '"metrics"' in message[0]
    assert world.states() == {D1: DayState.PROCESSED_EMPTY, D2: DayState.READY}
    assert work_stream(world.context, Stream("acme", Dataset.METRICS)) is WorkOutcome.DONE
    assert world.states() == {D1: DayState.PROCESSED_EMPTY, D2: DayState.PROCESSED_EMPTY}


def test_a_customer_whose_container_cannot_be_listed_holds_up_no_other() -> None:
    world = Memory()
    add_customer(world.context, "bad")
    world.drop.put("drop-bad", "metrics/\x01.csv", b"")
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
