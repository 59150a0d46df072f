"""Uploads that are not plain files of metrics: other kinds of blob, stubs, long names, configs, other datasets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, LinearRetry

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import from_json
from processing.domain.receipts import Receipt, UploadStatus
from processing.domain.streams import Stream
from processing.jobs.days.advance_days import advance_days
from processing.jobs.days.work_stream import work_stream
from processing.jobs.uploads.receive_file import Outcome, receive_file
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from processing.ports import BlobInfo, BlobStore
from processing.storage.azure_blob import AzureBlobStore
from processing.stored.context import JobContext
from processing.stored.customers import add_customer
from tests.support.all_customers import sweep_all
from tests.support.in_memory import InMemoryAppendBlobs, InMemoryBlobStore, InMemoryQueue, InMemoryTables, ServiceTime
from tests.support.installation import Installation, metrics_csv

DAY = "2026-11-18"
AT = 1_795_032_000
"""Unix seconds on PST day 2026-11-18."""


def service(installation: Installation, **options: Any) -> BlobServiceClient:
    return BlobServiceClient.from_connection_string(installation.connection_string, **options)


def put(installation: Installation, name: str, data: bytes, **options: Any) -> str:
    """Upload with the SDK's own options and return the event."""
    blob = service(installation).get_blob_client(installation.drop, name)
    blob.upload_blob(data, overwrite=True, **options)
    return installation.event(name, str(blob.get_blob_properties().etag), len(data))


def mark(installation: Installation, day: str = DAY) -> None:
    installation.deliver(installation.upload(f"signals/{day}", b""))


def has_receipt(installation: Installation, name: str) -> bool:
    container = blob_names.receipts_container(installation.customer)
    return installation.context.drop.head(container, blob_names.receipt_name(name)) is not None


def units(installation: Installation) -> dict[str, float]:
    return installation.values(DAY) if installation.day(DAY)["state"] == "processed" else {}


# Kinds of blob


@pytest.mark.parametrize(("kind", "data"), [("AppendBlob", metrics_csv(DAY, {"u1": 1})), ("PageBlob", bytes(512))])
def test_append_and_page_blobs_are_refused_and_hold_up_nothing(installation: Installation, kind: str, data: bytes) -> None:
    refused = put(installation, "metrics/other.csv", data, blob_type=kind)
    installation.deliver(refused, installation.upload("metrics/a.csv", metrics_csv(DAY, {"u2": 2})))
    receipt = installation.receipt("metrics/other.csv")
    assert (receipt["status"], receipt["error"]["code"]) == ("rejected", "blob_type")
    assert "block blob" in receipt["error"]["message"]
    mark(installation)
    installation.tick()
    assert units(installation) == {"u2": 2.0}


def test_a_block_blob_in_the_place_of_a_refused_append_blob_is_read(installation: Installation) -> None:
    client = service(installation).get_blob_client(installation.drop, "metrics/a.csv")
    client.upload_blob(b"x", blob_type="AppendBlob")
    installation.deliver(installation.event("metrics/a.csv", "any"))
    client.delete_blob()
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    assert installation.receipt("metrics/a.csv")["status"] == "accepted"


class CopyingStore(InMemoryBlobStore):
    """A store in which copies into some blobs are still running."""

    def __init__(self, clock: ServiceTime) -> None:
        super().__init__(clock)
        self.copying: set[str] = set()

    def head(self, container: str, name: str) -> BlobInfo | None:
        return self._shown(super().head(container, name))

    def peek(self, container: str, name: str, *, length: int) -> tuple[BlobInfo, bytes] | None:
        found = super().peek(container, name, length=length)
        shown = self._shown(None if found is None else found[0])
        return None if found is None or shown is None else (shown, found[1])

    def list_blobs(self, container: str, prefix: str = "", **how: Any) -> Iterator[BlobInfo]:
        for info in super().list_blobs(container, prefix, **how):
            shown = self._shown(info)
            assert shown is not None
            yield shown

    def _shown(self, info: BlobInfo | None) -> BlobInfo | None:
        return info if info is None or info.name not in self.copying else replace(info, copy_pending=True)


class FixedClock:
    def __init__(self, time: ServiceTime) -> None:
        self._time = time

    def now(self) -> datetime:
        return self._time()


def in_memory(drop: InMemoryBlobStore, time: ServiceTime) -> JobContext:
    lake = InMemoryBlobStore(time)
    for container in blob_names.LAKE_CONTAINERS:
        lake.create_container(container)
    context = JobContext(
        drop=drop,
        lake=lake,
        tables=InMemoryTables(),
        append_blobs=InMemoryAppendBlobs(drop),
        drop_events=InMemoryQueue(),
        stream_work=InMemoryQueue(),
        customer_work=InMemoryQueue(),
        clock=FixedClock(time),
        program="1",
    )
    add_customer(context, "acme")
    return context


def test_a_copy_that_is_running_is_waited_for_by_its_receipt_and_by_the_day() -> None:
    time = ServiceTime(datetime(2026, 11, 20, 12, tzinfo=UTC))
    drop = CopyingStore(time)
    context = in_memory(drop, time)
    # The service shows the destination of a running copy as an empty blob, or as one of part of the bytes.
    drop.put("drop-acme", "metrics/a.csv", b"")
    drop.copying.add("metrics/a.csv")
    drop.put("drop-acme", f"signals/metrics/{DAY}", b"")
    assert receive_file(context, "drop-acme", "metrics/a.csv") is Outcome.COPY_PENDING
    assert list(drop.list_blobs("receipts-acme", "metrics/")) == []
    assert receive_file(context, "drop-acme", f"signals/metrics/{DAY}") is UploadStatus.ACCEPTED
    time.advance(timedelta(hours=2))
    assert advance_days(context) == 1
    work_stream(context, Stream("acme", Dataset.METRICS))
    status = drop.get("receipts-acme", f"days/metrics/{DAY}.json")
    assert status is not None
    assert (json.loads(status[0])["state"], json.loads(status[0])["waiting_for"]) == ("waiting", ["metrics/a.csv"])
    assert sweep_all(context) >= 1, "the sweep goes on asking, whether or not an event comes at the end of the copy"

    drop.copying.clear()
    drop.put("drop-acme", "metrics/a.csv", metrics_csv(DAY, {"u1": 1}))
    receive_file(context, "drop-acme", "metrics/a.csv")
    assert advance_days(context) == 1
    work_stream(context, Stream("acme", Dataset.METRICS))
    status = drop.get("receipts-acme", f"days/metrics/{DAY}.json")
    assert status is not None
    assert (json.loads(status[0])["state"], json.loads(status[0])["rows"]) == ("processed", 1)


# Directory stubs


@pytest.mark.parametrize("key", ["hdi_isfolder", "Hdi_isfolder"])
def test_directory_stubs_get_no_receipt_and_hold_no_day(installation: Installation, key: str) -> None:
    names = ("metrics", f"metrics/{DAY}", "metrics/deep/folder", "signals", "other/folder")
    events = [put(installation, name, b"", metadata={key: "true"}) for name in names]
    installation.deliver(*events, installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    installation.sweep()
    assert installation.upload_messages() == []
    mark(installation)
    installation.tick()
    assert not any(has_receipt(installation, name) for name in names)
    assert units(installation) == {"u1": 1.0}


def test_a_directory_stub_marks_no_day(installation: Installation) -> None:
    """Tools that write `signals/<day>/_SUCCESS` at the end of a job write a stub for the folder at its beginning."""
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    for name in (f"signals/{DAY}", f"signals/metrics/{DAY}"):
        installation.deliver(put(installation, name, b"", metadata={"hdi_isfolder": "true"}))
    installation.tick()
    assert installation.state().seq == 0, "the stub of a folder was taken for a marker"
    installation.deliver(installation.upload(f"signals/{DAY}/_SUCCESS", b""))
    installation.tick()
    assert units(installation) == {"u1": 1.0}


def test_a_directory_stub_in_the_place_of_an_answered_upload_holds_no_day(installation: Installation) -> None:
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    installation.deliver(put(installation, "metrics/a.csv", b"", metadata={"hdi_isfolder": "true"}))
    installation.deliver(installation.upload("metrics/b.csv", metrics_csv(DAY, {"u2": 2})))
    mark(installation)
    installation.tick()
    assert installation.day(DAY)["waiting_for"] == []
    assert units(installation) == {"u1": 1.0, "u2": 2.0}, "as when a blob is deleted"


def test_a_file_with_rows_is_data_though_its_metadata_calls_it_a_folder(installation: Installation) -> None:
    """Everyone must agree on it: what nobody answers and everybody announces would hold its day for ever."""
    installation.deliver(put(installation, "metrics/a.csv", metrics_csv(DAY, {"u1": 1}), metadata={"hdi_isfolder": "true"}))
    mark(installation)
    installation.tick()
    assert units(installation) == {"u1": 1.0}


# A container that cannot be listed


@contextmanager
def unlistable(installation: Installation) -> Iterator[None]:
    blob = service(installation).get_blob_client(installation.drop, "metrics/\x01.csv")
    blob.upload_blob(b"x")
    try:
        yield
    finally:
        blob.delete_blob()


def impatient(installation: Installation) -> JobContext:
    """The same context with a client that asks once: the emulator answers each listing of the container alike."""
    client = service(installation, retry_policy=LinearRetry(retry_total=0))
    store: BlobStore = AzureBlobStore(client)
    return replace(installation.context, drop=store, lake=store)


def test_a_container_that_cannot_be_listed_holds_up_its_own_customer_alone(prepared: str) -> None:
    # By name, so that the one comes first.
    broken, sound = sorted((Installation.new(prepared), Installation.new(prepared)), key=lambda each: each.customer)
    context = impatient(broken)
    with unlistable(broken):
        event = broken.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1}))
        sound.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1}))
        sweep_all(context)
        messages = sound.upload_messages()
        assert len(messages) == 1
        sound.deliver(*messages)
        broken.deliver(event)  # an event needs no listing
        assert broken.receipt("metrics/a.csv")["status"] == "accepted"
        for each in (broken, sound):
            mark(each)
        sound.wait_a_second()
        sound.drop_stream_messages()
        assert advance_days(context) >= 1
        work_stream(context, Stream(sound.customer, Dataset.METRICS))
        assert units(sound) == {"u1": 1.0}
        assert broken.state().seq == 0
    broken.tick()
    assert units(broken) == {"u1": 1.0}


# Long names


def test_names_too_long_for_a_receipt_beside_them_are_answered_and_processed(installation: Installation) -> None:
    longest = "metrics/" + "n" * (1_024 - len("metrics/.csv")) + ".csv"
    same_start = longest.removesuffix("n.csv") + "m.csv"
    installation.deliver(
        installation.upload(longest, metrics_csv(DAY, {"u1": 1, "u2": "x"})),
        installation.upload(same_start, metrics_csv(DAY, {"u3": 3})),
    )
    mark(installation)
    for name in (longest, same_start):
        receipt = installation.receipt(name)
        assert receipt["blob"] == name
        assert blob_names.receipt_name(name) == f"metrics/_long/{hashlib.sha256(name.encode()).hexdigest()}.receipt.json"
    assert [row["record"] for row in installation.rejected(longest)] == [2]
    installation.tick()
    assert units(installation) == {"u1": 1.0, "u3": 3.0}
    installation.sweep()
    assert installation.upload_messages() == []


# Config


def configure(installation: Installation, text: str) -> None:
    container = service(installation).get_container_client(blob_names.CONFIG_CONTAINER)
    container.upload_blob(blob_names.config_name(installation.customer), text.encode(), overwrite=True)


ALIASES = "datasets:\n  metrics:\n    columns:\n      who: unit_id\n    constants:\n      id_type: user_id\n"
ALIASED = f"who,date,metric_name,metric_value\nu1,{DAY},revenue,1\nu2,{DAY},revenue,2\n".encode()


def test_the_config_of_a_customer_is_applied_and_named_on_the_receipt(installation: Installation) -> None:
    configure(installation, ALIASES + "    where: who <> 'u2'\n")
    installation.deliver(installation.upload("metrics/a.csv", ALIASED))
    receipt = installation.receipt("metrics/a.csv")
    assert receipt["rows"] == {"read": 2, "accepted": 1, "rejected": 0, "filtered": 1}
    assert receipt["config"] == receipt["in_force"]["config"]
    assert receipt["config"]
    other = Installation.new(installation.connection_string)
    other.deliver(other.upload("metrics/a.csv", ALIASED))
    assert other.receipt("metrics/a.csv")["error"]["code"] == "missing_column", "a config is its own customer's"


def test_a_broken_config_is_reported_and_the_last_good_one_stays_in_force(installation: Installation) -> None:
    configure(installation, ALIASES)
    installation.deliver(installation.upload("metrics/a.csv", ALIASED))
    good = installation.receipt("metrics/a.csv")["config"]
    configure(installation, "datasets:\n  metrics:\n    column: {who: unit_id}\n")
    installation.deliver(installation.upload("metrics/b.csv", ALIASED))
    receipt = installation.receipt("metrics/b.csv")
    assert (receipt["status"], receipt["config"]) == ("accepted", good)
    (warning,) = [each for each in receipt["warnings"] if each["code"] == "config_not_in_force"]
    assert "datasets.metrics.column" in warning["message"]
    configure(installation, ALIASES)
    installation.deliver(installation.upload("metrics/c.csv", ALIASED))
    assert all(each["code"] != "config_not_in_force" for each in installation.receipt("metrics/c.csv")["warnings"])


def test_reingest_applies_a_mended_config_exactly_once(installation: Installation) -> None:
    installation.deliver(installation.upload("metrics/a.csv", ALIASED))
    installation.deliver(installation.upload("metrics/b.csv", metrics_csv(DAY, {"u7": 7})))
    assert installation.receipt("metrics/a.csv")["status"] == "rejected"
    configure(installation, ALIASES)
    assert reingest(installation.context, installation.customer, ReingestFilter()) == 2
    messages = installation.upload_messages()
    assert len(messages) == 2
    installation.deliver(*messages)
    answers = {name: installation.receipt(name) for name in ("metrics/a.csv", "metrics/b.csv")}
    assert [answer["status"] for answer in answers.values()] == ["accepted", "accepted"]
    assert len({answer["in_force"]["config"] for answer in answers.values()} - {None}) == 1
    versions = [receipt_version(installation, name) for name in answers]
    installation.deliver(*messages, *reversed(messages))
    assert [receipt_version(installation, name) for name in answers] == versions
    mark(installation)
    installation.tick()
    assert units(installation) == {"u1": 1.0, "u2": 2.0, "u7": 7.0}


def test_a_reingest_message_says_nothing_about_a_later_version(installation: Installation) -> None:
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    reingest(installation.context, installation.customer, ReingestFilter())
    messages = installation.upload_messages()
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 2})))
    version = receipt_version(installation, "metrics/a.csv")
    installation.deliver(*messages)
    assert receipt_version(installation, "metrics/a.csv") == version


def receipt_version(installation: Installation, name: str) -> str:
    info = installation.context.drop.head(blob_names.receipts_container(installation.customer), blob_names.receipt_name(name))
    assert info is not None
    return info.etag


# Other datasets


def streams_of(installation: Installation, name: str) -> dict[str, int]:
    """Rows in force of an upload, by the stream under which they are staged."""
    container = blob_names.receipts_container(installation.customer)
    found = installation.context.drop.get(container, blob_names.receipt_name(name))
    assert found is not None
    in_force = from_json(Receipt, found[0]).in_force
    assert in_force is not None
    rows: dict[str, int] = {}
    for part in in_force.parts:
        parsed = blob_names.PartName.parse(part.name)
        assert parsed is not None
        assert (parsed.customer, str(parsed.day)) == (installation.customer, DAY)
        assert installation.context.lake.head(blob_names.STAGED_CONTAINER, part.name) is not None
        rows[parsed.dataset] = rows.get(parsed.dataset, 0) + part.rows
    return rows


def test_events_and_exposures_are_staged_under_their_own_streams(installation: Installation) -> None:
    event = {"timestamp": AT, "event_name": "click", "user": {"userID": "u1"}}
    exposure = {"timestamp": AT, "experiment": "e", "group_id": "g", "unit_id": "u1"}
    installation.deliver(
        installation.upload("events/a.ndjson", json.dumps(event).encode()),
        installation.upload("exposures/a.ndjson", json.dumps(exposure).encode()),
    )
    assert streams_of(installation, "events/a.ndjson") == {"events": 1}
    assert streams_of(installation, "exposures/a.ndjson") == {"exposures": 1}


def test_exposures_in_segments_shape_leave_the_folder_of_events(installation: Installation) -> None:
    at = datetime.fromtimestamp(AT, UTC).isoformat()
    rows = [
        {"event": "click", "userId": "u1", "timestamp": at},
        {
            "event": "statsig::experiment_exposure",
            "userId": "u1",
            "timestamp": at,
            "properties": {"experiment": "e", "group": "g"},
        },
    ]
    installation.deliver(installation.upload("events/a.ndjson", "\n".join(map(json.dumps, rows)).encode()))
    assert streams_of(installation, "events/a.ndjson") == {"events": 1, "exposures": 1}
    receipt = installation.receipt("events/a.ndjson")
    assert receipt["rows"] == {"read": 2, "accepted": 2, "rejected": 0, "filtered": 0}
    assert receipt["days"] == {DAY: 2}
