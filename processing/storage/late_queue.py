"""A queue whose library is imported when it is first asked for something: commands that only look ask nothing."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from processing.ports import ReceivedMessage
from processing.storage.connections import Connection

if TYPE_CHECKING:
    from processing.storage.azure_queue import AzureQueue


class LateQueue:
    """Opens nothing itself; safe to share between threads."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        """Add a message that never expires, visible after `delay_seconds`."""
        self._queue.send(body, delay_seconds=delay_seconds)

    def receive(self, *, visibility_seconds: int) -> ReceivedMessage | None:
        """The next visible message, hidden from others for `visibility_seconds`; None when there is none."""
        return self._queue.receive(visibility_seconds=visibility_seconds)

    def extend(self, message: ReceivedMessage, *, visibility_seconds: int) -> ReceivedMessage:
        """Hide the message for so long from now; the answer replaces `message`. LaterError when it is not ours any more."""
        return self._queue.extend(message, visibility_seconds=visibility_seconds)

    def delete(self, message: ReceivedMessage) -> None:
        """Remove the message for good; one that is gone already is no error."""
        self._queue.delete(message)

    def length(self) -> int:
        """How many messages the queue holds, hidden ones too; about."""
        return self._queue.length()

    def waiting_since(self) -> datetime | None:
        """When the next visible message was put on the queue, by the service's clock; None when nothing waits."""
        return self._queue.waiting_since()

    @cached_property
    def _queue(self) -> AzureQueue:
        from processing.storage.azure_queue import AzureQueue  # noqa: PLC0415

        return AzureQueue(self._connection.queue_service(), self._name)
