"""Small uploads are answered beside each other, and exactly the messages go whose uploads are answered."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest

from processing.domain import blob_names
from processing.domain.errors import LaterError
from processing.domain.queue_messages import UploadEvent, parse_upload_event, upload_event
from processing.domain.receipts import Upload
from processing.jobs.uploads.receive_files import MOST_TRIES, RETRY_SECONDS, receive_files
from processing.jobs.uploads.sweep import sweep
from processing.local.messages import BlobCreated, message_body
from processing.ports import UNCONDITIONAL, BlobInfo, Condition, ReceivedMessage
from processing.stored.upload_notes import begin_attempt, read_note
from tests.support.in_memory import InMemoryBlobStore, InMemoryQueue, ServiceTime
from tests.support.installation import ROOT
from tests.support.memory import Memory, metrics

DAY = date(2026, 11, 17)
LIMIT = 10_000


@dataclass
class AtOnce:
    """Which uploads are worked on at once: from the notes of their attempts to their receipts."""

    now: set[str] = field(default_factory=set)
    seen: list[frozenset[str]] = field(default_factory=list)
    _noting: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, name: str) -> None:
        with self._noting:
            self.now.add(name)
            self.seen.append(frozenset(self.now))
        time.sleep(0.01)  # what may be beside it comes

    def end(self, name: str) -> None:
        with self._noting:
            self.now.discard(name)


class Watched(InMemoryBlobStore):
    """Counts what is worked on at once; a pair waits for each other, and what is called broken breaks."""

    def __init__(self, service: ServiceTime, at_once: AtOnce) -> None:
        super().__init__(service)
        self.pair = threading.Barrier(2)
        self.at_once = at_once

    def peek(self, container: str, name: str, *, length: int) -> tuple[BlobInfo, bytes] | None:
        """The first call of an ingest."""
        if "broken" in name:
            raise RuntimeError("a bug")
        if "pair" in name:
            self.pair.wait()
        return super().peek(container, name, length=length)

    def put(
        self,
        container: str,
        name: str,
        data: bytes | Path,
        *,
        when: Condition = UNCONDITIONAL,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        if name.endswith(".receipt.json"):
            self.at_once.end(name.removesuffix(".receipt.json"))
        elif name.startswith(blob_names.notes_prefix("acme")):
            self.at_once.begin(json.loads(Path(data).read_bytes() if isinstance(data, Path) else data)["blob"])
        return super().put(container, name, data, when=when, metadata=metadata)


@pytest.fixture
def at_once() -> AtOnce:
    return AtOnce()


@pytest.fixture
def world(at_once: AtOnce) -> Memory:
    world = Memory()
    drop, lake = Watched(world.time, at_once), Watched(world.time, at_once)
    for old, new in ((world.drop, drop), (world.lake, lake)):
        for container in old.list_containers():
            new.create_container(container)
    world.drop, world.lake = drop, lake
    world.context = replace(world.context, drop=drop, lake=lake, files_at_a_time=4, small_file_bytes=LIMIT)
    return world


def announced(world: Memory, name: str, size: int | None = None) -> str:
    """Upload a file, and its message."""
    data = metrics(DAY, {f"u-{name}": 1})
    etag = world.put(f"metrics/{name}.csv", data)
    created = BlobCreated(
        container=world.container,
        name=f"metrics/{name}.csv",
        etag=etag,
        size=len(data) if size is None else size,
        at=world.time(),
        sequencer=f"{name:>032}",
    )
    return message_body(created.event_grid())


def receive(world: Memory, body: str, *, dequeue_count: int = 1) -> None:
    event = parse_upload_event(body.encode())
    assert isinstance(event, UploadEvent)
    receive_files(world.context, event, dequeue_count=dequeue_count)


def is_answered(world: Memory, name: str) -> bool:
    return world.context.drop.head(f"receipts-{world.customer}", f"metrics/{name}.csv.receipt.json") is not None


def left(world: Memory) -> list[tuple[str, int]]:
    """Names and delays of the messages that are on the queue, of which none may be held any more."""
    assert world.events.held() == ()
    return [(_name(body), delay) for body, delay in world.events.sent()]


def _name(body: str) -> str:
    event = parse_upload_event(body.encode())
    return "" if event is None else event.name.removeprefix("metrics/").removesuffix(".csv")


def test_small_files_that_wait_are_answered_by_one_call(world: Memory) -> None:
    names = [f"f{number}" for number in range(9)]
    own, *others = [announced(world, name) for name in names]
    for body in others:
        world.events.send(body)
    receive(world, own)
    assert all(is_answered(world, name) for name in names)
    assert left(world) == []


def test_they_are_answered_at_once(world: Memory) -> None:
    own, other = announced(world, "pair-1"), announced(world, "pair-2")
    world.events.send(other)
    receive(world, own)
    assert (is_answered(world, "pair-1"), is_answered(world, "pair-2"), left(world)) == (True, True, [])


@pytest.mark.parametrize("share", [1, 2], ids=["one fills the budget", "two fill it"])
def test_what_is_worked_on_at_once_keeps_to_the_budget_of_bytes(world: Memory, at_once: AtOnce, share: int) -> None:
    own, *others = [announced(world, f"f{number}") for number in range(6)]
    size = len(metrics(DAY, {"u-f0": 1}))
    world.context = replace(world.context, small_file_bytes=size * share)
    for body in others:
        world.events.send(body)
    receive(world, own)
    assert (left(world), max(len(names) for names in at_once.seen)) == ([], share)


@pytest.mark.parametrize("grown", [0, 3], ids=["the host's own", "one that is taken"])
def test_a_version_that_is_larger_than_its_message_says_is_worked_on_alone(world: Memory, at_once: AtOnce, grown: int) -> None:
    own, *others = [announced(world, f"f{number}") for number in range(6)]
    name = f"metrics/f{grown}.csv"
    world.put(name, metrics(DAY, {f"u-{number}": 1 for number in range(1_000)}))
    for body in others:
        world.events.send(body)
    receive(world, own)
    while world.events.sent():
        taken = world.events.receive(visibility_seconds=60)
        assert taken is not None
        receive(world, taken.body.decode(), dequeue_count=taken.dequeue_count)
        world.events.delete(taken)
    assert world.receipt(name)["rows"]["read"] == 1_000
    assert [names for names in at_once.seen if name in names] == [{name}]


def test_what_is_packed_is_counted_as_what_it_may_unpack_to(world: Memory, at_once: AtOnce) -> None:
    data = gzip.compress(metrics(DAY, {"u": 1}))
    world.context = replace(world.context, small_file_bytes=64 * len(data))
    bodies = []
    for number in range(4):
        etag = world.put(f"metrics/{number}.csv.gz", data)
        bodies.append(upload_event(world.container, f"metrics/{number}.csv.gz", etag, size=len(data)))
    for body in bodies[1:]:
        world.events.send(body)
    receive(world, bodies[0])
    assert {len(names) for names in at_once.seen} == {1}
    assert left(world) == []


def test_what_has_ended_a_worker_is_not_tried_in_company_whatever_its_message_says(world: Memory, at_once: AtOnce) -> None:
    own, other = announced(world, "own"), announced(world, "tried")
    info = world.drop.head(world.container, "metrics/tried.csv")
    assert info is not None
    upload = Upload(customer=world.customer, name=info.name, etag=info.etag, size=info.size, last_modified=info.last_modified)
    begin_attempt(world.context, upload, "dead", receipt=None, replaces=None)
    world.events.send(other)
    receive(world, own)
    assert (is_answered(world, "own"), is_answered(world, "tried"), left(world)) == (True, False, [("tried", 0)])
    note = read_note(world.context, world.customer, info.name)
    assert note is not None
    assert note.note.tries == 1, "it was not counted"
    again = world.events.receive(visibility_seconds=60)
    assert again is not None
    assert again.dequeue_count == 2
    receive(world, other, dequeue_count=2)
    assert is_answered(world, "tried")


def test_who_waited_for_room_looks_again_at_what_is_there(world: Memory) -> None:
    own, other = announced(world, "own"), announced(world, "other")
    world.events.send(other)
    real = world.drop.peek
    looks: list[str] = []

    def peek(container: str, name: str, *, length: int) -> tuple[BlobInfo, bytes] | None:
        looks.append(name)
        return real(container, name, length=length)

    world.drop.peek = peek  # type: ignore[method-assign]
    world.context = replace(world.context, small_file_bytes=len(metrics(DAY, {"u-other": 1})))
    receive(world, own)
    assert len(looks) in (2, 3), "who had to wait looked twice"
    assert (is_answered(world, "own"), is_answered(world, "other")) == (True, True)


def test_a_message_that_cannot_be_deleted_stays_and_its_upload_is_answered_as_before(world: Memory) -> None:
    queue = _Undeletable(world.time)
    world.events = queue
    world.context = replace(world.context, drop_events=queue)
    own, other = announced(world, "a"), announced(world, "b")
    queue.send(other)
    receive(world, own)
    assert (is_answered(world, "b"), [_name(body) for body in queue.held()]) == (True, ["b"])


def test_a_queue_that_is_down_holds_up_nothing(world: Memory) -> None:
    world.context = replace(world.context, drop_events=_Down(world.time))
    receive(world, announced(world, "a"))
    assert is_answered(world, "a")


class _Undeletable(InMemoryQueue):
    def delete(self, message: ReceivedMessage) -> None:  # noqa: ARG002 - the port's
        raise LaterError("storage is down")


class _Down(InMemoryQueue):
    def receive(self, *, visibility_seconds: int) -> ReceivedMessage | None:  # noqa: ARG002 - the port's
        raise LaterError("storage is down")


@pytest.mark.parametrize(("files", "count"), [(1, 1), (4, 2)], ids=["switched off", "a second try"])
def test_a_file_that_may_have_no_company_takes_none(world: Memory, files: int, count: int) -> None:
    world.context = replace(world.context, files_at_a_time=files)
    own, other = announced(world, "a"), announced(world, "b")
    world.events.send(other)
    receive(world, own, dequeue_count=count)
    assert (is_answered(world, "a"), is_answered(world, "b"), left(world)) == (True, False, [("b", 0)])


@pytest.mark.parametrize("size", [LIMIT + 1, None], ids=["large", "of unknown size"])
def test_a_file_that_is_not_known_to_be_small_is_worked_on_alone(world: Memory, size: int | None) -> None:
    bodies = [announced(world, name) for name in "abcd"]
    odd = upload_event(world.container, "metrics/c.csv", "1") if size is None else announced(world, "c", size)
    world.events.send(bodies[1])
    world.events.send(odd)
    world.events.send(bodies[3])
    receive(world, bodies[0])
    assert [is_answered(world, name) for name in "abcd"] == [True, True, True, False]
    assert left(world) == [("d", 0)], "behind it nothing is taken"
    receive(world, odd)
    assert left(world) == [("d", 0)], "and beside it neither"


def test_a_second_try_ends_the_company_and_is_worked_on(world: Memory) -> None:
    bodies = [announced(world, name) for name in "abc"]
    world.events.send(bodies[1])
    world.events.extend(_held(world), visibility_seconds=0)
    world.events.send(bodies[2])
    receive(world, bodies[0])
    assert [is_answered(world, name) for name in "abc"] == [True, True, False]
    assert left(world) == [("c", 0)]


@pytest.mark.parametrize("is_readable", [True, False])
def test_what_is_for_the_poison_queue_is_left_to_the_host(world: Memory, is_readable: bool) -> None:
    bodies = [announced(world, name) for name in "abc"]
    world.events.send(bodies[1] if is_readable else "no event")
    for _ in range(MOST_TRIES if is_readable else 0):
        world.events.extend(_held(world), visibility_seconds=0)
    world.events.send(bodies[2])
    receive(world, bodies[0])
    assert [is_answered(world, name) for name in "abc"] == [True, False, False]
    assert world.events.held() == ()
    assert sorted(delay for _, delay in world.events.sent()) == [0, 0]


def test_an_event_of_another_type_is_finished(world: Memory) -> None:
    own, other = announced(world, "a"), announced(world, "b")
    world.events.send(json.dumps({"eventType": "Microsoft.Storage.BlobDeleted", "subject": "x"}))
    world.events.send(other)
    receive(world, own)
    assert (is_answered(world, "b"), left(world)) == (True, [])


def test_one_that_fails_comes_again_after_a_minute_and_holds_up_no_other(world: Memory) -> None:
    own, broken, other = (announced(world, name) for name in ("a", "broken", "b"))
    world.events.send(broken)
    world.events.send(other)
    receive(world, own)
    assert (is_answered(world, "a"), is_answered(world, "b")) == (True, True)
    assert left(world) == [("broken", RETRY_SECONDS)]


def test_what_the_hosts_own_upload_raises_is_the_hosts_and_the_others_are_done(world: Memory) -> None:
    own, other, large = announced(world, "broken"), announced(world, "b"), announced(world, "c", LIMIT + 1)
    world.events.send(other)
    world.events.send(large)
    with pytest.raises(RuntimeError, match="a bug"):
        receive(world, own)
    assert (is_answered(world, "b"), is_answered(world, "c"), left(world)) == (True, True, [])


def test_what_a_sweep_finds_has_company_unless_somebody_has_worked_on_it(world: Memory) -> None:
    for name in ("tried", "fresh"):
        world.put(f"metrics/{name}.csv", metrics(DAY, {"u": 1}))
    info = world.drop.head(world.container, "metrics/tried.csv")
    assert info is not None
    upload = Upload(customer=world.customer, name=info.name, etag=info.etag, size=info.size, last_modified=info.last_modified)
    begin_attempt(world.context, upload, "a" * 32, receipt=None, replaces=None)
    world.pass_time(hours=1)
    sweep(world.context)
    world.work_customers()
    found = [event for body, _ in world.events.sent() if (event := parse_upload_event(body.encode())) is not None]
    assert {event.name: event.size for event in found} == {"metrics/tried.csv": None, "metrics/fresh.csv": info.size}


def test_the_limits_of_tries_are_those_of_the_host() -> None:
    queues = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["queues"]
    assert (queues["maxDequeueCount"], queues["visibilityTimeout"]) == (MOST_TRIES, f"00:{RETRY_SECONDS // 60:02}:00")


def _held(world: Memory) -> ReceivedMessage:
    message = world.events.receive(visibility_seconds=60)
    assert message is not None
    return message
