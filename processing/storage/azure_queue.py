"""One queue of an Azure Storage account: to put work on, and to take it off as the Functions host does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueServiceClient

from processing.ports import ReceivedMessage
from processing.storage.azure_errors import code_of, storage_errors

_NEVER = -1


class AzureQueue:
    """One queue; safe to share between threads. Bodies are text that XML can carry, and are not encoded."""

    def __init__(self, client: QueueServiceClient, name: str) -> None:
        self._name = name
        self._queue = client.get_queue_client(name)

    def ensure(self) -> None:
        """Make the queue; one that is there already is no error."""
        with storage_errors(f"create the queue {self._name}"):
            try:
                self._queue.create_queue()
            except ResourceExistsError as error:
                if code_of(error) != "QueueAlreadyExists":
                    raise

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        """Add a message that never expires, visible after `delay_seconds`."""
        with storage_errors(f"send to the queue {self._name}"):
            self._queue.send_message(body, visibility_timeout=delay_seconds or None, time_to_live=_NEVER)

    def receive(self, *, visibility_seconds: int) -> ReceivedMessage | None:
        """The next visible message, hidden from others for `visibility_seconds`; None when there is none."""
        with storage_errors(f"receive from the queue {self._name}"):
            message = self._queue.receive_message(visibility_timeout=visibility_seconds)
        if message is None:
            return None
        return ReceivedMessage(
            id=str(message.id),
            body=str(message.content).encode(),
            dequeue_count=int(message.dequeue_count or 0),
            pop_receipt=str(message.pop_receipt),
            inserted_at=message.inserted_on,
            expires_at=message.expires_on,
            next_visible_at=message.next_visible_on,
        )

    def extend(self, message: ReceivedMessage, *, visibility_seconds: int) -> ReceivedMessage:
        """Hide the message for so long from now; the answer replaces `message`.

        LaterError when it is not ours any more.
        """
        with storage_errors(f"hold message {message.id} of the queue {self._name}"):
            answer = self._queue.update_message(message.id, message.pop_receipt, visibility_timeout=visibility_seconds)
        return replace(message, pop_receipt=str(answer.pop_receipt), next_visible_at=answer.next_visible_on)

    def delete(self, message: ReceivedMessage) -> None:
        """Remove the message for good; one that is gone already is no error."""
        with storage_errors(f"delete message {message.id} of the queue {self._name}"):
            try:
                self._queue.delete_message(message.id, message.pop_receipt)
            except ResourceNotFoundError as error:
                if code_of(error) != "MessageNotFound":
                    raise

    def length(self) -> int:
        """How many messages the queue holds, hidden ones too; about."""
        with storage_errors(f"look at the queue {self._name}"):
            return int(self._queue.get_queue_properties().approximate_message_count or 0)

    def waiting_since(self) -> datetime | None:
        """When the next visible message was put on the queue, by the service's clock; None when nothing waits."""
        with storage_errors(f"look at the queue {self._name}"):
            return next((message.inserted_on for message in self._queue.peek_messages(1)), None)

    def peek(self, limit: int = 1) -> tuple[bytes, ...]:
        """Bodies of the next visible messages, at most 32, without taking them."""
        with storage_errors(f"look at the queue {self._name}"):
            return tuple(str(message.content).encode() for message in self._queue.peek_messages(limit))
