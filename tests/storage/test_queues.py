"""What a queue does for the jobs, on the emulator and in memory; and what the adapter does for the host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from processing.domain.errors import LaterError
from processing.ports import Queue, ReceivedMessage
from processing.storage.azure_queue import AzureQueue
from processing.storage.connections import Connection
from tests.storage.conftest import BOTH
from tests.support.in_memory import InMemoryQueue
from tests.support.waiting import wait_until


@pytest.fixture
def queue(connection: Connection) -> Iterator[AzureQueue]:
    with connection.queue_service() as client:
        made = AzureQueue(client, f"q-{uuid4().hex}")
        made.ensure()
        yield made


@pytest.fixture
def any_queue(request: pytest.FixtureRequest, kind: str) -> Queue:
    """The queue under test."""
    if kind == "memory":
        return InMemoryQueue()
    result: AzureQueue = request.getfixturevalue("queue")
    return result


@BOTH
def test_a_queue_says_how_many_messages_it_holds_delayed_ones_too(any_queue: Queue) -> None:
    assert any_queue.length() == 0
    any_queue.send("now")
    any_queue.send("much later", delay_seconds=3600)
    assert any_queue.length() == 2


@BOTH
def test_the_oldest_message_says_since_when_the_queue_waits(any_queue: Queue) -> None:
    assert any_queue.waiting_since() is None
    any_queue.send("first")
    since = any_queue.waiting_since()
    assert since is not None
    assert since.utcoffset() == timedelta()
    time.sleep(1.1)  # the service's times are in whole seconds
    any_queue.send("second")
    assert any_queue.waiting_since() == since
    assert any_queue.length() == 2, "nothing was taken"


@BOTH
def test_a_message_that_is_delayed_does_not_wait_yet(any_queue: Queue) -> None:
    any_queue.send("much later", delay_seconds=3600)
    assert any_queue.waiting_since() is None


def test_a_message_in_hand_does_not_wait_and_one_that_came_back_is_as_old_as_before(queue: AzureQueue) -> None:
    queue.send("work")
    message = queue.receive(visibility_seconds=3600)
    assert message is not None
    assert queue.waiting_since() is None
    queue.extend(message, visibility_seconds=0)
    assert queue.waiting_since() == message.inserted_at


@pytest.mark.parametrize(
    "body",
    ["<>&\"' ]]>", "😀 é", '{"name": "a\\u0001b"}', " spaces\tand\r\nlines ", "x" * 60_000, "SGVsbG8="],
    ids=["xml", "emoji", "json", "space", "long", "base64"],
)
def test_a_body_comes_out_as_it_went_in(queue: AzureQueue, body: str) -> None:
    queue.send(body)
    assert queue.peek() == (body.encode(),)
    message = queue.receive(visibility_seconds=30)
    assert message is not None
    assert message.body == body.encode()


def test_an_empty_queue_gives_none(queue: AzureQueue) -> None:
    assert queue.receive(visibility_seconds=30) is None
    assert queue.peek() == ()
    assert queue.length() == 0


def test_a_received_message_is_hidden_until_its_time_and_then_comes_again(queue: AzureQueue) -> None:
    queue.send("work")
    first = queue.receive(visibility_seconds=1)
    assert first is not None
    assert first.dequeue_count == 1
    assert first.inserted_at is not None
    assert first.next_visible_at is not None
    assert queue.receive(visibility_seconds=1) is None
    assert queue.length() == 1
    again = _wait_for(queue)
    assert (again.id, again.dequeue_count) == (first.id, 2)


def test_a_message_never_expires(queue: AzureQueue) -> None:
    queue.send("work")
    message = queue.receive(visibility_seconds=30)
    assert message is not None
    assert message.expires_at is not None
    assert message.expires_at.year == 9999


def test_a_message_that_is_extended_stays_hidden_and_can_be_given_back(queue: AzureQueue) -> None:
    queue.send("work")
    message = queue.receive(visibility_seconds=1)
    assert message is not None
    extended = queue.extend(message, visibility_seconds=3600)
    assert extended.pop_receipt != message.pop_receipt
    assert extended.body == message.body
    time.sleep(1.2)
    assert queue.receive(visibility_seconds=1) is None
    queue.extend(extended, visibility_seconds=0)
    assert queue.receive(visibility_seconds=1) is not None


def test_a_message_that_somebody_else_received_is_not_ours_to_change(queue: AzureQueue) -> None:
    queue.send("work")
    first = queue.receive(visibility_seconds=1)
    assert first is not None
    second = _wait_for(queue)
    with pytest.raises(LaterError):
        queue.extend(first, visibility_seconds=30)
    with pytest.raises(LaterError):
        queue.delete(first)
    queue.delete(second)
    queue.delete(second)
    with pytest.raises(LaterError):
        queue.extend(second, visibility_seconds=30)
    assert queue.length() == 0


def test_a_delayed_message_is_seen_after_its_delay(queue: AzureQueue) -> None:
    queue.send("much later", delay_seconds=3600)
    assert queue.receive(visibility_seconds=30) is None
    assert queue.length() == 1
    queue.send("later", delay_seconds=1)
    assert _wait_for(queue).body == b"later"


def test_many_receivers_never_share_a_message(queue: AzureQueue) -> None:
    for number in range(20):
        queue.send(str(number))
    with ThreadPoolExecutor(5) as pool:
        received = list(pool.map(lambda _: queue.receive(visibility_seconds=30), range(20)))
    assert sorted(int(message.body) for message in received if message) == list(range(20))


def test_making_a_queue_twice_keeps_its_messages(queue: AzureQueue) -> None:
    queue.send("work")
    queue.ensure()
    assert queue.length() == 1


def _wait_for(queue: AzureQueue) -> ReceivedMessage:
    found = wait_until(lambda: queue.receive(visibility_seconds=3600))
    assert found is not None
    return found


@BOTH
def test_a_received_message_is_ours_until_it_is_deleted_or_given_back(any_queue: Queue) -> None:
    any_queue.send("a")
    any_queue.send("b")
    found = [any_queue.receive(visibility_seconds=60) for _ in range(3)]
    first, second = found[:2]
    assert found[2] is None, "both are hidden"
    assert first is not None
    assert second is not None
    assert {first.body, second.body} == {b"a", b"b"}
    assert (first.dequeue_count, second.dequeue_count, any_queue.length()) == (1, 1, 2)
    any_queue.delete(first)
    any_queue.delete(first)
    any_queue.extend(second, visibility_seconds=0)
    again = any_queue.receive(visibility_seconds=60)
    assert again is not None
    assert (again.body, again.dequeue_count, any_queue.length()) == (second.body, 2, 1)
    any_queue.delete(again)
    assert any_queue.length() == 0
    with pytest.raises(LaterError):
        any_queue.extend(again, visibility_seconds=0)
