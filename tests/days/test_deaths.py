"""What ends its worker is counted before it begins, told, and tried no more by itself (protocol, Retries)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import structlog

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import EnginePanicError
from processing.domain.queue_messages import parse_upload_event
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.days import publish_day
from processing.jobs.days import work_stream as process_day
from processing.jobs.days.advance_days import advance_days
from processing.jobs.days.work_stream import WorkOutcome, work_stream
from processing.jobs.operate import retry_now
from processing.jobs.uploads import draft_receipt
from processing.jobs.uploads.receive_file import Outcome, receive_file
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from tests.support.all_customers import clean_up_all, sweep_all
from tests.support.in_memory import InMemoryBlobStore
from tests.support.memory import Memory, metrics

D1, D2 = date(2026, 11, 17), date(2026, 11, 18)


class Killed(BaseException):
    """The process ends here: no handler of the program's own sees it."""


def kill(*_: Any, **__: Any) -> None:
    raise Killed


def with_due_days() -> Memory:
    world = Memory()
    for day in (D1, D2):
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}))
        world.upload(f"signals/{day}")
    world.upload("events/e.ndjson", b'{"timestamp":"2026-11-17T10:00:00Z","event_name":"e","user":{"userID":"u"}}\n')
    world.pass_time(hours=1, minutes=2)
    return world


def tick(world: Memory) -> int:
    """The day timer and its workers; how many of these died."""
    world.pass_time(minutes=5)
    advance_days(world.context)
    deaths = 0
    while (body := world.work.take()) is not None:
        dataset = Dataset.EVENTS if '"events"' in body else Dataset.METRICS
        try:
            work_stream(world.context, Stream("acme", dataset))
        except Killed:
            deaths += 1
    return deaths


@pytest.mark.parametrize("where", ["compute_day", "staged_inputs", "write_difference"])
def test_a_day_that_ends_its_workers_fails_after_three_and_other_streams_go_on(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    world = with_due_days()
    if where == "write_difference":
        tick(world)
        world.upload("metrics/more.csv", metrics(D1, {"v": 1}))
        world.upload(f"signals/{D1}")
        world.pass_time(minutes=2)
    with monkeypatch.context() as patch:
        patch.setattr(publish_day, where, kill)
        deaths = [tick(world) for _ in range(24)]
    assert 3 <= sum(deaths) <= 6, "three for each stream"
    record = world.day(D1)
    assert (record.state, record.failures) == (DayState.FAILED, 1)
    assert "3 workers ended" in world.status(D1)["error"]
    assert world.status(D1)["tries"] > 0
    assert retry_now(world.context, "acme", Dataset.METRICS) == (0, 1)
    world.tick()
    assert world.states() == {D1: DayState.PROCESSED, D2: DayState.PROCESSED}


def test_a_publication_that_ends_its_workers_on_the_way_into_the_tables_fails_after_three(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_due_days()
    with monkeypatch.context() as patch:
        patch.setattr(process_day, "project_pending", kill)
        assert sum(tick(world) for _ in range(24)) <= 6
    assert world.state().pending == D1
    assert world.states()[D1] is DayState.FAILED
    world.pass_time(days=1)
    world.tick()
    assert world.values(D1) == {"u": 1}, "it is tried once a day"


def test_a_day_that_ends_its_workers_is_tried_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_due_days()
    monkeypatch.setattr(publish_day, "compute_day", kill)
    for _ in range(24):
        tick(world)
    world.pass_time(days=1)
    assert sum(tick(world) for _ in range(24)) <= 2


def test_a_panic_of_an_engine_is_a_failure_of_its_day(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        pass

    def panic(*_: Any) -> None:
        raise PanicException

    world = with_due_days()
    for owner, name in ((publish_day, "compute_day"), (process_day, "project_pending")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, panic)
            assert WorkOutcome.FAILED in world.tick()
        assert world.states()[D1] is DayState.FAILED
        retry_now(world.context, "acme", None)
    world.tick()
    assert world.values(D1) == {"u": 1}


# Uploads


class DeadlyStore(InMemoryBlobStore):
    """Whoever reads one upload dies."""

    def get_range(self, container: str, name: str, *, etag: str, offset: int, length: int) -> bytes:
        if name == "metrics/deadly.csv":
            raise Killed
        return super().get_range(container, name, etag=etag, offset=offset, length=length)


def deadly() -> Memory:
    world = with_due_days()
    make_deadly(world)
    return world


def make_deadly(world: Memory) -> None:
    store = DeadlyStore(world.time)
    store._containers = world.drop._containers
    object.__setattr__(world.context, "drop", store)
    object.__setattr__(world.context, "first_bytes", 1)  # so that the rest is read by the attempt


def deliver(world: Memory, name: str = "metrics/deadly.csv") -> str:
    try:
        return receive_file(world.context, world.container, name).value
    except Killed:
        return "killed"


def swept(world: Memory) -> list[str]:
    """What comes of the messages of a sweep."""
    sweep_all(world.context)
    found = []
    while (body := world.events.take()) is not None:
        again = '"replacesReceipt": "' in body
        try:
            event = parse_upload_event(body.encode())
            assert event is not None
            found.append(
                receive_file(world.context, event.container, event.name, replaces_receipt=event.replaces_receipt).value
            )
        except Killed:
            found.append("killed again" if again else "killed")
    return found


def test_an_upload_that_ends_its_workers_is_refused_after_three_and_told() -> None:
    world = deadly()
    world.put("metrics/deadly.csv", metrics(D1, {"w": 1}))
    outcomes = []
    for _ in range(30):
        outcomes += swept(world)
        world.pass_time(minutes=10)
    assert outcomes == ["killed"] * 3 + ["rejected"]
    receipt = world.receipt("metrics/deadly.csv")
    assert (receipt["status"], receipt["error"]["code"]) == ("rejected", "unreadable_here")
    assert not list(world.lake.list_blobs(blob_names.STATE_CONTAINER, blob_names.notes_prefix("acme")))
    world.tick()
    assert world.states() == {D1: DayState.PROCESSED, D2: DayState.PROCESSED}
    assert world.status(D1)["refused"] == ["metrics/deadly.csv"]


def test_the_operator_is_told_of_an_upload_that_ends_its_workers() -> None:
    with structlog.testing.capture_logs() as lines:
        world = deadly()
        world.put("metrics/deadly.csv", metrics(D1, {"w": 1}))
        for _ in range(30):
            swept(world)
            world.pass_time(minutes=10)
    (told,) = [line for line in lines if line["event"] == "upload_ends_its_worker"]
    assert (told["log_level"], told["customer"], told["blob"], told["tries"]) == ("error", "acme", "metrics/deadly.csv", 3)


def test_messages_that_come_again_at_once_refuse_nothing_while_an_attempt_may_live() -> None:
    world = deadly()
    world.put("metrics/deadly.csv", metrics(D1, {"w": 1}))
    assert [deliver(world) for _ in range(6)] == ["killed"] * 3 + [Outcome.IN_HAND.value] * 3
    world.pass_time(minutes=31)
    assert deliver(world) == "rejected"


def test_a_new_version_and_a_try_that_ends_with_words_begin_the_count_anew() -> None:
    world = deadly()
    for _ in range(4):
        world.put("metrics/deadly.csv", metrics(D1, {"w": 1}))
        assert [deliver(world) for _ in range(2)] == ["killed"] * 2
        world.pass_time(minutes=31)


def test_a_retry_tries_an_upload_again_that_ended_its_workers() -> None:
    world = deadly()
    world.put("metrics/deadly.csv", metrics(D1, {"w": 1}))
    for _ in range(30):
        swept(world)
        world.pass_time(minutes=10)
    object.__setattr__(world.context, "drop", world.drop)
    assert retry_now(world.context, "acme", Dataset.METRICS)[0] == 1
    world.answer_events()
    assert world.receipt("metrics/deadly.csv")["status"] == "accepted"


def test_an_answer_stays_when_the_attempt_to_give_another_ends_its_workers() -> None:
    world = with_due_days()
    world.upload("metrics/deadly.csv", metrics(D1, {"w": 1}))
    make_deadly(world)
    assert reingest(world.context, "acme", ReingestFilter(dataset=Dataset.METRICS)) == 3
    while world.events.take() is not None:
        pass
    outcomes = []
    for _ in range(40):
        world.pass_time(minutes=10)
        outcomes += [each for each in swept(world) if each != "accepted"]
    assert outcomes == ["killed again"] * 3 + ["already_answered"]
    assert world.receipt("metrics/deadly.csv")["status"] == "accepted"


def test_an_engine_that_panics_at_a_file_each_time_is_taken_for_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(*_: Any, **__: Any) -> None:
        raise EnginePanicError("the engine gave up in its own code")

    world = with_due_days()
    monkeypatch.setattr(draft_receipt, "ingest_file", panic)
    world.put("metrics/deadly.csv", metrics(D1, {"w": 1}))
    outcomes = []
    for _ in range(10):
        world.pass_time(minutes=10)
        outcomes += swept(world)
    assert outcomes == ["failed"] * 3 + ["rejected"]
    assert world.receipt("metrics/deadly.csv")["error"]["code"] == "unreadable_here"


def test_work_in_progress_is_not_announced_again_and_a_note_of_the_dead_is_deleted_in_the_end() -> None:
    world = deadly()
    world.put("metrics/deadly.csv", metrics(D1, {"w": 1}))
    assert deliver(world) == "killed"
    world.pass_time(minutes=10)
    assert swept(world) == []
    world.drop.delete(world.container, "metrics/deadly.csv")
    world.pass_time(days=3)
    assert clean_up_all(world.context)["notes"] == 1
