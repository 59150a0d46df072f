"""Runs a queue-triggered function on the messages of its queue, as the Functions host does.

Taken from host.json: how many at a time, how often, how long after a failure, and the encoding. A message that failed too
often is moved to `<queue>-poison`, as is one that cannot be decoded. Unlike Azure, an empty queue is looked at every half
second or so, and a queue that does not exist is made.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable
from typing import Any, Final

import structlog
from azure.functions.queue import QueueMessage

from processing.domain.errors import DropzoneError
from processing.local.host.delivery import Delivery
from processing.local.host.doors import Door
from processing.local.host.failures import log_failure
from processing.local.host.host_json import QueueSettings
from processing.local.host.work_queue import QueueFactory, Received
from processing.local.loop import Loop

log = structlog.get_logger()

_SHORTEST_PAUSE: Final = 0.05
_function_message: Callable[..., QueueMessage] = QueueMessage


class QueueListener:
    """One queue function, the thread that takes its messages, and one thread for each message that it works on."""

    def __init__(
        self, door: Door, queues: QueueFactory, settings: QueueSettings, *, lease_seconds: int, max_poll_seconds: float
    ) -> None:
        self.name = door.name
        self._door = door
        self._settings = settings
        self._lease_seconds = lease_seconds
        self._longest_pause = min(settings.max_polling_interval, max_poll_seconds)
        queue_name, connection = str(door.trigger["queueName"]), str(door.trigger.get("connection") or "AzureWebJobsStorage")
        self._queue = queues(connection, queue_name)
        self._poison = queues(connection, f"{queue_name}-poison")
        self._running: set[Delivery[Any]] = set()
        self._room = threading.Condition()
        self._pause = _SHORTEST_PAUSE
        self._in_trouble = False
        self._loop = Loop(f"queue-{door.name}", self._once)

    def start(self) -> None:
        """Begin to take messages."""
        self._queue.ensure()
        self._loop.start()

    def stop(self) -> None:
        """Take no further message; returns at once."""
        self._loop.stop()
        with self._room:
            self._room.notify_all()

    def busy(self) -> bool:
        """Whether the function may still be running."""
        # In this order: the loop adds deliveries until it has ended.
        return self._loop.is_alive() or bool(self._running)

    def abandon(self) -> None:
        """Give back the messages whose functions still run, for the next start to take at once."""
        with self._room:
            left = tuple(self._running)
        for delivery in left:
            try:
                delivery.retry_after(0)
            except DropzoneError as error:
                log.warning("message_not_given_back", function=self.name, error=str(error))

    def _once(self, stop: threading.Event) -> None:
        with self._room:
            self._room.wait_for(lambda: stop.is_set() or len(self._running) <= self._settings.new_batch_threshold)
        if stop.is_set():
            return
        try:
            taken = self._take_batch(stop)
        except DropzoneError as error:
            if not self._in_trouble:
                log.warning("queue_unreachable", function=self.name, error=str(error))
            self._in_trouble = True
            self._wait(stop, self._settings.max_polling_interval)
            return
        if self._in_trouble:
            log.info("queue_reachable", function=self.name)
        self._in_trouble = False
        if taken:
            self._pause = _SHORTEST_PAUSE
        else:
            self._wait(stop, self._longest_pause)

    def _wait(self, stop: threading.Event, longest: float) -> None:
        self._pause = min(self._pause, longest)
        stop.wait(self._pause)
        self._pause = min(self._pause * 2, longest)

    def _take_batch(self, stop: threading.Event) -> int:
        taken = 0
        while taken < self._settings.batch_size and not stop.is_set():
            message = self._queue.receive(visibility_seconds=self._lease_seconds)
            if message is None:
                break
            delivery = Delivery(self._queue, message, lease_seconds=self._lease_seconds)
            with self._room:
                self._running.add(delivery)
            delivery.start_renewing()
            threading.Thread(target=self._work, args=(delivery,), name=f"{self.name}-{message.id}", daemon=True).start()
            taken += 1
        return taken

    def _work(self, delivery: Delivery[Any]) -> None:
        try:
            self._deliver(delivery)
        except DropzoneError as error:
            # The message stays hidden until its hold runs out, and comes again.
            log.warning("message_not_settled", function=self.name, message_id=delivery.first.id, error=str(error))
        finally:
            delivery.stop_renewing()
            with self._room:
                self._running.discard(delivery)
                self._room.notify_all()

    def _deliver(self, delivery: Delivery[Any]) -> None:
        message = delivery.first
        # Higher than the limit without a failure seen here: the process was killed at each try.
        if message.dequeue_count > self._settings.max_dequeue_count:
            self._dead_letter(delivery)
            return
        body = self._body(message)
        if body is None:
            self._dead_letter(delivery)
            return
        try:
            self._door.call(_as_function_message(message, body))
        except Exception as error:  # noqa: BLE001 - whatever a function raises, its message is tried again
            log_failure(self.name, error, message_id=message.id, dequeue_count=message.dequeue_count)
            if message.dequeue_count >= self._settings.max_dequeue_count:
                self._dead_letter(delivery)
            else:
                delivery.retry_after(self._settings.visibility_timeout)
        else:
            delivery.complete()

    def _body(self, message: Received) -> bytes | None:
        if not self._settings.base64:
            return message.body
        try:
            return base64.b64decode(message.body, validate=True)
        except binascii.Error:
            return None

    def _dead_letter(self, delivery: Delivery[Any]) -> None:
        delivery.dead_letter(self._poison)
        log.warning(
            "message_poisoned", function=self.name, message_id=delivery.first.id, dequeue_count=delivery.first.dequeue_count
        )


def _as_function_message(message: Received, body: bytes) -> QueueMessage:
    return _function_message(
        id=message.id,
        body=body,
        dequeue_count=message.dequeue_count,
        expiration_time=message.expires_at,
        insertion_time=message.inserted_at,
        time_next_visible=message.next_visible_at,
        pop_receipt=message.pop_receipt,
    )
