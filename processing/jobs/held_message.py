"""Holds one message invisible while it is worked on, and ends it exactly once: done, or to be tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import structlog

from processing.domain.errors import DropzoneError

_log = structlog.get_logger()


class Holdable(Protocol):
    """A message that was received."""

    @property
    def id(self) -> str:
        """The service's id of the message."""
        ...


M = TypeVar("M", bound=Holdable)


class HoldingQueue(Protocol[M]):
    """What is asked of the message's queue. Both may raise LaterError and OperatorError."""

    def extend(self, message: M, *, visibility_seconds: int) -> M:
        """Hide the message for so long from now; the answer replaces `message`."""
        ...

    def delete(self, message: M) -> None:
        """Remove the message for good."""
        ...


class HeldMessage(Generic[M]):
    """A received message that stays ours until it is ended.

    A thread at its side renews the hold when half of it has passed. Every call on the message happens under one lock,
    because each renewal replaces the receipt that the next call must show.
    """

    def __init__(self, queue: HoldingQueue[M], message: M, *, lease_seconds: int) -> None:
        self.first = message
        self._queue = queue
        self._message = message
        self._lease_seconds = lease_seconds
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name=f"renew-{message.id}", daemon=True)

    def start_renewing(self) -> None:
        """Begin to renew."""
        self._renewer.start()

    def complete(self) -> None:
        """The work is done: the message goes."""
        self._end(self._queue.delete)

    def retry_after(self, seconds: float) -> None:
        """The work is not done: the message is seen again after `seconds`."""
        self._end(lambda message: self._queue.extend(message, visibility_seconds=round(seconds)))

    def stop_renewing(self) -> None:
        """Renew no more; unless it was ended the message comes again when its hold runs out."""
        self._ended.set()

    def _end(self, action: Callable[[M], object]) -> None:
        with self._lock:
            if not self._ended.is_set():
                self._ended.set()
                action(self._message)

    def _renew(self) -> None:
        pause = self._lease_seconds / 2
        while not self._ended.wait(pause):
            with self._lock:
                if self._ended.is_set():
                    return
                try:
                    self._message = self._queue.extend(self._message, visibility_seconds=self._lease_seconds)
                    pause = self._lease_seconds / 2
                except DropzoneError as error:
                    # Nothing to do but to try again soon; if the hold is lost, the message is delivered twice.
                    _log.warning("message_not_renewed", message_id=self.first.id, error=str(error))
                    pause = self._lease_seconds / 10
