"""Blobs, queues and tables in this process's memory, for tests; they pass the suite that Azure's pass."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

from processing.domain.blob_names import is_listable
from processing.domain.errors import ConditionNotMet, LaterError, LeasedError, OperatorError
from processing.domain.publications import TableFile, TableSpec
from processing.ports import ARCHIVED, IF_ABSENT, UNCONDITIONAL, BlobInfo, Condition, ReceivedMessage
from processing.storage.append_blobs import SEALED
from processing.storage.blob_rules import content_type, refuse_unaddressable

_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class ServiceTime:
    """A clock that stands still until it is told to go on; safe to read from any thread."""

    now: datetime = _EPOCH

    def __call__(self) -> datetime:
        """The present."""
        return self.now

    def advance(self, by: timedelta) -> None:
        """Let time pass; a negative span moves the clock back."""
        self.now += by


@dataclass(frozen=True, slots=True)
class _Blob:
    data: bytes
    info: BlobInfo


@dataclass(frozen=True, slots=True)
class _Hold:
    id: str
    until: datetime


class InMemoryBlobStore:
    """One account. Conditions, ETags, leases and one-second times are the service's; its clock is given."""

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self._clock = clock or (lambda: datetime.now(UTC))
        self.lock = threading.RLock()
        self._containers: dict[str, dict[str, _Blob]] = {}
        self._holds: dict[tuple[str, str], _Hold] = {}
        self._etags = count(1)

    def become(self, other: InMemoryBlobStore) -> None:
        """Hold what another one holds, from now on apart from it."""
        with other.lock:
            self._containers = {container: dict(blobs) for container, blobs in other._containers.items()}
            self._holds = dict(other._holds)
            self._etags = count(next(other._etags))

    def head(self, container: str, name: str) -> BlobInfo | None:
        """The present version with its metadata, or None when there is no such blob or container."""
        found = self._find(container, name)
        return None if found is None else found.info

    def peek(self, container: str, name: str, *, length: int) -> tuple[BlobInfo, bytes] | None:
        """The same as `head`, with the first bytes of that version; none of one that is unreadable."""
        found = self._find(container, name)
        if found is None:
            return None
        return found.info, b"" if found.info.unreadable is not None else found.data[:length]

    def get(self, container: str, name: str) -> tuple[bytes, BlobInfo] | None:
        """All bytes of one version of a small blob and that version with its metadata, or None."""
        found = self._find(container, name)
        if found is not None:
            self._refuse_unreadable(container, found.info)
        return None if found is None else (found.data, found.info)

    def get_range(self, container: str, name: str, *, etag: str, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length) of the version `etag`, fewer at its end; ConditionNotMet when the version is gone."""
        found = self._find(container, name)
        if found is None or found.info.etag != etag:
            raise ConditionNotMet(container, name)
        self._refuse_unreadable(container, found.info)
        return found.data[offset : offset + max(length, 0)]

    def put(
        self,
        container: str,
        name: str,
        data: bytes | Path,
        *,
        when: Condition = UNCONDITIONAL,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write the blob in one atomic step and return its ETag; ConditionNotMet when `when` does not hold."""
        refuse_unaddressable(container, name)
        content = data if isinstance(data, bytes) else data.read_bytes()
        with self.lock:
            blobs = self._containers.get(container)
            if blobs is None:
                raise OperatorError(f"cannot write {container}/{name}: there is no such container")
            present = blobs.get(name)
            if (when.absent and present) or (when.etag and (present is None or present.info.etag != when.etag)):
                raise ConditionNotMet(container, name)
            self._refuse_leased(container, name)
            if present is not None and present.info.unreadable == ARCHIVED:
                raise OperatorError(f"cannot write {container}/{name}: storage answered 409 ({ARCHIVED})")
            info = BlobInfo(
                name=name,
                etag=f"0x{next(self._etags):X}",
                size=len(content),
                last_modified=self.service_time(),
                content_type=content_type(name),
                metadata=dict(metadata or {}),
            )
            blobs[name] = _Blob(content, info)
            return info.etag

    def start_block_upload(self, container: str, name: str) -> InMemoryBlockUpload:
        """Begin a new blob of which not all is known yet; until it is finished nothing is stored under its name."""
        refuse_unaddressable(container, name)
        return InMemoryBlockUpload(self, container, name)

    def delete(self, container: str, name: str, *, when: Condition = UNCONDITIONAL) -> None:
        """Remove the blob, gone already is no error; ConditionNotMet when it is another version than `when` says."""
        with self.lock:
            found = self._find(container, name)
            if found is not None:
                if when.etag is not None and when.etag != found.info.etag:
                    raise ConditionNotMet(container, name)
                self._refuse_leased(container, name)
                del self._containers[container][name]
                self._holds.pop((container, name), None)

    def list_blobs(self, container: str, prefix: str = "", *, start: str = "", metadata: bool = False) -> Iterator[BlobInfo]:
        """Blobs whose names start with `prefix`, from `start` on; OperatorError without the container."""
        with self.lock:
            blobs = self._containers.get(container)
            if blobs is None:
                raise OperatorError(f"there is no container {container}: restore it, or add its customer again")
            found = [blob.info for blob in blobs.values() if blob.info.name.startswith(prefix)]
            found = [info for info in found if _order(info.name) >= _order(start)]
        if not all(is_listable(info.name) for info in found):
            raise OperatorError(f"{container} cannot be listed: look for a blob with an unprintable name")
        for info in sorted(found, key=lambda info: _order(info.name)):
            yield info if metadata else replace(info, metadata={})

    def list_containers(self, prefix: str = "") -> Iterator[str]:
        """Names of containers that start with `prefix`, in order."""
        with self.lock:
            names = sorted(self._containers)
        yield from (name for name in names if name.startswith(prefix))

    def create_container(self, container: str) -> None:
        """Make the container; one that is there already is no error."""
        with self.lock:
            self._containers.setdefault(container, {})

    def service_time(self) -> datetime:
        """The service's own clock, UTC, in steps of one second."""
        return self._clock().astimezone(UTC).replace(microsecond=0)

    def lease(self, container: str, name: str, *, seconds: int) -> InMemoryLease | None:
        """Lease an existing blob for 15 to 60 seconds; None while someone else holds it."""
        with self.lock:
            if self._find(container, name) is None:
                raise OperatorError(f"cannot lease {container}/{name}: there is no such blob")
            if self._is_leased(container, name):
                return None
            hold = _Hold(secrets.token_hex(8), self._clock() + timedelta(seconds=seconds))
            self._holds[container, name] = hold
            return InMemoryLease(self, (container, name), hold.id, timedelta(seconds=seconds))

    def break_lease(self, container: str, name: str) -> None:
        """End at once whatever lease somebody holds on the blob; none, or no such blob, is no error."""
        refuse_unaddressable(container, name)
        with self.lock:
            self._holds.pop((container, name), None)

    def make_unreadable(self, container: str, name: str, why: str | None) -> None:
        """From now on the service refuses to give this version of a blob, and tells `why` with it; None gives it again."""
        with self.lock:
            blob = self._containers[container][name]
            self._containers[container][name] = replace(blob, info=replace(blob.info, unreadable=why))

    def set_content_type(self, container: str, name: str, content_type: str) -> None:
        """What a client says that the bytes of this version are."""
        with self.lock:
            blob = self._containers[container][name]
            self._containers[container][name] = replace(blob, info=replace(blob.info, content_type=content_type))

    def extend_hold(self, blob: tuple[str, str], lease: str, by: timedelta) -> bool:
        """Move the end of a lease; False when the blob is not leased by it."""
        with self.lock:
            hold = self._holds.get(blob)
            # A lease that has run out can be had back as long as nobody else came.
            if hold is None or hold.id != lease:
                return False
            self._holds[blob] = _Hold(lease, self._clock() + by)
            return True

    def drop_hold(self, blob: tuple[str, str], lease: str) -> None:
        """End a lease, if it is still the blob's."""
        with self.lock:
            hold = self._holds.get(blob)
            if hold is not None and hold.id == lease:
                del self._holds[blob]

    def _find(self, container: str, name: str) -> _Blob | None:
        refuse_unaddressable(container, name)
        with self.lock:
            return self._containers.get(container, {}).get(name)

    def _is_leased(self, container: str, name: str) -> bool:
        hold = self._holds.get((container, name))
        return hold is not None and self._clock() < hold.until

    def _refuse_leased(self, container: str, name: str) -> None:
        if self._is_leased(container, name):
            raise LeasedError(f"cannot change {container}/{name} now: it is leased")

    @staticmethod
    def _refuse_unreadable(container: str, info: BlobInfo) -> None:
        if info.unreadable is not None:
            raise OperatorError(f"cannot read {container}/{info.name}: storage answered 409 ({info.unreadable})")


class InMemoryBlockUpload:
    """Blocks on their way to become one blob."""

    def __init__(self, store: InMemoryBlobStore, container: str, name: str) -> None:
        self._store = store
        self._container = container
        self._name = name
        self._blocks: list[bytes] = []

    def add(self, data: bytes | Path) -> None:
        """Keep the next block."""
        self._blocks.append(data if isinstance(data, bytes) else data.read_bytes())

    def finish(self) -> None:
        """Make the blocks the blob; ConditionNotMet when there is one of that name already."""
        self._store.put(self._container, self._name, b"".join(self._blocks), when=IF_ABSENT)


class InMemoryAppendBlobs:
    """Append blobs of an account in memory."""

    def __init__(self, store: InMemoryBlobStore) -> None:
        self._store = store

    def create(self, container: str, name: str) -> str:
        """Begin an empty blob; ConditionNotMet when there is one of that name."""
        return self._store.put(container, name, b"", when=IF_ABSENT)

    def append(self, container: str, name: str, data: bytes, *, at: int, etag: str) -> str:
        """Add bytes at a position to a version; ConditionNotMet when either is another one."""
        with self._store.lock:
            found = self._store.get(container, name)
            if found is None or found[1].size != at:
                raise ConditionNotMet(container, name)
            before, info = found
            return self._store.put(container, name, before + data, when=Condition.unchanged(etag), metadata=info.metadata)

    def seal(self, container: str, name: str) -> bool:
        """Make it another version, marked as sealed; False when it is not there."""
        with self._store.lock:
            found = self._store.get(container, name)
            if found is None:
                return False
            self._store.put(container, name, found[0], metadata={SEALED: "1"})
            return True


class InMemoryLease:
    """A lease that was given."""

    def __init__(self, store: InMemoryBlobStore, blob: tuple[str, str], lease: str, length: timedelta) -> None:
        self._store = store
        self._blob = blob
        self._id = lease
        self._length = length

    def renew(self) -> bool:
        """Extend the hold by its length; False when someone else has it now."""
        return self._store.extend_hold(self._blob, self._id, self._length)

    def release(self) -> None:
        """Give the blob free at once; a lease that was lost already is no error."""
        self._store.drop_hold(self._blob, self._id)


@dataclass(frozen=True, slots=True)
class _Queued:
    body: str
    delay: int
    sent: datetime
    visible: datetime
    dequeue_count: int = 0


class InMemoryQueue:
    """What was sent, oldest first; a delayed message is not visible yet, and is taken all the same."""

    def __init__(self, time: Callable[[], datetime] | None = None) -> None:
        self._time = time or (lambda: datetime.now(UTC))
        self._messages: deque[_Queued] = deque()
        self._held: dict[str, _Queued] = {}
        self._ids = count()
        self._lock = threading.Lock()

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        """Add a message."""
        now = self._time()
        self._messages.append(_Queued(body, delay_seconds, now, now + timedelta(seconds=delay_seconds)))

    def receive(self, *, visibility_seconds: int) -> ReceivedMessage | None:  # noqa: ARG002 - a held one is seen by nobody
        """Hold the oldest visible message, until it is deleted or given back."""
        with self._lock:
            now = self._time()
            found = next((each for each in self._messages if each.visible <= now), None)
            if found is None:
                return None
            self._messages.remove(found)
            found = replace(found, dequeue_count=found.dequeue_count + 1)
            message = ReceivedMessage(
                id=str(next(self._ids)), body=found.body.encode(), dequeue_count=found.dequeue_count, pop_receipt=""
            )
            self._held[message.id] = found
            return message

    def extend(self, message: ReceivedMessage, *, visibility_seconds: int) -> ReceivedMessage:
        """Give the message back, to be visible then."""
        with self._lock:
            if message.id not in self._held:
                raise LaterError(f"message {message.id} is not ours any more")
            visible = self._time() + timedelta(seconds=visibility_seconds)
            self._messages.append(replace(self._held.pop(message.id), delay=visibility_seconds, visible=visible))
        return message

    def delete(self, message: ReceivedMessage) -> None:
        """Remove the message for good."""
        with self._lock:
            self._held.pop(message.id, None)

    def held(self) -> tuple[str, ...]:
        """What was received, and neither deleted nor given back."""
        return tuple(each.body for each in self._held.values())

    def length(self) -> int:
        """How many messages the queue holds."""
        return len(self._messages) + len(self._held)

    def waiting_since(self) -> datetime | None:
        """When the oldest visible message was sent; None when there is none."""
        now = self._time()
        return next((each.sent for each in self._messages if each.visible <= now), None)

    def take(self) -> str | None:
        """Remove the oldest message and return it; None when there is none."""
        try:
            return self._messages.popleft().body
        except IndexError:
            return None

    def sent(self) -> tuple[tuple[str, int], ...]:
        """What has not been taken, each with its delay in seconds."""
        return tuple((each.body, each.delay) for each in self._messages)


_Partition = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Version:
    files: Mapping[_Partition, tuple[TableFile, ...]] = field(default_factory=dict)
    seqs: Mapping[str, int] = field(default_factory=dict)
    # What the commit that made this version did.
    app: str | None = None
    partition: _Partition = frozenset()
    removed: bool = False


class InMemoryTables:
    """Tables as logs of versions; the files stay where they were put."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: dict[tuple[str, str], list[_Version]] = {}
        self._layouts: dict[tuple[str, str], tuple[str, ...]] = {}

    def become(self, other: InMemoryTables) -> None:
        """Have the tables of another one, from now on apart from it."""
        with other._lock:
            self._logs = {name: list(log) for name, log in other._logs.items()}
            self._layouts = dict(other._layouts)

    def open(self, container: str, spec: TableSpec) -> InMemoryTable:
        """A fresh handle on the latest version; the table is made, without rows, where there is none."""
        with self._lock:
            log = self._logs.setdefault((container, spec.name), [_Version()])
            layout = self._layouts.setdefault((container, spec.name), spec.partition_by)
            return InMemoryTable(log, self._lock, f"{container}/{spec.name}", layout)

    def has(self, container: str, name: str) -> bool:
        """Whether there is a table of this name."""
        with self._lock:
            return (container, name) in self._logs

    def find(self, container: str, spec: TableSpec) -> InMemoryTable | None:
        """A fresh handle on the latest version, None when there is no such table."""
        with self._lock:
            log = self._logs.get((container, spec.name))
            layout = self._layouts.get((container, spec.name), spec.partition_by)
            return None if log is None else InMemoryTable(log, self._lock, f"{container}/{spec.name}", layout)

    def files(self, container: str, table: str, version: int | None = None) -> tuple[TableFile, ...]:
        """The files of one version, the latest when none is named; none for a table that was never opened."""
        with self._lock:
            log = self._logs.get((container, table), [_Version()])
            state = log[-1 if version is None else version]
        return tuple(file for files in state.files.values() for file in files)


class InMemoryTable:
    """A handle on one version, which moves with its own commits alone."""

    def __init__(self, log: list[_Version], lock: threading.Lock, what: str, layout: tuple[str, ...]) -> None:
        self._log = log
        self._lock = lock
        self._what = what
        self._layout = layout
        self._version = len(log) - 1

    def refresh(self) -> None:
        """Move to the latest version."""
        with self._lock:
            self._version = len(self._log) - 1

    def seq_of(self, app: str) -> int:
        """The highest publication of `app` that this version of the table holds; 0 for none."""
        return self._log[self._version].seqs.get(app, 0)

    def version(self) -> int:
        """The version that this handle sees."""
        return self._version

    def changed_layout(self) -> str | None:
        """None: nobody else writes here."""
        return None

    def foreign_commit(self) -> str | None:
        """None: nobody else writes here."""
        return None

    def partitioned_by(self) -> tuple[str, ...]:
        """The columns that the table is partitioned by, as it was made."""
        return self._layout

    def files_of(self, partition: Mapping[str, str]) -> Sequence[str]:
        """The files that this version shows of one partition, as paths below the table's folder."""
        return sorted(file.path for file in self._log[self._version].files.get(frozenset(partition.items()), ()))

    def unused_files(self, keep: timedelta) -> Sequence[str]:  # noqa: ARG002
        """Files that only older versions show, whatever their age: this table keeps no times, and hides no mistake."""
        with self._lock:
            shown = [{file.path for files in version.files.values() for file in files} for version in self._log]
        return sorted(set().union(*shown) - shown[-1])

    def replace(self, files: Sequence[TableFile], *, partition: Mapping[str, str], app: str, seq: int) -> int:
        """Commit `files` as the whole of one partition and return the table's new version.

        No file clears the partition. ConditionNotMet when another commit touched what this handle read.
        """
        key: _Partition = frozenset(partition.items())
        with self._lock:
            # As delta-rs does: a commit that only added elsewhere is no conflict, one that removed anything is.
            for later in self._log[self._version + 1 :]:
                if later.removed or later.app == app or later.partition == key:
                    container, _, table = self._what.partition("/")
                    raise ConditionNotMet(container, table)
            latest = self._log[-1]
            kept = {each: present for each, present in latest.files.items() if each != key}
            made = _Version(
                files={**kept, key: tuple(files)} if files else kept,
                seqs={**latest.seqs, app: seq},
                app=app,
                partition=key,
                removed=key in latest.files,
            )
            self._log.append(made)
            self._version = len(self._log) - 1
            return self._version


def _order(name: str) -> bytes:
    # The emulator compares UTF-16 units, which differs from code points beyond U+FFFF.
    return name.encode("utf-16-be")
