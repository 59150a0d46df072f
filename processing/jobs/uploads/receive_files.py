"""Answers the upload of one message, and beside it small ones whose messages wait: most of a small file's time is storage's.

The host hands over one message at a time for all queues, because days and large files fill an instance alone. So the job of a
small file takes further messages off the queue itself. A message is taken off with the host's rules: hidden while it is worked
on, deleted when its upload is answered, seen again a minute after a failure. To the poison queue the host alone moves it.

In company are only files that nobody has tried before. What may have ended its worker is worked on alone, and so its second
try cannot end others: three ends without a word refuse an upload (protocol, Retries).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from processing.domain.blob_names import customer_of_drop_container
from processing.domain.errors import DropzoneError
from processing.domain.queue_messages import UploadEvent, parse_upload_event
from processing.ingest.readers.formats import is_packed
from processing.jobs.failures import log_failure
from processing.jobs.held_message import HeldMessage
from processing.jobs.uploads.receive_file import NOBODY, Company, receive_file
from processing.ports import ReceivedMessage
from processing.stored.context import JobContext

MOST_TRIES: Final = 5
"""`maxDequeueCount` of host.json: what was received more often is for the host, which moves it to the poison queue."""
RETRY_SECONDS: Final = 60
"""`visibilityTimeout` of host.json: how long after a failure a message is seen again."""
HOLD_SECONDS: Final = 600
"""How long a message is hidden; renewed at half of it. So late it comes again when this process dies, as the host's does."""
_TAKES_FOR: Final = timedelta(minutes=1)
"""For how long one call takes further messages; then it is the host's turn, which counts what runs and how long."""

_PACKED: Final = 64
"""Times its bytes that something packed is counted, which may unpack to a thousand times as much."""

_log = structlog.get_logger()


def receive_files(context: JobContext, event: UploadEvent, *, dequeue_count: int) -> None:
    """Answer the upload of `event`, and small ones that wait on the queue of uploads; returns when all of them are done.

    `dequeue_count` is how often the message was received, this time included. Raises what `receive_file` raises for `event`;
    what others raise brings their own messages back.
    """
    if dequeue_count > 1 or not _is_small(context, event):
        _receive(context, event)
        return
    company = _Company(context)
    company.begin()
    try:
        company.receive(event)
    finally:
        company.finish()


def _receive(context: JobContext, event: UploadEvent, company: Company = NOBODY) -> None:
    receive_file(
        context,
        event.container,
        event.name,
        replaces_receipt=event.replaces_receipt,
        traceparent=event.traceparent,
        company=company,
    )


def _is_small(context: JobContext, event: UploadEvent) -> bool:
    """Whether it may have company. One whose size the message does not say may be any, or may have ended its worker.

    The version that is there by now may be larger than the message says, or have been tried: that is seen before it is read.
    """
    return (
        context.files_at_a_time > 1
        and event.replaces_receipt is None
        and event.size is not None
        and event.size <= context.small_file_bytes
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A message that was taken off the queue, and what it says."""

    held: HeldMessage[ReceivedMessage]
    event: UploadEvent


class _NotInCompanyError(Exception):
    """An upload must be worked on alone."""


class _Guest:
    """One upload's place in the company."""

    def __init__(self, company: _Company, *, may_wait: bool) -> None:
        self._company = company
        self._may_wait = may_wait
        self.held = 0

    def admit(self, size: int, first: bytes) -> bool:
        """Wait for room: what is packed is counted as what it may unpack to."""
        weight = size * _PACKED if is_packed(first) else size
        if weight <= self.held:
            return False
        if weight > self._company.most:
            return self._stand_alone()
        return self._take(weight)

    def expect_alone(self) -> None:
        """Wait for the others, and keep them waiting; one that was taken off the queue comes again for that."""
        self._stand_alone()

    def _stand_alone(self) -> bool:
        if self.held >= self._company.most:
            return False
        if not self._may_wait:
            raise _NotInCompanyError
        self._company.end()
        return self._take(self._company.most)

    def _take(self, weight: int) -> bool:
        self._company.release(self.held)
        self.held = 0
        waited = self._company.reserve(weight)
        self.held = weight
        return waited


class _Company:
    """Small files that are worked on at once; safe to share between threads."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._ends = context.clock.now() + _TAKES_FOR
        self._taking = threading.Lock()
        self._room = threading.Condition()
        self._bytes = 0
        self._is_over = False
        self._odd: _Taken | None = None
        self._begun = 0
        self._threads: list[threading.Thread] = []

    def begin(self) -> None:
        """Look for a first message in another thread; each that is found has the next thread look."""
        self._add_thread()

    def receive(self, event: UploadEvent, *, may_wait: bool = True) -> None:
        """Answer an upload beside the others; one that must be alone waits for that, or raises _NotInCompanyError."""
        guest = _Guest(self, may_wait=may_wait)
        try:
            _receive(self._context, event, guest)
        finally:
            self.release(guest.held)

    @property
    def most(self) -> int:
        """Bytes that are worked on at once."""
        return self._context.small_file_bytes

    def reserve(self, size: int) -> bool:
        """Wait until the budget has room for so many bytes; whether there was none. Who waits has none of it, so it comes."""
        with self._room:
            has_room = self._has_room(size)
            self._room.wait_for(lambda: self._has_room(size))
            self._bytes += size
            return not has_room

    def _has_room(self, size: int) -> bool:
        return not self._bytes or self._bytes + size <= self.most

    def release(self, size: int) -> None:
        """So many bytes are not worked on any more."""
        with self._room:
            self._bytes -= size
            self._room.notify_all()

    def end(self) -> None:
        """Take no further message."""
        self._is_over = True

    def finish(self) -> None:
        """Help the others until they are done, and then answer the one that may have no company."""
        self._work_off()
        while self._threads:
            self._threads.pop().join()  # those that it began meanwhile are in the list by then
        if self._odd is not None:
            _work(self._odd, partial(_receive, self._context))

    def _work_off(self) -> None:
        """Take small messages and answer their uploads until none is left, or it is time to end."""
        while (taken := self._take()) is not None:
            self._add_thread()
            _work(taken, partial(self.receive, may_wait=False))

    def _add_thread(self) -> None:
        with self._room:
            if self._begun >= self._context.files_at_a_time - 1 or self._is_over:
                return
            self._begun += 1
            # A daemon, so that a process which is told to end does not wait: what is left behind comes again.
            thread = threading.Thread(target=self._work_off, name="upload", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # no thread can be had: there are those that there are
                log_failure(_log, "no_message_taken", error)
            else:
                self._threads.append(thread)

    def _take(self) -> _Taken | None:
        """The next small message; None when there is none, or one that ends the company."""
        with self._taking:
            while not self._is_over and self._context.clock.now() < self._ends:
                try:
                    found = self._take_one()
                except (DropzoneError, RuntimeError) as error:  # no thread can be had to hold it: it comes again
                    log_failure(_log, "no_message_taken", error)
                    break
                if found is not None:
                    return found
            self._is_over = True
            return None

    def _take_one(self) -> _Taken | None:
        queue = self._context.drop_events
        message = queue.receive(visibility_seconds=HOLD_SECONDS)
        if message is None:
            self._is_over = True
            return None
        held = HeldMessage(queue, message, lease_seconds=HOLD_SECONDS)
        try:
            event = parse_upload_event(message.body)
        except ValueError:
            event, is_readable = None, False
        else:
            is_readable = True
        if not is_readable or message.dequeue_count > MOST_TRIES:
            self._is_over = True
            held.retry_after(0)  # the host tries it, and moves it to the poison queue
            return None
        if event is None:
            held.complete()  # of another type, as the door finishes it too
            return None
        held.start_renewing()
        taken = _Taken(held=held, event=event)
        if message.dequeue_count > 1 or not _is_small(self._context, event):
            # It is worked on here and not given back: each time that it is received counts as a try.
            self._is_over, self._odd = True, taken
            return None
        return taken


def _work(taken: _Taken, receive: Callable[[UploadEvent], None]) -> None:
    """Answer one upload and end its message."""
    try:
        try:
            receive(taken.event)
        except _NotInCompanyError:
            taken.held.retry_after(0)  # as a second try, it is worked on alone
        except BaseException as error:  # noqa: BLE001 - an engine's panic too: it is this upload's, and the others go on
            customer = customer_of_drop_container(taken.event.container)
            log_failure(_log, "upload_not_received", error, customer=customer, blob=taken.event.name)
            taken.held.retry_after(RETRY_SECONDS)
        else:
            taken.held.complete()
    except DropzoneError as error:
        # It stays hidden until its hold runs out, and comes again: an answered upload is answered as before.
        log_failure(_log, "message_not_ended", error, blob=taken.event.name)
    finally:
        taken.held.stop_renewing()
