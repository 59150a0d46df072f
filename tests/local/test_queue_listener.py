"""Queue functions get each message until they manage it, alone, and at most so often."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import azure.functions as func
import pytest
from azure.storage.queue import QueueServiceClient

from processing.local.host.host_json import QueueSettings
from processing.local.host.local_host import HostOptions, LocalHost
from processing.ports import ReceivedMessage
from processing.storage.azure_queue import AzureQueue
from tests.local.conftest import RunHost, host_json
from tests.support.waiting import wait_until


def on_queue(app: func.FunctionApp) -> Callable[..., Any]:
    """Makes a function of the test's queue."""
    return app.queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="AzureWebJobsStorage")


def test_a_message_is_handed_over_with_its_facts_and_then_gone(run_host: RunHost, queue: AzureQueue) -> None:
    got: list[func.QueueMessage] = []
    app = func.FunctionApp()

    @on_queue(app)
    def take(message: func.QueueMessage) -> None:
        got.append(message)

    queue.send('{"name": "Zürich 🦆"}')
    host = run_host(app)
    wait_until(lambda: got)
    host.stop()
    assert got[0].get_json() == {"name": "Zürich 🦆"}
    assert got[0].dequeue_count == 1
    assert got[0].id
    assert got[0].pop_receipt
    assert got[0].insertion_time is not None
    assert queue.length() == 0


def test_a_failing_message_is_tried_again_and_ends_in_poison(run_host: RunHost, queue: AzureQueue, poison: AzureQueue) -> None:
    tries: list[int | None] = []
    app = func.FunctionApp()

    @on_queue(app)
    def fail(message: func.QueueMessage) -> None:
        tries.append(message.dequeue_count)
        raise ValueError("no")

    queue.send("difficult ü")
    host = run_host(app)
    wait_until(lambda: poison.length() == 1)
    host.stop()
    assert tries == [1, 2, 3]
    assert queue.length() == 0
    poisoned = poison.receive(visibility_seconds=1)
    assert poisoned is not None
    assert poisoned.body == "difficult ü".encode()


def test_a_failing_message_is_hidden_for_the_pause_that_host_json_names(run_host: RunHost, queue: AzureQueue) -> None:
    tries: list[str] = []
    app = func.FunctionApp()

    @on_queue(app)
    def fail_once(message: func.QueueMessage) -> None:
        tries.append(message.get_body().decode())
        if len(tries) == 1:
            raise ValueError("no")

    queue.send("first")
    run_host(app, json=host_json(visibilityTimeout="01:00:00"), lease_seconds=1)
    wait_until(lambda: tries)
    # Were it hidden for no longer than its lease, it would come before what is sent long after that.
    time.sleep(2.5)
    queue.send("second")
    wait_until(lambda: len(tries) == 2)
    assert tries == ["first", "second"]
    assert queue.peek() == ()
    wait_until(lambda: queue.length() == 1)


def test_a_message_that_killed_the_process_too_often_is_not_run_again(
    run_host: RunHost, queue: AzureQueue, poison: AzureQueue
) -> None:
    ran: list[str] = []
    app = func.FunctionApp()

    @on_queue(app)
    def take(message: func.QueueMessage) -> None:
        ran.append("ran")

    queue.send("deadly")
    for _ in range(3):
        killed = queue.receive(visibility_seconds=30)
        assert killed is not None
        queue.extend(killed, visibility_seconds=0)
    run_host(app)
    wait_until(lambda: poison.length() == 1)
    assert not ran


class _WatchedQueue(AzureQueue):
    """Remembers until when messages were held each time that they were held longer."""

    held_until: list[datetime]

    def extend(self, message: ReceivedMessage, *, visibility_seconds: int) -> ReceivedMessage:
        extended = super().extend(message, visibility_seconds=visibility_seconds)
        assert extended.next_visible_at is not None
        self.held_until.append(extended.next_visible_at)
        return extended


def test_a_slow_function_keeps_its_message_beyond_the_lease(azurite: str, queue: AzureQueue, queue_name: str) -> None:
    until: list[datetime | None] = []
    app = func.FunctionApp()

    with QueueServiceClient.from_connection_string(azurite, api_version=None) as client:
        watched = _WatchedQueue(client, queue_name)
        watched.held_until = []

        @on_queue(app)
        def slow(message: func.QueueMessage) -> None:
            until.append(message.time_next_visible)
            wait_until(lambda: len(watched.held_until) >= 2)

        queue.send("long work")
        with LocalHost(
            app,
            queues=lambda _connection, _name: watched,
            host_json=host_json(batchSize=4),
            settings={"QUEUE": queue_name},
            options=HostOptions(port=0, lease_seconds=2, max_poll_seconds=0.2, grace_seconds=600.0),
        ) as host:
            wait_until(lambda: until and not queue.length())
            assert host.stop()
    assert until[0] is not None
    assert until[0] < watched.held_until[0] < watched.held_until[1]


@pytest.mark.parametrize(("batch", "threshold", "at_once"), [(1, 0, 1), (2, 1, 3)])
def test_no_more_messages_run_at_once_than_host_json_allows(
    run_host: RunHost, queue: AzureQueue, batch: int, threshold: int, at_once: int
) -> None:
    lock, is_full, running, most, done = threading.Lock(), threading.Event(), [0], [0], [0]
    app = func.FunctionApp()

    @on_queue(app)
    def count(message: func.QueueMessage) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == at_once:
                is_full.set()
        # The next ones are taken when one of the first has ended; all others stay until as many run as may.
        if message.get_body() != b"1":
            is_full.wait()
            time.sleep(0.2)  # as one too many would need to show itself
        with lock:
            running[0] -= 1
            done[0] += 1

    for number in range(6):
        queue.send(str(number))
    run_host(app, json=host_json(batchSize=batch, newBatchThreshold=threshold))
    wait_until(lambda: done[0] == 6)
    assert most[0] == at_once


def test_base64_is_decoded_and_what_is_not_base64_is_poison(run_host: RunHost, queue: AzureQueue, poison: AzureQueue) -> None:
    got: list[bytes] = []
    app = func.FunctionApp()

    @on_queue(app)
    def take(message: func.QueueMessage) -> None:
        got.append(message.get_body())

    queue.send("{plain}")
    queue.send(base64.b64encode(b"\x00\xffhidden").decode())
    run_host(app, json=host_json(messageEncoding="base64"))
    wait_until(lambda: got and poison.length() == 1)
    assert got == [b"\x00\xffhidden"]


def test_what_still_runs_after_the_grace_is_given_back_at_once(run_host: RunHost, queue: AzureQueue) -> None:
    begun, end = threading.Event(), threading.Event()
    app = func.FunctionApp()

    @on_queue(app)
    def endless(message: func.QueueMessage) -> None:
        begun.set()
        end.wait()

    queue.send("unfinished")
    host = run_host(app, grace_seconds=0.2)
    begun.wait()
    assert not host.stop()
    again = queue.receive(visibility_seconds=5)
    end.set()
    assert again is not None
    assert again.dequeue_count == 2


def test_host_json_is_read_with_the_defaults_of_functions() -> None:
    assert QueueSettings.read({}) == QueueSettings(
        batch_size=16,
        new_batch_threshold=8,
        max_dequeue_count=5,
        visibility_timeout=0,
        max_polling_interval=60,
        base64=True,
    )
    assert QueueSettings.read(host_json(visibilityTimeout="1.00:01:02.5")).visibility_timeout == 86_462.5
