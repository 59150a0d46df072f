"""A queue of Azure Storage, or of its emulator: what jobs send to, and what the local host takes from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueMessage, QueueServiceClient

from processing.storage.azure_errors import translated

_FOREVER: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """A message that is hidden from others for a while."""

    id: str
    body: bytes
    dequeue_count: int
    """How often it was received, this time included."""
    pop_receipt: str
    """What proves that it is ours to change."""
    inserted_at: datetime | None
    expires_at: datetime | None
    next_visible_at: datetime | None


class AzureQueue:
    """One queue; bodies are text as they are, without base64."""

    def __init__(self, client: QueueServiceClient, name: str) -> None:
        self._queue = client.get_queue_client(name)
        self._name = name

    def ensure(self) -> None:
        """Make the queue; one that is there already is no error."""
        with self._calls("create"):
            try:
                self._queue.create_queue()
            except ResourceExistsError:
                return

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        """Add a message that never expires, visible after `delay_seconds`."""
        with self._calls("send to"):
            self._queue.send_message(body, visibility_timeout=delay_seconds or None, time_to_live=_FOREVER)

    def receive(self, *, visibility_seconds: int) -> ReceivedMessage | None:
        """The next visible message, hidden from others for `visibility_seconds`; None when there is none."""
        with self._calls("receive from"):
            message = self._queue.receive_message(visibility_timeout=visibility_seconds)
        return None if message is None else _received(message, message.pop_receipt, message.next_visible_on)

    def extend(self, message: ReceivedMessage, *, visibility_seconds: int) -> ReceivedMessage:
        """Hide the message for so long from now; the answer replaces `message`."""
        with self._calls("extend a message of"):
            # Without content the update leaves the body as it is.
            answer = self._queue.update_message(message.id, message.pop_receipt, visibility_timeout=visibility_seconds)
        return ReceivedMessage(
            id=message.id,
            body=message.body,
            dequeue_count=message.dequeue_count,
            pop_receipt=str(answer.pop_receipt),
            inserted_at=message.inserted_at,
            expires_at=message.expires_at,
            next_visible_at=answer.next_visible_on,
        )

    def delete(self, message: ReceivedMessage) -> None:
        """Remove the message for good."""
        with self._calls("delete from"):
            self._queue.delete_message(message.id, message.pop_receipt)

    def length(self) -> int:
        """About how many messages there are, hidden ones included."""
        with self._calls("measure"):
            return int(self._queue.get_queue_properties().approximate_message_count or 0)

    @contextmanager
    def _calls(self, action: str) -> Iterator[None]:
        with translated(action, f"queue {self._name}"):
            yield


def _received(message: QueueMessage, pop_receipt: str | None, next_visible: datetime | None) -> ReceivedMessage:
    return ReceivedMessage(
        id=str(message.id),
        body=str(message.content).encode(),
        dequeue_count=int(message.dequeue_count or 0),
        pop_receipt=str(pop_receipt),
        inserted_at=message.inserted_on,
        expires_at=message.expires_on,
        next_visible_at=next_visible,
    )
