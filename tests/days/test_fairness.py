"""One customer's load is no other's delay (contract section 6)."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from processing.domain.datasets import Dataset
from processing.domain.queue_messages import CustomerTask, CustomerWork, parse_customer_work, parse_upload_event
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.days.work_stream import WorkOutcome, work_stream
from processing.jobs.housekeeping.run_housekeeping import run_housekeeping
from processing.jobs.uploads import listed_files, sweep, unanswered
from processing.jobs.work_customer import work_customer
from processing.ports import BlobInfo
from processing.stored.customers import add_customer
from tests.support.all_customers import sweep_all
from tests.support.in_memory import InMemoryBlobStore, ServiceTime
from tests.support.memory import Memory, metrics

D1, D2 = date(2026, 11, 17), date(2026, 11, 18)


def announced(world: Memory) -> list[str]:
    events = [parse_upload_event(body.encode()) for body, _ in world.events.sent()]
    return [f"{event.container}/{event.name}" for event in events if event is not None]


def test_a_customer_with_one_file_waits_for_none_of_anothers_thousands() -> None:
    world = Memory()
    add_customer(world.context, "zeta")
    for number in range(600):
        world.put(f"metrics/{number:03d}.csv")
    world.drop.put("drop-zeta", "metrics/only.csv", b"")
    world.pass_time(minutes=3)
    sweep.sweep(world.context)
    works = [parse_customer_work(body.encode()) for body, _ in world.customers.sent()]
    assert [work.customer for work in works] == ["acme", "zeta"]
    work_customer(world.context, works[1])  # whoever has the other message may be slow
    assert announced(world) == ["drop-zeta/metrics/only.csv"]
    work_customer(world.context, works[0])
    assert len(announced(world)) == 1 + 600


def test_thousands_of_uploads_of_one_customer_leave_each_other_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "LEAST_SHARE", 5)
    monkeypatch.setattr(sweep, "MOST_WAITING", 100)
    world = Memory()
    for number in range(7):
        add_customer(world.context, f"other-{number}")
        world.drop.put(f"drop-other-{number}", "metrics/only.csv", b"")
    for number in range(50):
        world.put(f"metrics/{number:03d}.csv")
    world.pass_time(minutes=3)
    sweep.sweep(world.context)
    assert {parse_customer_work(body.encode()).most for body, _ in world.customers.sent()} == {100 // 8}
    world.work_customers()
    assert Counter(name.partition("/")[0] for name in announced(world)) == {
        "drop-acme": 12,
        **{f"drop-other-{number}": 1 for number in range(7)},
    }


@pytest.mark.parametrize(
    ("waiting", "customers", "share"),
    [(0, 0, 10_000), (0, 1, 10_000), (0, 10, 1_000), (0, 170, 500), (9_700, 170, 300), (10_000, 1, 0), (20_000, 170, 0)],
)
def test_a_share_is_some_hundreds_while_there_is_room_for_them(waiting: int, customers: int, share: int) -> None:
    world = Memory()
    for _ in range(waiting):
        world.events.send("")
    assert sweep.share_of_room(world.context, customers) == share


def test_a_customer_is_not_sent_again_while_the_queue_holds_one_message_for_each() -> None:
    world = Memory()
    add_customer(world.context, "zeta")
    assert [sweep.sweep(world.context) for _ in range(3)] == [2, 2, 0]  # the first two may be those that are in hand
    world.customers.take()
    assert sweep.sweep(world.context) == 0
    world.customers.take()
    assert sweep.sweep(world.context) == 2


def test_sweeps_that_wait_are_no_reason_to_leave_a_night_out() -> None:
    world = Memory()
    add_customer(world.context, "zeta")
    while sweep.sweep(world.context):
        pass
    assert run_housekeeping(world.context) == 2
    assert run_housekeeping(world.context) == 0, "the last night's are still there"
    tasks = [parse_customer_work(body.encode()).task for body, _ in world.customers.sent()]
    assert tasks == [CustomerTask.SWEEP] * 4 + [CustomerTask.HOUSEKEEPING] * 2


@pytest.mark.parametrize("task", CustomerTask)
def test_work_for_a_customer_that_is_gone_changes_nothing_and_ends(task: CustomerTask) -> None:
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.drop._containers.pop(world.container)
    before = [blob.name for container in world.lake.list_containers() for blob in world.lake.list_blobs(container)]
    work_customer(world.context, CustomerWork(customer="acme", task=task, most=9))
    assert [blob.name for container in world.lake.list_containers() for blob in world.lake.list_blobs(container)] == before
    assert announced(world) == []


def test_no_more_is_announced_than_the_queue_has_room_for_and_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "MOST_WAITING", 3)
    world = Memory()
    for name in ("c", "a", "b", "d"):
        world.put(f"metrics/{name}.csv")
        world.pass_time(seconds=5)
    world.pass_time(minutes=3)
    assert sweep_all(world.context) == 3
    assert announced(world) == [f"drop-acme/metrics/{name}.csv" for name in ("c", "a", "b")]
    assert sweep_all(world.context) == 0


class _Endless(InMemoryBlobStore):
    """Lists very many uploads of one customer that never were answered, each with a long name."""

    def __init__(self, store: InMemoryBlobStore, number: int, size: int) -> None:
        self.__dict__.update(store.__dict__)
        self.number, self.size = number, size

    def list_blobs(self, container: str, prefix: str = "", **how: Any) -> Iterator[BlobInfo]:
        if container != "drop-acme":
            yield from super().list_blobs(container, prefix, **how)
            return
        now = self.service_time()
        for number in range(self.number):
            told = {"hdi_isfolder": "true"} if how.get("metadata") else {}
            at = now - timedelta(minutes=10) - timedelta(seconds=number * 7_919 % self.number)
            name = f"metrics/{number:09d}{chr(0x1F600) * 480}"
            yield BlobInfo(name=name, etag=f"{number}", size=self.size, last_modified=at, metadata=told)


@pytest.mark.parametrize("size", [1, 0], ids=["files", "stubs of folders"])
def test_what_the_sweep_keeps_does_not_grow_with_what_waits(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(sweep, "MOST_WAITING", 500)
    monkeypatch.setattr(listed_files, "MOST_WAITING", 100_000)
    peaks = []
    for number in (2_000, 8_000):
        world = Memory()
        add_customer(world.context, "zeta")
        world.drop.put("drop-zeta", "metrics/only.csv", b"x")
        world.pass_time(minutes=3)
        context = replace(world.context, drop=_Endless(world.drop, number, size))
        tracemalloc.start()
        assert sweep_all(context) == (501 if size else 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert "drop-zeta/metrics/only.csv" in announced(world)
    assert peaks[1] < 1.5 * peaks[0], peaks


def test_an_empty_upload_behind_very_many_folders_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unanswered, "MOST_LOOKED_AT", 10)
    world = Memory()
    for number in range(30):
        world.drop.put(world.container, f"metrics/f{number:02}", b"", metadata={"hdi_isfolder": "true"})
    world.pass_time(days=1)
    world.put("metrics/a.csv", b"")
    world.put(f"signals/{D1}", b"")
    world.pass_time(minutes=10)
    assert sweep.sweep_customer(world.context, "acme", 5) == 2
    assert set(announced(world)) == {"drop-acme/metrics/a.csv", f"drop-acme/signals/{D1}"}


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
