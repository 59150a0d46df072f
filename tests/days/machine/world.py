"""An installation in memory: its storage, its clock, and the two hosts that run its program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from processing.domain import blob_names
from processing.domain.documents import from_json
from processing.domain.readiness.inherited import sum_of_keys
from processing.domain.readiness.observation import ReadinessPolicy
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.ports import AppendBlobs, BlobStore, Tables
from processing.stored.closed_days import read_closed, with_closed_days
from processing.stored.context import JobContext, Retention
from processing.stored.customer_config import ConfigCache
from tests.days.machine.calendar import WINTER, Calendar
from tests.days.machine.contents import Feed
from tests.support.in_memory import InMemoryAppendBlobs, InMemoryBlobStore, InMemoryQueue, InMemoryTables, ServiceTime

KEPT_LONG = Retention()
KEPT_SHORT = Retention(uploads=1, rejected=1, receipts=2, staged=3, delta=1)
"""Everything ends within days."""


@dataclass(slots=True)
class HostClock:
    """A host's clock, which is wrong by `skew`."""

    time: ServiceTime
    skew: timedelta = timedelta()

    def now(self) -> datetime:
        return self.time() + self.skew


@dataclass(slots=True)
class Host:
    """What runs jobs: a version of the program, its clock, and what it knows of configs."""

    program: str
    clock: HostClock
    configs: ConfigCache = field(default_factory=ConfigCache)


@dataclass(slots=True, kw_only=True)
class World:
    """Storage with its clock, and everything that is set for the installation."""

    calendar: Calendar = WINTER
    settle: timedelta = timedelta()
    reconcile_every: timedelta = timedelta(days=7)
    retention: Retention = KEPT_LONG
    page: int = 5_000
    """Blobs in a page of a listing."""
    withdraws: bool = False
    """Whether every config has a deleted upload withdraw its rows."""
    said: str = ""
    """What stands in every config that can be in force."""
    number: int = 0
    """Counts everything that happens."""
    time: ServiceTime = field(init=False)
    hosts: tuple[Host, Host] = field(init=False)
    drop: InMemoryBlobStore = field(init=False)
    lake: InMemoryBlobStore = field(init=False)
    tables: InMemoryTables = field(default_factory=InMemoryTables)
    events: InMemoryQueue = field(default_factory=InMemoryQueue)
    work: InMemoryQueue = field(default_factory=InMemoryQueue)
    customers: InMemoryQueue = field(default_factory=InMemoryQueue)
    _states: dict[str, StreamState] = field(default_factory=dict)
    days_apart: dict[str, int] = field(default_factory=dict)
    """By the ETag of a state, the days whose records stand in documents of their own."""

    def __post_init__(self) -> None:
        self.time = ServiceTime(self.calendar.start)
        self.hosts = (Host("1", HostClock(self.time)), Host("2", HostClock(self.time)))
        self.drop, self.lake = InMemoryBlobStore(self.time), InMemoryBlobStore(self.time)
        for container in blob_names.LAKE_CONTAINERS:
            self.lake.create_container(container)

    def context(
        self,
        host: int = 0,
        *,
        drop: BlobStore | None = None,
        lake: BlobStore | None = None,
        tables: Tables | None = None,
        append_blobs: AppendBlobs | None = None,
    ) -> JobContext:
        """What a job is given on one of the hosts."""
        return JobContext(
            drop=drop or self.drop,
            lake=lake or self.lake,
            tables=tables or self.tables,
            append_blobs=append_blobs or InMemoryAppendBlobs(self.drop),
            drop_events=self.events,
            stream_work=self.work,
            customer_work=self.customers,
            clock=self.hosts[host].clock,
            sleep=lambda _: None,
            zone=self.calendar.program,
            readiness=ReadinessPolicy(settle=self.settle, reconcile_every=self.reconcile_every),
            retention=self.retention,
            first_bytes=1,  # so that the rest of an upload is a read of its own
            program=self.hosts[host].program,
            configs=self.hosts[host].configs,
        )

    def happens(self) -> int:
        """The number of what is about to happen."""
        self.number += 1
        return self.number

    def state(self, customer: str, stream: Feed) -> tuple[StreamState, str | None]:
        """The state of a stream, and the ETag of its blob."""
        name = blob_names.state_name(Stream(customer, stream.dataset))
        info = self.lake.head(blob_names.STATE_CONTAINER, name)
        if info is None:
            return StreamState(customer=customer, dataset=stream.dataset), None
        if info.etag not in self._states:
            found = self.lake.get(blob_names.STATE_CONTAINER, name)
            assert found is not None
            state = from_json(StreamState, found[0])
            self.days_apart[info.etag] = sum((each.last - each.first).days + 1 for each in state.closed)
            self._states[info.etag] = self._whole(state)
        return self._states[info.etag], info.etag

    def _whole(self, state: StreamState) -> StreamState:
        """The state with the records of all its days, also of those that stand in documents of their own."""
        for closed in state.closed:
            published = [record.published for record in read_closed(self.lake, state, closed).values()]
            assert all(each is not None for each in published), "a day left the state that was never published"
            given = [each for each in published if each is not None]
            assert len(given) == (closed.last - closed.first).days + 1
            assert closed.hands_on in ("", sum_of_keys(each.hands_on for each in given)), "what closed days hand on was changed"
        return with_closed_days(self.lake, state)

    def seqs(self, customer: str, stream: Feed) -> Mapping[str, int]:
        """The last publication of a stream that each table holds."""
        results = blob_names.results_container(customer)
        logs = self.tables._logs.items()
        return {table: log[-1].seqs.get(str(stream.dataset), 0) for (container, table), log in logs if container == results}
