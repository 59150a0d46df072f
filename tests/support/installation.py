"""One customer on the emulator, driven through the real doors, and what is true of it."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobLeaseClient, BlobServiceClient
from azure.storage.queue import QueueServiceClient

from processing import wiring
from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import from_json
from processing.domain.publications import Manifest
from processing.domain.queue_messages import CUSTOMER_WORK, DROP_EVENTS, STREAM_WORK, parse_customer_work, stream_work
from processing.domain.stream_state import DayState, StreamState
from processing.domain.streams import Stream
from processing.local.messages import BlobCreated, message_body
from processing.settings import load_settings
from processing.stored.context import JobContext
from processing.stored.customers import add_customer
from processing.stored.stream_state import load_state
from tests.support.doors import open_door

ROOT: Final = Path(__file__).resolve().parents[2]
SETTINGS: Final = {
    "DROPZONE_SETTLE_SECONDS": "0",
    "DROPZONE_FIRST_DAY_WAIT_SECONDS": "0",
    "DROPZONE_SWEEP_GRACE_SECONDS": "0",
    "DROPZONE_REMEMBER_SECONDS": "0",
    # A door takes nothing off the queue that all tests share.
    "DROPZONE_FILES_AT_A_TIME": "1",
}
HEADER: Final = "unit_id,id_type,date,metric_name,metric_value,numerator,denominator\n"


def use_storage(connection_string: str) -> None:
    """Point this process, and the doors in it, at one emulator."""
    os.environ.update(_environment(connection_string))


def metrics_csv(day: date | str, values: dict[str, float | str], metric: str = "revenue") -> bytes:
    """A metrics file: one row for each unit."""
    rows = "".join(f"{unit},user_id,{day},{metric},{value},,\n" for unit, value in values.items())
    return (HEADER + rows).encode()


@dataclass(slots=True)
class Installation:
    """A customer of its own on a shared emulator."""

    connection_string: str
    customer: str
    context: JobContext

    @classmethod
    def new(cls, connection_string: str) -> Installation:
        """Add a customer that no other test knows."""
        context = wiring.build_app(load_settings())
        customer = f"t-{uuid.uuid4().hex[:12]}"
        add_customer(context, customer)
        return cls(connection_string=connection_string, customer=customer, context=context)

    def leave(self) -> None:
        """Take the customer away, so that the timers of other tests need not look at it."""
        client = BlobServiceClient.from_connection_string(self.connection_string)
        journal = blob_names.journal_container(self.customer)
        containers = (
            self.drop,
            journal,
            blob_names.receipts_container(self.customer),
            blob_names.results_container(self.customer),
        )
        for name in containers:
            with suppress(ResourceNotFoundError):
                client.delete_container(name)

    # What the customer does

    def upload(self, name: str, data: bytes) -> str:
        """Upload as a customer does, with the plain SDK, and return the message that Event Grid would send."""
        client = BlobServiceClient.from_connection_string(self.connection_string)
        answer = client.get_blob_client(self.drop, name).upload_blob(data, overwrite=True)
        return self.event(name, answer["etag"].strip('"'), len(data))

    def event(self, name: str, etag: str, size: int = 0) -> str:
        """The BlobCreated message of a version."""
        at = datetime.now(UTC)
        created = BlobCreated(container=self.drop, name=name, etag=etag, size=size, at=at, sequencer=f"{at.timestamp():032.6f}")
        return message_body(created.event_grid())

    # What the host does

    def deliver(self, *messages: str) -> None:
        """Open the upload door for each message, in this order."""
        for message in messages:
            open_door("fileuploaded", message)

    def tick(self) -> None:
        """Open the day timer's door, and the worker's for this customer as its message would."""
        self.wait_a_second()
        open_door("daytimer")
        open_door("dayworker", stream_work(Stream(self.customer, Dataset.METRICS)))

    def sweep(self) -> None:
        """Open the sweep's door, and the worker's with the message that it sent for this customer; others' are dropped."""
        self._work_customer("sweep")

    def clean_up(self) -> None:
        """Open housekeeping's door, and the worker's in the same way."""
        self._work_customer("housekeeping")

    def _work_customer(self, timer: str) -> None:
        # A timer sends nothing while workers are behind, and what another test left is worked off by nobody.
        with QueueServiceClient.from_connection_string(self.connection_string) as service:
            service.get_queue_client(CUSTOMER_WORK).clear_messages()
        open_door(timer)
        bodies = [each for each in _taken_off(CUSTOMER_WORK) if parse_customer_work(each.encode()).customer == self.customer]
        assert bodies, "the timer sent nothing for this customer"
        for body in bodies:
            open_door("customerworker", body)

    def wait_a_second(self) -> None:
        """The service's clock has steps of a second, and a marker takes effect when it lies in the past."""
        time.sleep(1.0)

    def child_command(self, door: str, body: str) -> list[str]:
        """What starts a process that opens one door."""
        return [sys.executable, "-m", "tests.support.doors", door, body]

    def child_environment(self, storage: str) -> dict[str, str]:
        """The environment in which that process speaks to `storage`."""
        return {**os.environ, **_environment(storage)}

    def let_lease_expire(self, dataset: Dataset = Dataset.METRICS) -> None:
        """What a minute without renewal does."""
        client = BlobServiceClient.from_connection_string(self.connection_string)
        blob = client.get_blob_client(blob_names.STATE_CONTAINER, blob_names.lease_name(Stream(self.customer, dataset)))
        if blob.exists() and blob.get_blob_properties().lease.state == "leased":
            BlobLeaseClient(blob).break_lease(0)

    def upload_messages(self) -> list[str]:
        """Take this customer's messages off the queue of uploads; those of others are dropped."""
        return [body for body in _taken_off(DROP_EVENTS) if f"/{self.drop}/" in body]

    def drop_stream_messages(self) -> None:
        """Empty the queue of streams, as workers that keep up do."""
        _taken_off(STREAM_WORK)

    # What is true

    @property
    def drop(self) -> str:
        """The customer's drop container."""
        return blob_names.drop_container(self.customer)

    def receipt(self, name: str) -> dict[str, Any]:
        """The receipt of an upload as the customer reads it."""
        return self._json(blob_names.receipts_container(self.customer), blob_names.receipt_name(name))

    def rejected(self, name: str) -> list[dict[str, Any]]:
        """The rejected rows that the receipt of an upload names."""
        found = self.context.drop.get(blob_names.receipts_container(self.customer), self.receipt(name)["rejected_blob"])
        assert found is not None
        return [json.loads(line) for line in found[0].splitlines()]

    def day(self, day: str) -> dict[str, Any]:
        """The status document of a day of metrics."""
        return self._json(
            blob_names.receipts_container(self.customer), blob_names.day_status_name(Dataset.METRICS, date.fromisoformat(day))
        )

    def state(self) -> StreamState:
        """The state of the metrics stream."""
        return load_state(self.context, Stream(self.customer, Dataset.METRICS)).state

    def table(self, name: str) -> pl.DataFrame:
        """The latest version of a table, as any Delta reader sees it."""
        return wiring.read_table(load_settings(), blob_names.results_container(self.customer), name)

    def commits(self, table: str) -> int:
        """How many commits of a table hold a publication of the stream."""
        prefix = f"{table}/_delta_log/"
        results = blob_names.results_container(self.customer)
        logs = [info.name for info in self.context.lake.list_blobs(results, prefix) if info.name.endswith(".json")]
        texts = [found[0] for name in logs if (found := self.context.lake.get(results, name)) is not None]
        return sum(b'"txn":{"appId":"metrics"' in text for text in texts)

    def values(self, day: str) -> dict[str, float]:
        """Unit to value in table `metric_rows` on a day."""
        rows = self.table("metric_rows").filter(pl.col("pst_date") == date.fromisoformat(day))
        found = dict(rows.select("unit_id", "value").iter_rows())
        assert len(found) == rows.height, "a unit stands twice"
        return found

    def assert_consistent(self) -> None:
        """Invariant 6: nothing pending, and every table shows each published day exactly as its manifest says."""
        state = self.state()
        assert state.pending is None
        for day, record in state.days.items():
            if record.published is None:
                continue
            assert record.state in (DayState.PROCESSED, DayState.PROCESSED_EMPTY)
            found = self.context.lake.get(blob_names.STATE_CONTAINER, record.published.manifest)
            assert found is not None
            manifest = from_json(Manifest, found[0])
            assert manifest.rows_in == sum(each.rows for each in manifest.inputs)
            assert manifest.rows == manifest.rows_in - manifest.superseded - manifest.test_rows
            for output in manifest.outputs:
                rows = self.table(output.table).filter(pl.col("pst_date") == day).height
                assert rows == sum(file.rows for file in output.files)
        days = self.table("days")
        assert sorted(days.get_column("seq")) == sorted(each.published.seq for each in state.days.values() if each.published)

    def _json(self, container: str, name: str) -> dict[str, Any]:
        found = self.context.drop.get(container, name)
        assert found is not None, f"{container}/{name} is not there"
        result: dict[str, Any] = json.loads(found[0])
        return result


def _taken_off(name: str) -> list[str]:
    """The bodies of all messages that are visible in a queue."""
    queue, bodies = wiring.open_queue(load_settings(), name), []
    while (message := queue.receive(visibility_seconds=60)) is not None:
        queue.delete(message)
        bodies.append(message.body.decode())
    return bodies


def _environment(connection_string: str) -> dict[str, str]:
    # Only the blob endpoint may be a proxy's: queues are left alone.
    return dict.fromkeys(("AzureWebJobsStorage", "DROP_STORAGE", "LAKE_STORAGE"), connection_string) | SETTINGS
