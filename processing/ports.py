"""What the jobs need from outside: blobs, queues, Delta tables, time, and somebody to tell of the work.

Every adapter in `processing.storage` implements these protocols and passes the suite in `tests/storage`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, Self

from processing.domain.publications import TableFile, TableSpec
from processing.domain.telemetry_names import Attributes, Metric, SpanName


class BlobKind(StrEnum):
    """The kinds of blob that the service knows; only block blobs are uploads."""

    BLOCK = "block"
    APPEND = "append"
    PAGE = "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInfo:
    """One version of a blob, without its bytes."""

    name: str
    """Name inside the container, exactly as stored."""
    etag: str
    """Version tag without quotes; compared for equality only."""
    size: int
    """Bytes."""
    last_modified: datetime
    """UTC, by the service's clock, in steps of one second."""
    kind: BlobKind = BlobKind.BLOCK
    """Block, append or page blob."""
    content_type: str = ""
    """What the writer says that the bytes are; it never decides how they are read."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Decoded metadata; empty in a listing that did not ask for it."""
    copy_pending: bool = False
    """Whether a server-side copy into this blob is still running."""
    unreadable: str | None = None
    """Why the service will not give us the bytes of this version, as the end of a sentence; None when it will.

    `archive tier`, or `encrypted with the customer's own key`. `head` always tells; a listing may miss the key when its
    answer broke off and came again.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The condition of a write: always, only if absent, or only if still one version."""

    absent: bool = False
    etag: str | None = None

    @classmethod
    def unchanged(cls, etag: str) -> Self:
        """The blob must still have this ETag."""
        return cls(etag=etag)


ARCHIVED: Final = "archive tier"
CUSTOMERS_KEY: Final = "encrypted with the customer's own key"
UNCONDITIONAL: Final = Condition()
IF_ABSENT: Final = Condition(absent=True)


class Lease(Protocol):
    """Exclusive hold on one blob for liveness; it fences nothing (protocol, Claim)."""

    def renew(self) -> bool:
        """Extend the hold by its length; False when someone else has it now."""
        ...

    def release(self) -> None:
        """Give the blob free at once; a lease that was lost already is no error."""
        ...


class BlockUpload(Protocol):
    """A blob that is uploaded block by block and is not there until it is finished."""

    def add(self, data: bytes | Path) -> None:
        """Send the next block."""
        ...

    def finish(self) -> None:
        """Make the blocks the blob, all at once; ConditionNotMet when there is one of that name already."""
        ...


class BlobStore(Protocol):
    """Blobs of one storage account. Strongly consistent: a read or listing sees every finished write.

    Every method may raise LaterError (throttled, down, timed out) and OperatorError (no permission, no such account).
    """

    def head(self, container: str, name: str) -> BlobInfo | None:
        """The present version with its metadata, or None when there is no such blob or container.

        One that is `unreadable` is told like any other, though what a key of the customer's own hides of it is left out.
        """
        ...

    def peek(self, container: str, name: str, *, length: int) -> tuple[BlobInfo, bytes] | None:
        """The same as `head`, with the first `length` bytes of that version, all of a smaller one.

        None of them of a version that is empty, or that the service reads to nobody as it is.
        """
        ...

    def get(self, container: str, name: str) -> tuple[bytes, BlobInfo] | None:
        """All bytes of one version of a small blob and that version with its metadata, or None."""
        ...

    def get_range(self, container: str, name: str, *, etag: str, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length) of the version `etag`, fewer at its end; ConditionNotMet when the version is gone."""
        ...

    def put(
        self,
        container: str,
        name: str,
        data: bytes | Path,
        *,
        when: Condition = UNCONDITIONAL,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write the blob in one atomic step and return its ETag; ConditionNotMet when `when` does not hold.

        `data` is bytes or a file. `metadata` values may be any text; keys are lower-case identifiers.
        """
        ...

    def start_block_upload(self, container: str, name: str) -> BlockUpload:
        """Begin a new blob of which not all is known yet; until it is finished nothing is stored under its name."""
        ...

    def delete(self, container: str, name: str, *, when: Condition = UNCONDITIONAL) -> None:
        """Remove the blob, gone already is no error; ConditionNotMet when it is another version than `when` says.

        LeasedError while somebody holds a lease on it.
        """
        ...

    def list_blobs(self, container: str, prefix: str = "", *, start: str = "", metadata: bool = False) -> Iterator[BlobInfo]:
        """Blobs whose names start with `prefix`, from the name `start` on, in the service's order.

        The order is that of ASCII text; how letters beyond U+FFFF rank among others is the service's affair. Directories,
        which an account with a hierarchical namespace lists as well, are no blobs and left out. Such an account keeps them when
        the last blob below them goes, and has an order of its own: nothing there may go by `start` or by order.

        OperatorError when there is no such container, for what is gone must not be taken for empty, and when the service cannot
        list it (an unprintable name in it, no permission).
        """
        ...

    def list_containers(self, prefix: str = "") -> Iterator[str]:
        """Names of containers that start with `prefix`, in order."""
        ...

    def create_container(self, container: str) -> None:
        """Make the container; one that is there already is no error."""
        ...

    def service_time(self) -> datetime:
        """The service's own clock, UTC, in steps of one second."""
        ...

    def lease(self, container: str, name: str, *, seconds: int) -> Lease | None:
        """Lease an existing blob for 15 to 60 seconds; None while someone else holds it."""
        ...

    def break_lease(self, container: str, name: str) -> None:
        """End at once whatever lease somebody holds on the blob; none, or no such blob, is no error."""
        ...


class AppendBlobs(Protocol):
    """Append blobs of one storage account, which one writer each makes longer (protocol, Journal).

    What was written is read and deleted through the account's BlobStore. Every method may raise LaterError and OperatorError.
    """

    def create(self, container: str, name: str) -> str:
        """Begin an empty blob and return its ETag; ConditionNotMet when there is one of that name."""
        ...

    def append(self, container: str, name: str, data: bytes, *, at: int, etag: str) -> str:
        """Add bytes at position `at` to the version `etag`, in one atomic step, and return the new ETag.

        ConditionNotMet when it is another version or length, or is not there. So it is, too, when the request was sent twice
        because its answer was lost: whoever must know seals the blob and looks how long it is.
        """
        ...

    def seal(self, container: str, name: str) -> bool:
        """Make it another version, so that its writer's next append fails, marked as `sealed`; False when it is not there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """One message that is ours until it is visible again."""

    id: str
    body: bytes
    """Exactly as stored, UTF-8."""
    dequeue_count: int
    """How often it was received, this time included."""
    pop_receipt: str
    """What proves that it is ours to change; every change gives a new one."""
    inserted_at: datetime | None = None
    expires_at: datetime | None = None
    next_visible_at: datetime | None = None


class Queue(Protocol):
    """A queue that work is put on. The Functions host takes it off, and a function of small files takes more of them."""

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        """Add a message, visible after `delay_seconds`."""
        ...

    def receive(self, *, visibility_seconds: int) -> ReceivedMessage | None:
        """The next visible message, hidden from others for `visibility_seconds`; None when there is none."""
        ...

    def extend(self, message: ReceivedMessage, *, visibility_seconds: int) -> ReceivedMessage:
        """Hide the message for so long from now; the answer replaces `message`. LaterError when it is not ours any more."""
        ...

    def delete(self, message: ReceivedMessage) -> None:
        """Remove the message for good; one that is gone already is no error."""
        ...

    def length(self) -> int:
        """How many messages the queue holds, hidden ones too; about."""
        ...

    def waiting_since(self) -> datetime | None:
        """When the next visible message was put on the queue, mostly the oldest; None when nothing waits.

        One that came back after a failed try is as old as when it was first sent.
        """
        ...


class Table(Protocol):
    """One open Delta table: reads and commits through it see the same version (protocol, Process day 5)."""

    def refresh(self) -> None:
        """Move to the latest version, for less than opening the table again costs."""
        ...

    def seq_of(self, app: str) -> int:
        """The highest publication of `app` that this version of the table holds; 0 for none."""
        ...

    def replace(self, files: Sequence[TableFile], *, partition: Mapping[str, str], app: str, seq: int) -> int:
        """Commit `files` as the whole of one partition and return the table's new version.

        No file clears the partition. ConditionNotMet when another commit touched what this handle read.
        """
        ...

    def version(self) -> int:
        """The version that this handle sees."""
        ...

    def changed_layout(self) -> str | None:
        """How columns or partitions differ from those of its specification, in words; None where they do not."""
        ...

    def foreign_commit(self) -> str | None:
        """The last commit by which another program changed what the table shows; None where all of it is ours."""
        ...

    def partitioned_by(self) -> tuple[str, ...]:
        """The columns that the table is partitioned by: as it was made, whatever a newer program makes."""
        ...

    def files_of(self, partition: Mapping[str, str]) -> Sequence[str]:
        """The files that this version shows of one partition, as paths below the table's folder."""
        ...

    def unused_files(self, keep: timedelta) -> Sequence[str]:
        """Files below the table's folder that are older than `keep` and that no version of that time shows."""
        ...


class Tables(Protocol):
    """The Delta tables of all customers, one folder a table in the container `results-<customer>`."""

    def has(self, container: str, name: str) -> bool:
        """Whether there is a table of this name, told by one listing and without opening it."""
        ...

    def open(self, container: str, spec: TableSpec) -> Table:
        """A fresh handle on the latest version; the table is created when it is not there."""
        ...

    def find(self, container: str, spec: TableSpec) -> Table | None:
        """A fresh handle on the latest version, None when there is no such table."""
        ...


class Clock(Protocol):
    """The host's time, for logs and for the times printed in documents; it decides nothing about data."""

    def now(self) -> datetime:
        """The present, in UTC."""
        ...


class Telemetry(Protocol):
    """Who is told how long work took and how much of it there was; nothing is decided by it, and it never raises."""

    def span(self, name: SpanName, attributes: Attributes, *, links: Iterable[str | None] = ()) -> AbstractContextManager[None]:
        """Measure what is done inside, as a part of the span that is open in this thread; an error passes and is told.

        `links` are identities of the spans that this work comes from, as `traceparent` gave them.
        """
        ...

    def set_attributes(self, attributes: Attributes) -> None:
        """Add attributes to the open span."""
        ...

    def link(self, links: Iterable[str | None]) -> None:
        """Add links to the open span; the first 100 different ones are kept, None is left out."""
        ...

    def traceparent(self) -> str | None:
        """The identity of the open span, as W3C's `traceparent` writes it; None when nothing is told."""
        ...

    def measure(self, metric: Metric, value: float, attributes: Attributes) -> None:
        """Give one value, in the metric's unit."""
        ...


class NoTelemetry:
    """Telemetry that is switched off."""

    def span(self, name: SpanName, attributes: Attributes, *, links: Iterable[str | None] = ()) -> AbstractContextManager[None]:  # noqa: ARG002
        """Measures nothing."""
        return nullcontext()

    def set_attributes(self, attributes: Attributes) -> None:
        """Keeps nothing."""

    def link(self, links: Iterable[str | None]) -> None:
        """Keeps nothing."""

    def traceparent(self) -> str | None:
        """None."""
        return None

    def measure(self, metric: Metric, value: float, attributes: Attributes) -> None:
        """Keeps nothing."""
