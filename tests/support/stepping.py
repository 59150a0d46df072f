"""Runs of jobs whose every storage call waits for permission, so that a test chooses how racing workers interleave."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Final, TypeVar

from processing.domain.errors import LaterError
from processing.domain.publications import TableFile, TableSpec
from processing.ports import UNCONDITIONAL, AppendBlobs, BlobInfo, BlobStore, BlockUpload, Condition, Lease, Table, Tables

T = TypeVar("T")
WHOLE: Final = 5_000
"""Blobs in a page of the service's."""


class CallOutcome(StrEnum):
    """What becomes of a storage call."""

    DONE = "done"
    RESENT = "resent"
    """Done, the answer lost, and sent once more as the SDK does: the caller gets the second answer."""
    REFUSED = "refused"
    """Not done; the caller is told to come later."""
    UNKNOWN = "unknown"
    """Done, and the caller is told to come later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A storage call that waits."""

    method: str
    container: str
    name: str
    page: int = 1
    """Of a listing, which of its pages."""


class _Crash(BaseException):
    """Ends the thread of an abandoned run; no handler of ours takes it for an error."""


class Run:
    """One piece of work in a thread of its own, which moves only inside `step`."""

    def __init__(self, work: Callable[[Run], object]) -> None:
        self.waiting: Call | None = None
        """The call that the next step lets through; None once the run has ended."""
        self.result: object = None
        self.error: BaseException | None = None
        self.refused: Exception | None = None
        """What the last call raised of itself, by no outcome of ours."""
        self.page: tuple[BlobInfo, ...] | None = None
        """What the last call listed."""
        self.leases: list[Lease] = []
        """Those that were given to the work, which a thread of the job's own would renew."""
        self._outcome: CallOutcome | None = CallOutcome.DONE
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._work, args=(work,), daemon=True)
        self._thread.start()
        self._stopped.acquire()

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.waiting is None

    def step(self, outcome: CallOutcome = CallOutcome.DONE) -> None:
        """Let the waiting call through, and the work go on until its next call or its end."""
        self._move(outcome)

    def finish(self) -> None:
        """Let everything through."""
        while not self.ended:
            self._move(CallOutcome.DONE)

    def abandon(self) -> None:
        """The process dies here: the waiting call and all that would follow never happen."""
        while not self.ended:
            self._move(None)

    def through(self, call: Call, act: Callable[[], T]) -> T:
        """Wait for permission, then do the call as the test decided."""
        self.waiting = call
        self._stopped.release()
        self._go.acquire()
        self.waiting = None
        if self._outcome is None:
            raise _Crash
        if self._outcome is CallOutcome.REFUSED:
            raise LaterError(f"cannot {call.method} {call.container}/{call.name} now")
        try:
            result = act()
            result = act() if self._outcome is CallOutcome.RESENT else result
        except Exception as error:
            self.refused = error
            raise
        if self._outcome is CallOutcome.UNKNOWN:
            raise LaterError(f"no answer to {call.method} {call.container}/{call.name}")
        return result

    def _move(self, outcome: CallOutcome | None) -> None:
        assert not self.ended
        self.refused, self.page = None, None
        self._outcome = outcome
        self._go.release()
        self._stopped.acquire()

    def _work(self, work: Callable[[Run], object]) -> None:
        try:
            self.result = work(self)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = None if isinstance(error, _Crash) else error
        finally:
            self.waiting = None
            self._stopped.release()


class SteppedStore:
    """A store of which every call waits for the run's permission; listings come in pages, each a call of its own."""

    def __init__(self, store: BlobStore, run: Run, page: int = WHOLE) -> None:
        self.store = store
        self.run = run
        self.page = page
        """Blobs in a page of a listing."""

    def head(self, container: str, name: str) -> BlobInfo | None:
        return self._through("head", container, name, lambda: self.store.head(container, name))

    def peek(self, container: str, name: str, *, length: int) -> tuple[BlobInfo, bytes] | None:
        return self._through("head", container, name, lambda: self.store.peek(container, name, length=length))

    def get(self, container: str, name: str) -> tuple[bytes, BlobInfo] | None:
        return self._through("get", container, name, lambda: self.store.get(container, name))

    def get_range(self, container: str, name: str, *, etag: str, offset: int, length: int) -> bytes:
        return self._through(
            "get_range",
            container,
            name,
            lambda: self.store.get_range(container, name, etag=etag, offset=offset, length=length),
        )

    def put(
        self,
        container: str,
        name: str,
        data: bytes | Path,
        *,
        when: Condition = UNCONDITIONAL,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        return self._through(
            "put", container, name, lambda: self.store.put(container, name, data, when=when, metadata=metadata)
        )

    def start_block_upload(self, container: str, name: str) -> SteppedBlockUpload:
        return SteppedBlockUpload(self.store.start_block_upload(container, name), self.run, container, name)

    def delete(self, container: str, name: str, *, when: Condition = UNCONDITIONAL) -> None:
        self._through("delete", container, name, lambda: self.store.delete(container, name, when=when))

    def list_blobs(self, container: str, prefix: str = "", *, start: str = "", metadata: bool = False) -> Iterator[BlobInfo]:
        # A page shows what is there when it is asked for, behind the last name of the page before.
        last: str | None = None
        for number in count(1):

            def listed(last: str | None = last) -> list[BlobInfo]:
                infos = list(self.store.list_blobs(container, prefix, start=start, metadata=metadata))
                return [info for info in infos if last is None or _order(info.name) > _order(last)]

            call = Call(method="list", container=container, name=prefix, page=number)
            found = self.run.through(call, listed)
            self.run.page = tuple(found[: self.page])
            yield from self.run.page
            if len(found) <= self.page:
                return
            last = found[self.page - 1].name

    def list_containers(self, prefix: str = "") -> Iterator[str]:
        return iter(self._through("list_containers", prefix, "", lambda: list(self.store.list_containers(prefix))))

    def create_container(self, container: str) -> None:
        self._through("create", container, "", lambda: self.store.create_container(container))

    def service_time(self) -> datetime:
        return self._through("service_time", "", "", self.store.service_time)

    def lease(self, container: str, name: str, *, seconds: int) -> Lease | None:
        lease = self._through("lease", container, name, lambda: self.store.lease(container, name, seconds=seconds))
        if lease is None:
            return None
        self.run.leases.append(lease)
        return SteppedLease(lease, self.run, Call(method="release", container=container, name=name))

    def break_lease(self, container: str, name: str) -> None:
        self._through("break lease", container, name, lambda: self.store.break_lease(container, name))

    def _through(self, method: str, container: str, name: str, act: Callable[[], T]) -> T:
        return self.run.through(Call(method=method, container=container, name=name), act)


class SteppedAppendBlobs:
    """Append blobs of which every call waits for the run's permission."""

    def __init__(self, blobs: AppendBlobs, run: Run) -> None:
        self.blobs = blobs
        self.run = run

    def create(self, container: str, name: str) -> str:
        return self._through("create blob", container, name, lambda: self.blobs.create(container, name))

    def append(self, container: str, name: str, data: bytes, *, at: int, etag: str) -> str:
        return self._through("append", container, name, lambda: self.blobs.append(container, name, data, at=at, etag=etag))

    def seal(self, container: str, name: str) -> bool:
        return self._through("seal", container, name, lambda: self.blobs.seal(container, name))

    def _through(self, method: str, container: str, name: str, act: Callable[[], T]) -> T:
        return self.run.through(Call(method=method, container=container, name=name), act)


class SteppedBlockUpload:
    """A block upload, each block of which is a call, and so is the end."""

    def __init__(self, upload: BlockUpload, run: Run, container: str, name: str) -> None:
        self._upload = upload
        self._run = run
        self._container = container
        self._name = name

    def add(self, data: bytes | Path) -> None:
        sent: list[bool] = []

        def once() -> None:
            # A block has a name of its own, so that the same one sent again is no other.
            if not sent:
                self._upload.add(data)
                sent.append(True)

        self._run.through(Call(method="add", container=self._container, name=self._name), once)

    def finish(self) -> None:
        self._run.through(Call(method="finish", container=self._container, name=self._name), self._upload.finish)


class SteppedLease:
    """A lease whose end is a call of its own: a process that dies keeps it until its time is over."""

    def __init__(self, lease: Lease, run: Run, end: Call) -> None:
        self._lease = lease
        self._run = run
        self._end = end

    def renew(self) -> bool:
        # It comes from a thread of the job's own, which the run does not hold back.
        return self._lease.renew()

    def release(self) -> None:
        self._run.through(self._end, self._lease.release)


class SteppedTables:
    """Tables of which every call waits for the run's permission."""

    def __init__(self, tables: Tables, run: Run) -> None:
        self.tables = tables
        self.run = run

    def open(self, container: str, spec: TableSpec) -> SteppedTable:
        call = Call(method="open", container=container, name=spec.name)
        return SteppedTable(self.run.through(call, lambda: self.tables.open(container, spec)), self.run, container, spec.name)

    def has(self, container: str, name: str) -> bool:
        return self.tables.has(container, name)

    def find(self, container: str, spec: TableSpec) -> SteppedTable | None:
        call = Call(method="find", container=container, name=spec.name)
        table = self.run.through(call, lambda: self.tables.find(container, spec))
        return None if table is None else SteppedTable(table, self.run, container, spec.name)


class SteppedTable:
    """An open table of which every call waits for the run's permission."""

    def __init__(self, table: Table, run: Run, container: str, name: str) -> None:
        self.table = table
        self.run = run
        self._container = container
        self._name = name

    def refresh(self) -> None:
        self._through("open", self.table.refresh)

    def seq_of(self, app: str) -> int:
        return self._through("seq_of", lambda: self.table.seq_of(app))

    def replace(self, files: Sequence[TableFile], *, partition: Mapping[str, str], app: str, seq: int) -> int:
        # A commit that is sent again goes through what the handle saw at first, and finds itself in the way.
        before = copy.copy(self.table)
        tries = iter((self.table, before))
        return self._through("replace", lambda: next(tries).replace(files, partition=partition, app=app, seq=seq))

    def version(self) -> int:
        return self.table.version()

    def changed_layout(self) -> str | None:
        return self.table.changed_layout()

    def foreign_commit(self) -> str | None:
        return self.table.foreign_commit()

    def partitioned_by(self) -> tuple[str, ...]:
        return self.table.partitioned_by()

    def files_of(self, partition: Mapping[str, str]) -> Sequence[str]:
        return self.table.files_of(partition)

    def unused_files(self, keep: timedelta) -> Sequence[str]:
        return self._through("unused_files", lambda: self.table.unused_files(keep))

    def _through(self, method: str, act: Callable[[], T]) -> T:
        return self.run.through(Call(method=method, container=self._container, name=self._name), act)


def _order(name: str) -> bytes:
    """By which listings are sorted, as the service does it."""
    return name.encode("utf-16-be")
