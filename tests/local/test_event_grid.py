"""The stand-in for Event Grid announces each upload once, under its very name, and is stopped by no container."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient

from processing.local.event_grid import EventGridEmulator
from processing.local.messages import BlobCreated, message_body
from processing.storage.azure_blob import AzureBlobStore
from processing.storage.azure_queue import AzureQueue
from tests.support.waiting import wait_until

AWKWARD = [
    "metrics/2026-11-20/a b.csv",
    "metrics/Zürich 🦆.csv",
    "metrics/%2e%2e/x%20y.csv",
    "metrics/what?#fragment&a=1.csv",
    'metrics/"quoted"\n<&>.csv',
    "metrics//double//slash.csv",
]


@pytest.fixture
def client(azurite: str) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(azurite, retry_total=0) as opened:
        yield opened


@pytest.fixture
def blobs(client: BlobServiceClient) -> AzureBlobStore:
    return AzureBlobStore(client)


@pytest.fixture
def container(client: BlobServiceClient) -> Iterator[str]:
    """A drop container that goes with the test, so that no other test's watcher sees it."""
    name = f"drop-{uuid4().hex[:12]}"
    client.create_container(name)
    yield name
    client.delete_container(name)


Read = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def events(queue: AzureQueue, container: str) -> Read:
    """Takes what was announced of the test's container so far."""

    def read() -> list[dict[str, Any]]:
        taken = []
        while (message := queue.receive(visibility_seconds=60)) is not None:
            queue.delete(message)
            event = json.loads(message.body)
            if event["subject"].startswith(f"/blobServices/default/containers/{container}/"):
                taken.append(event)
        return taken

    return read


def names(events: list[dict[str, Any]], container: str) -> list[str]:
    return [event["subject"].removeprefix(f"/blobServices/default/containers/{container}/blobs/") for event in events]


def collected(read: Read, count: int) -> list[dict[str, Any]]:
    """Wait for `count` events, and a little longer for one too many."""
    got: list[dict[str, Any]] = []

    def enough() -> bool:
        got.extend(read())
        return len(got) >= count

    wait_until(enough)
    time.sleep(0.5)
    return got + read()


def test_new_and_overwritten_uploads_are_announced_once_each(
    blobs: AzureBlobStore, queue: AzureQueue, container: str, events: Read
) -> None:
    with EventGridEmulator(blobs, queue, interval_seconds=0.1):
        first = blobs.put(container, "metrics/a.csv", b"1")
        assert [event["data"]["eTag"] for event in collected(events, 1)] == [first]
        second = blobs.put(container, "metrics/a.csv", b"22")
        blobs.put(container, "metrics/b.csv", b"3")
        later = collected(events, 2)
    assert sorted(names(later, container)) == ["metrics/a.csv", "metrics/b.csv"]
    (again,) = (event for event in later if event["subject"].endswith("/a.csv"))
    assert again["data"]["eTag"] == second
    assert again["data"]["contentLength"] == 2
    assert again["eventType"] == "Microsoft.Storage.BlobCreated"


def test_names_arrive_exactly_as_they_are(blobs: AzureBlobStore, queue: AzureQueue, container: str, events: Read) -> None:
    for name in AWKWARD:
        blobs.put(container, name, b"x")
    with EventGridEmulator(blobs, queue, interval_seconds=0.1):
        assert sorted(names(collected(events, len(AWKWARD)), container)) == sorted(AWKWARD)


def test_what_was_there_before_is_announced_unless_told_otherwise(
    blobs: AzureBlobStore, queue: AzureQueue, container: str, events: Read
) -> None:
    blobs.put(container, "metrics/old.csv", b"1")
    with EventGridEmulator(blobs, queue, interval_seconds=0.1, announce_existing=False):
        blobs.put(container, "metrics/new.csv", b"1")
        assert names(collected(events, 1), container) == ["metrics/new.csv"]
    with EventGridEmulator(blobs, queue, interval_seconds=0.1):
        assert sorted(names(collected(events, 2), container)) == ["metrics/new.csv", "metrics/old.csv"]


def test_appends_are_not_announced_after_the_creation(
    client: BlobServiceClient, blobs: AzureBlobStore, queue: AzureQueue, container: str, events: Read
) -> None:
    log = client.get_blob_client(container, "events/log.ndjson")
    log.create_append_blob()
    with EventGridEmulator(blobs, queue, interval_seconds=0.1):
        (created,) = collected(events, 1)
        assert created["data"]["blobType"] == "AppendBlob"
        log.append_block(b"{}\n")
        blobs.put(container, "events/after.ndjson", b"{}")
        assert names(collected(events, 1), container) == ["events/after.ndjson"]


def test_a_container_that_cannot_be_listed_holds_up_no_other(
    client: BlobServiceClient, blobs: AzureBlobStore, queue: AzureQueue, container: str, events: Read
) -> None:
    spoiled = f"drop-0{uuid4().hex[:8]}"
    client.create_container(spoiled)
    try:
        client.get_blob_client(spoiled, "metrics/\x01.csv").upload_blob(b"x")
        with EventGridEmulator(blobs, queue, interval_seconds=0.1):
            blobs.put(container, "metrics/a.csv", b"1")
            assert names(collected(events, 1), container) == ["metrics/a.csv"]
    finally:
        client.delete_container(spoiled)


def test_both_schemas_say_the_same() -> None:
    event = BlobCreated(
        container="drop-acme",
        name="metrics/ä b.csv",
        etag="0x1",
        size=7,
        at=datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
        sequencer="00",
    )
    grid, cloud = event.event_grid(), event.cloud_event()
    assert grid["subject"] == cloud["subject"] == "/blobServices/default/containers/drop-acme/blobs/metrics/ä b.csv"
    assert grid["topic"] == cloud["source"]
    assert (grid["id"], grid["eventType"], grid["eventTime"]) == (cloud["id"], cloud["type"], cloud["time"])
    assert cloud["specversion"] == "1.0"
    assert grid["data"]["url"].endswith("/drop-acme/metrics/%C3%A4%20b.csv")
    assert json.loads(message_body(grid)) == grid
    assert message_body(grid).isascii()
