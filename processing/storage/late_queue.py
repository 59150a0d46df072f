"""A queue whose library is imported when the first message is sent: commands that only look send none."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

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
