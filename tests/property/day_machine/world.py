"""The storage of an installation with one customer, and what the customer and the operator did there, in order."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from processing.domain import blob_names
from processing.domain.documents import from_json
from processing.domain.listings import ReadinessPolicy
from processing.domain.records import Receipt, StreamState
from processing.jobs.context import JobContext
from processing.jobs.customers import add_customer
from processing.ports import BlobStore, Tables
from processing.storage.in_memory import InMemoryBlobStore, InMemoryQueue, InMemoryTables, ServiceTime
from tests.property.day_machine.contents import WITHOUT_U2, Stream

CUSTOMER = "acme"
DROP = blob_names.drop_container(CUSTOMER)
RECEIPTS = blob_names.receipts_container(CUSTOMER)
RESULTS = blob_names.results_container(CUSTOMER)
START = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONFIGS = {
    "plain": b"{}",
    "infer": b"gap_policy: infer\n",
    "wait for refused": b"on_refused: wait\n",
    "hold late": b"late_policy: hold\n",
    "first day": b"first_day: 2026-11-18\n",
    WITHOUT_U2: b"datasets:\n  metrics:\n    where: unit_id <> 'u2'\n  exposures:\n    where: unit_id <> 'u2'\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an upload, as the customer wrote it."""

    etag: str
    content: str
    last_modified: datetime
    number: int
    """Its place among everything that happened."""


@dataclass(slots=True)
class HostClock:
    """The host's clock, which is wrong by `skew`."""

    time: ServiceTime
    skew: timedelta = timedelta()

    def now(self) -> datetime:
        return self.time() + self.skew


@dataclass(slots=True)
class World:
    """Storage, and the memory of what was written to it."""

    streams: Sequence[Stream]
    settle: timedelta = timedelta()
    time: ServiceTime = field(default_factory=lambda: ServiceTime(START))
    clock: HostClock = field(init=False)
    drop: InMemoryBlobStore = field(init=False)
    lake: InMemoryBlobStore = field(init=False)
    tables: InMemoryTables = field(default_factory=InMemoryTables)
    events: InMemoryQueue = field(default_factory=InMemoryQueue)
    work: InMemoryQueue = field(default_factory=InMemoryQueue)
    versions: dict[str, list[Version]] = field(default_factory=dict)
    """Every version of each upload, markers among them, oldest first."""
    configs: dict[str | None, str] = field(default_factory=lambda: {None: "plain"})
    """Version of the config to what it says."""
    number: int = 0
    """Counts everything that happens."""
    _gone: dict[tuple[str, int], int] = field(default_factory=dict)
    _receipts: dict[str, Receipt] = field(default_factory=dict)
    _states: dict[str, StreamState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = HostClock(self.time)
        self.drop, self.lake = InMemoryBlobStore(self.time), InMemoryBlobStore(self.time)
        for container in (blob_names.STAGED_CONTAINER, blob_names.STATE_CONTAINER, blob_names.CONFIG_CONTAINER):
            self.lake.create_container(container)
        add_customer(self.context(), CUSTOMER)

    def context(self, drop: BlobStore | None = None, lake: BlobStore | None = None, tables: Tables | None = None) -> JobContext:
        return JobContext(
            drop=drop or self.drop,
            lake=lake or self.lake,
            tables=tables or self.tables,
            drop_events=self.events,
            stream_work=self.work,
            clock=self.clock,
            sleep=lambda _: None,
            readiness=ReadinessPolicy(settle=self.settle),
            program="1",
        )

    # What is done

    def upload(self, name: str, content: str) -> Version:
        """A version of a data file."""
        stream = next(each for each in self.streams if name in each.names)
        return self._write(name, stream.file(content), content)

    def mark(self, name: str, manifest: Sequence[tuple[str, int]] = ()) -> Version:
        """A version of a marker, with the files and rows that its manifest names."""
        files = [{"name": each, "rows": rows} for each, rows in manifest]
        return self._write(name, json.dumps({"files": files}).encode() if files else b"", "")

    def mark_finished(self, name: str, days: Sequence[date]) -> Version:
        """A version of a file with finished dates."""
        return self._write(name, "\n".join(["finished_date", *map(str, days)]).encode(), ",".join(map(str, days)))

    def touch(self, name: str) -> None:
        """The same bytes get another ETag and Last-Modified."""
        found, present = self.drop.get(DROP, name), self.present(name)
        if found is not None and present is not None:
            self._write(name, found[0], present.content)

    def delete(self, name: str) -> None:
        info = self.drop.head(DROP, name)
        if info is not None:
            self.number += 1
            self._gone[name, self.age(name, info.etag)] = self.number
            self.drop.delete(DROP, name)

    def gone_at(self, name: str, age: int) -> float:
        """When a version was deleted, as a number; never is infinity."""
        return self._gone.get((name, age), math.inf)

    def configure(self, config: str) -> None:
        self.number += 1
        etag = self.lake.put(blob_names.CONFIG_CONTAINER, blob_names.config_name(CUSTOMER), CONFIGS[config])
        self.configs[etag] = config

    def _write(self, name: str, data: bytes, content: str) -> Version:
        self.number += 1
        etag = self.drop.put(DROP, name, data)
        version = Version(etag=etag, content=content, last_modified=self.drop.service_time(), number=self.number)
        self.versions.setdefault(name, []).append(version)
        return version

    # What is there

    def present(self, name: str) -> Version | None:
        info = self.drop.head(DROP, name)
        return None if info is None else self.version(name, info.etag)

    def version(self, name: str, etag: str) -> Version:
        return self.versions[name][self.age(name, etag)]

    def age(self, name: str, etag: str) -> int:
        """The place of a version among those of its name; fails when it is not one of them."""
        return [version.etag for version in self.versions[name]].index(etag)

    def uploads(self, folder: str) -> dict[str, str]:
        """Name to ETag of what lies in a folder."""
        return {info.name: info.etag for info in self.drop.list_blobs(DROP, folder)}

    def receipts(self, folder: str) -> dict[str, Receipt]:
        """Upload to its receipt."""
        found = {}
        for info in self.drop.list_blobs(RECEIPTS, folder):
            upload = blob_names.upload_of_receipt(info.name)
            if upload is not None:
                found[upload] = self._parsed(info.name, info.etag)
        return found

    def receipt(self, name: str) -> tuple[Receipt, str] | None:
        """The receipt of an upload, and the ETag of the receipt itself."""
        blob = blob_names.receipt_name(name)
        info = self.drop.head(RECEIPTS, blob)
        return None if info is None else (self._parsed(blob, info.etag), info.etag)

    def state(self, stream: Stream) -> tuple[StreamState, str | None]:
        """The state of a stream, and the ETag of its blob."""
        name = blob_names.state_name(CUSTOMER, stream.dataset)
        info = self.lake.head(blob_names.STATE_CONTAINER, name)
        if info is None:
            return StreamState(customer=CUSTOMER, dataset=stream.dataset), None
        if info.etag not in self._states:
            found = self.lake.get(blob_names.STATE_CONTAINER, name)
            assert found is not None
            self._states[info.etag] = from_json(StreamState, found[0])
        return self._states[info.etag], info.etag

    def _parsed(self, blob: str, etag: str) -> Receipt:
        if etag not in self._receipts:
            found = self.drop.get(RECEIPTS, blob)
            assert found is not None
            self._receipts[etag] = from_json(Receipt, found[0])
        return self._receipts[etag]
