"""A message that the host received: held while its function runs, then done, to be tried again, or dead-lettered."""

from __future__ import annotations

from processing.jobs.held_message import HeldMessage
from processing.local.host.work_queue import M, WorkQueue


class Delivery(HeldMessage[M]):
    """A held message that may be given up."""

    def __init__(self, queue: WorkQueue[M], message: M, *, lease_seconds: int) -> None:
        super().__init__(queue, message, lease_seconds=lease_seconds)
        self._source = queue

    def dead_letter(self, poison: WorkQueue[M]) -> None:
        """The work is given up: the message moves to the queue of those that somebody must look at."""

        # In this order: a crash between the two leaves it in both queues, never in none.
        def move(message: M) -> None:
            poison.ensure()
            poison.send(message.body.decode())
            self._source.delete(message)

        self._end(move)
