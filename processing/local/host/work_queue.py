"""What the local host needs of a queue: to take messages off, hold them, and put them back or away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, TypeVar


class Received(Protocol):
    """One message that was received and is invisible to others for a while."""

    @property
    def id(self) -> str:
        """The service's id of the message."""
        ...

    @property
    def body(self) -> bytes:
        """Exactly as stored."""
        ...

    @property
    def dequeue_count(self) -> int:
        """How often it was received, this time included."""
        ...

    @property
    def pop_receipt(self) -> str:
        """What proves that it is ours to change."""
        ...

    @property
    def inserted_at(self) -> datetime | None:
        """When it was put on the queue."""
        ...

    @property
    def expires_at(self) -> datetime | None:
        """When the service drops it."""
        ...

    @property
    def next_visible_at(self) -> datetime | None:
        """When others see it again."""
        ...


M = TypeVar("M", bound=Received)


class WorkQueue(Protocol[M]):
    """A queue that work is taken from. Every method may raise LaterError and OperatorError."""

    def ensure(self) -> None:
        """Make the queue; one that is there already is no error."""
        ...

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        """Add a message, visible after `delay_seconds`."""
        ...

    def receive(self, *, visibility_seconds: int) -> M | None:
        """The next visible message, hidden from others for `visibility_seconds`; None when there is none."""
        ...

    def extend(self, message: M, *, visibility_seconds: int) -> M:
        """Hide the message for so long from now; the answer replaces `message`."""
        ...

    def delete(self, message: M) -> None:
        """Remove the message for good."""
        ...


QueueFactory = Callable[[str, str], WorkQueue[Any]]
"""Opens a queue: name of the connection setting, name of the queue."""
