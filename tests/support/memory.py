"""An installation in memory whose clock the test moves: the real jobs, over the stores that pass the storage suite."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.days import PST, DayZone
from processing.domain.documents import from_json
from processing.domain.publications import Manifest
from processing.domain.queue_messages import parse_customer_work, parse_stream_work, parse_upload_event, traceparent_of
from processing.domain.stream_state import DayRecord, DayState, StreamState
from processing.domain.streams import Stream
from processing.jobs.days.advance_days import advance_days
from processing.jobs.days.observe_stream import observe_stream
from processing.jobs.days.work_stream import WorkOutcome, work_stream
from processing.jobs.housekeeping.run_housekeeping import run_housekeeping
from processing.jobs.uploads.receive_file import receive_file
from processing.jobs.uploads.sweep import sweep
from processing.jobs.work_customer import work_customer
from processing.publication.delta.specs import TABLES
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.customers import add_customer
from processing.stored.stream_state import load_state
from tests.support.in_memory import InMemoryAppendBlobs, InMemoryBlobStore, InMemoryQueue, InMemoryTables, ServiceTime

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""Noon UTC of the first day of every story."""
HEADER = "unit_id,id_type,date,metric_name,metric_value,numerator,denominator\n"


@dataclass(frozen=True, slots=True)
class _HostClock:
    time: ServiceTime

    def now(self) -> datetime:
        return self.time()


def metrics(day: date, values: dict[str, float], metric: str = "m") -> bytes:
    """A metrics file: one row for each unit."""
    return (HEADER + "".join(f"{unit},user_id,{day},{metric},{value},,\n" for unit, value in values.items())).encode()


def ratios(day: date, values: dict[str, tuple[float, float]], metric: str = "r") -> bytes:
    """A metrics file with numerator and denominator for each unit."""
    return (HEADER + "".join(f"{u},user_id,{day},{metric},,{n},{d}\n" for u, (n, d) in values.items())).encode()


@dataclass(slots=True)
class Memory:
    """One customer, and all that happens to it."""

    customer: str = "acme"
    zone: DayZone = PST
    time: ServiceTime = field(default_factory=lambda: ServiceTime(START))
    drop: InMemoryBlobStore = field(init=False)
    lake: InMemoryBlobStore = field(init=False)
    results: InMemoryBlobStore = field(init=False)
    """An account of its own, as in Azure; on the emulator it is the lake's."""
    tables: InMemoryTables = field(default_factory=InMemoryTables)
    events: InMemoryQueue = field(init=False)
    work: InMemoryQueue = field(init=False)
    customers: InMemoryQueue = field(init=False)
    context: JobContext = field(init=False)

    def __post_init__(self) -> None:
        self.drop, self.lake, self.results = (InMemoryBlobStore(self.time) for _ in range(3))
        self.events, self.work, self.customers = (InMemoryQueue(self.time) for _ in range(3))
        for container in blob_names.LAKE_CONTAINERS:
            self.lake.create_container(container)
        self.context = JobContext(
            drop=self.drop,
            lake=self.lake,
            own_results=self.results,
            tables=self.tables,
            append_blobs=InMemoryAppendBlobs(self.drop),
            drop_events=self.events,
            stream_work=self.work,
            customer_work=self.customers,
            clock=_HostClock(self.time),
            sleep=lambda _: None,
            zone=self.zone,
            program="1",
        )
        add_customer(self.context, self.customer)

    def copied(self) -> Memory:
        """Another world in which the same has happened so far; no message of this one may be waiting."""
        assert not any(queue.length() for queue in (self.events, self.work, self.customers))
        other = Memory(customer=self.customer, zone=self.zone, time=ServiceTime(self.time()))
        for mine, theirs in ((self.drop, other.drop), (self.lake, other.lake), (self.results, other.results)):
            theirs.become(mine)
        other.tables.become(self.tables)
        return other

    # What the customer and the operator do

    def upload(self, name: str, data: bytes = b"") -> str:
        """Write a blob and have it answered; returns the status."""
        self.put(name, data)
        return receive_file(self.context, self.container, name).value

    def put(self, name: str, data: bytes = b"") -> str:
        """Write a blob that no event announces."""
        return self.drop.put(self.container, name, data)

    def config(self, text: str) -> None:
        """Write the customer's config."""
        self.lake.put(blob_names.CONFIG_CONTAINER, blob_names.config_name(self.customer), text.encode())

    # What the platform does

    def pass_time(self, **by: float) -> None:
        """Move the service's clock."""
        self.time.advance(timedelta(**by))

    def sweep(self) -> None:
        """One round of the sweep's timer, with the work that it sends, and what that announces answered."""
        sweep(self.context)
        self.work_customers()
        self.answer_events()

    def clean_up(self) -> None:
        """One round of housekeeping's timer, with the work that it sends."""
        run_housekeeping(self.context)
        self.work_customers()

    def work_customers(self) -> None:
        """Deliver every message on the queue of customers."""
        while (body := self.customers.take()) is not None:
            work_customer(self.context, parse_customer_work(body.encode()), traceparent=traceparent_of(body.encode()))

    def answer_events(self) -> None:
        """Deliver every message on the queue of uploads."""
        while (body := self.events.take()) is not None:
            event = parse_upload_event(body.encode())
            assert event is not None
            receive_file(self.context, event.container, event.name, replaces_receipt=event.replaces_receipt)

    def tick(self) -> list[WorkOutcome]:
        """One round of the day timer, with the work that it sends."""
        advance_days(self.context)
        outcomes = []
        while (body := self.work.take()) is not None:
            outcomes.append(work_stream(self.context, parse_stream_work(body.encode())))
        return outcomes

    def look(self, dataset: Dataset = Dataset.METRICS) -> None:
        """One look at a stream, after which its worker never comes."""
        observe_stream(self.context, load_state(self.context, Stream(self.customer, dataset)))

    def settle(self) -> None:
        """Let markers take effect and the first day be fixed, then tick."""
        self.pass_time(hours=1, minutes=2)
        self.tick()

    # What is true

    @property
    def container(self) -> str:
        return blob_names.drop_container(self.customer)

    def receipt(self, name: str) -> dict[str, Any]:
        return self._json(blob_names.receipts_container(self.customer), blob_names.receipt_name(name))

    def status(self, day: date, dataset: Dataset = Dataset.METRICS) -> dict[str, Any]:
        """The status document of a day."""
        return self._json(blob_names.receipts_container(self.customer), blob_names.day_status_name(dataset, day))

    def difference(self, day: date, dataset: Dataset = Dataset.METRICS) -> dict[str, Any]:
        """What the last reprocess of a day changed."""
        return self._json(blob_names.receipts_container(self.customer), self.status(day, dataset)["difference"])

    def state(self, dataset: Dataset = Dataset.METRICS) -> StreamState:
        return load_state(self.context, Stream(self.customer, dataset)).state

    def day(self, day: date, dataset: Dataset = Dataset.METRICS) -> DayRecord:
        return with_closed_days(self.lake, self.state(dataset), {day}).days[day]

    def states(self, dataset: Dataset = Dataset.METRICS) -> dict[date, DayState]:
        return {day: record.state for day, record in self.state(dataset).days.items()}

    def manifest(self, day: date, dataset: Dataset = Dataset.METRICS) -> Manifest:
        published = self.day(day, dataset).published
        assert published is not None
        found = self.lake.get(blob_names.STATE_CONTAINER, published.manifest)
        assert found is not None
        return from_json(Manifest, found[0])

    def table(self, name: str) -> pl.DataFrame:
        """The rows of the latest version of a table, partition columns included."""
        container = blob_names.results_container(self.customer)
        frames = []
        for file in self.tables.files(container, name):
            found = self.results.get(container, f"{name}/{file.path}")
            assert found is not None, f"{name}/{file.path} is gone"
            frame = pl.read_parquet(io.BytesIO(found[0]))
            frames.append(frame.with_columns(pl.lit(value).alias(column) for column, value in file.partition.items()))
        return pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(TABLES[name].columns, pl.String()))

    def values(self, day: date) -> dict[str, float]:
        """Unit to value in `metric_rows` on a day."""
        rows = self.table("metric_rows").filter(pl.col("pst_date") == day.isoformat())
        found = dict(rows.select("unit_id", "value").iter_rows())
        assert len(found) == rows.height, "a unit stands twice"
        return found

    def _json(self, container: str, name: str) -> dict[str, Any]:
        found = self.drop.get(container, name)
        assert found is not None, f"{container}/{name} is not there"
        result: dict[str, Any] = json.loads(found[0])
        return result
