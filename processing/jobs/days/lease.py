"""Holds the lease of a stream while its worker runs; for liveness alone, it fences nothing (protocol, Claim)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet, DropzoneError
from processing.domain.streams import Stream
from processing.ports import IF_ABSENT, BlobStore, Lease

_SECONDS: Final = 60
_RENEW_EVERY: Final = 20.0

_log = structlog.get_logger()


@contextmanager
def stream_lease(lake: BlobStore, stream: Stream) -> Iterator[bool]:
    """Whether the stream is ours to work on; renewed by a thread of its own until the end of the block."""
    name = blob_names.lease_name(stream)
    with suppress(ConditionNotMet):  # it is there already
        lake.put(blob_names.STATE_CONTAINER, name, b"", when=IF_ABSENT)
    lease = lake.lease(blob_names.STATE_CONTAINER, name, seconds=_SECONDS)
    if lease is None:
        yield False
        return
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lease, done), name="stream-lease", daemon=True)
    renewal.start()
    try:
        yield True
    finally:
        done.set()
        renewal.join()
        lease.release()


def _renew(lease: Lease, done: threading.Event) -> None:
    while not done.wait(_RENEW_EVERY):
        try:
            if not lease.renew():
                return  # somebody else has it: two workers are slow, not wrong
        except DropzoneError as error:
            _log.warning("lease_not_renewed", error=str(error))
