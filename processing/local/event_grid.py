"""Stands in for Event Grid: announces every new or changed upload on the queue, by listing again and again.

Uploads are told apart by name and ETag, so each is announced once for as long as this process lives. What is there at its
start is announced as well: a process that was killed may have died between an upload and its announcement, and a
second announcement changes nothing. Two differences from Azure remain. A change of metadata alone moves the ETag and is
announced, because a listing cannot tell it from a write; and of several writes between two listings only the last one is.
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import Final, Self

import structlog

from processing.domain.blob_names import DROP_PREFIX
from processing.domain.errors import LaterError, OperatorError
from processing.local.loop import Loop
from processing.local.messages import LOCAL_ACCOUNT, LOCAL_ENDPOINT, BlobCreated, message_body
from processing.ports import BlobInfo, BlobKind, BlobStore, Queue

log = structlog.get_logger()

_BLOB_TYPES: Final = {BlobKind.BLOCK: "BlockBlob", BlobKind.APPEND: "AppendBlob", BlobKind.PAGE: "PageBlob"}
_LONGEST_PAUSE: Final = 10.0
_PAUSE_AFTER_REFUSAL: Final = 60.0


class EventGridEmulator:
    """Watches the drop containers of one account from a thread of its own."""

    def __init__(
        self,
        blobs: BlobStore,
        queue: Queue,
        *,
        interval_seconds: float = 0.5,
        announce_existing: bool = True,
        account: str = LOCAL_ACCOUNT,
        endpoint: str = LOCAL_ENDPOINT,
    ) -> None:
        self._blobs = blobs
        self._queue = queue
        self._interval = interval_seconds
        self._announce_existing = announce_existing
        self._account = account
        self._endpoint = endpoint
        self._seen: dict[str, dict[str, str]] = {}
        self._troubled: dict[str, float] = {}
        self._in_trouble = False
        self._numbers = itertools.count()
        self._loop = Loop("event-grid", self._once)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to watch; what is uploaded after this call is announced in any case."""
        if not self._announce_existing:
            self._look(self._loop.stopping, announce=False)
        self._loop.start()

    def stop(self, *, within_seconds: float = 5.0) -> None:
        """Announce nothing further."""
        self._loop.stop()
        self._loop.join(within_seconds)

    def _once(self, stop: threading.Event) -> None:
        began = time.monotonic()
        try:
            self._look(stop, announce=True)
        except (LaterError, OperatorError) as error:
            if not self._in_trouble:
                log.warning("event_grid_in_trouble", error=str(error))
            self._in_trouble = True
        else:
            self._in_trouble = False
        # A listing of many blobs takes its time; at most half of it is spent on listing.
        stop.wait(min(max(self._interval, time.monotonic() - began), _LONGEST_PAUSE))

    def _look(self, stop: threading.Event, *, announce: bool) -> None:
        containers = list(self._blobs.list_containers(DROP_PREFIX))
        for gone in self._seen.keys() - set(containers):
            del self._seen[gone]
        for container in containers:
            if time.monotonic() < self._troubled.get(container, 0.0):
                continue
            try:
                self._look_into(container, stop, announce=announce)
            except (LaterError, OperatorError) as error:
                if container not in self._troubled:
                    log.warning("container_skipped", container=container, error=str(error))
                # The client may have tried for seconds: not again at every turn, for the sake of the other containers.
                self._troubled[container] = time.monotonic() + (
                    _PAUSE_AFTER_REFUSAL if isinstance(error, OperatorError) else 0.0
                )
            else:
                self._troubled.pop(container, None)

    def _look_into(self, container: str, stop: threading.Event, *, announce: bool) -> None:
        seen = self._seen.setdefault(container, {})
        present: dict[str, str] = {}
        for blob in self._blobs.list_blobs(container):
            if stop.is_set():
                return
            if blob.copy_pending:
                continue
            if announce and _is_news(blob, seen):
                self._queue.send(message_body(self._event(container, blob).event_grid()))
            # Only now: what could not be sent is news again next time.
            seen[blob.name] = present[blob.name] = blob.etag
        self._seen[container] = present

    def _event(self, container: str, blob: BlobInfo) -> BlobCreated:
        return BlobCreated(
            container=container,
            name=blob.name,
            etag=blob.etag,
            size=blob.size,
            at=blob.last_modified,
            sequencer=f"{int(blob.last_modified.timestamp()):032X}{next(self._numbers):016x}",
            blob_type=_BLOB_TYPES[blob.kind],
            account=self._account,
            endpoint=self._endpoint,
        )


def _is_news(blob: BlobInfo, seen: dict[str, str]) -> bool:
    if blob.kind is not BlobKind.BLOCK:
        # Event Grid tells that such a blob was created, not that something was appended to it.
        return blob.name not in seen
    return seen.get(blob.name) != blob.etag
