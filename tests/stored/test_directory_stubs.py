"""Which empty blobs only stand for a folder, and what it costs to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from processing.ports import BlobInfo
from processing.stored.uploads import directory_stubs, list_uploads
from processing.views.status import status
from tests.support.in_memory import InMemoryBlobStore
from tests.support.memory import Memory

DROP = "drop-acme"


class Counting(InMemoryBlobStore):
    """Counts what it is asked; another client may change a blob first."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.create_container(DROP)

    def head(self, container: str, name: str) -> BlobInfo | None:
        self.asked += 1
        return super().head(container, name)

    def list_blobs(self, container: str, prefix: str = "", **how: Any) -> Iterator[BlobInfo]:
        self.asked += 1
        return super().list_blobs(container, prefix, **how)

    def stub(self, name: str, **more: str) -> None:
        self.put(DROP, name, b"", metadata={"hdi_isfolder": "true", **more})


@pytest.fixture(params=[3, 300], ids=["few", "many"])
def store(request: pytest.FixtureRequest) -> Counting:
    """As many stubs, and beside them an empty upload and one with the metadata of a stub and bytes."""
    store = Counting()
    for number in range(request.param):
        store.stub(f"metrics/{number:03}")
    store.put(DROP, "metrics/empty.csv", b"")
    store.put(DROP, "metrics/full.csv", b"x", metadata={"hdi_isfolder": "true"})
    return store


def test_stubs_are_known_by_their_metadata_with_a_few_requests(store: Counting) -> None:
    infos = list(list_uploads(store, "acme"))
    store.asked = 0
    assert directory_stubs(store, "acme", infos) == {info.name for info in infos} - {"metrics/empty.csv", "metrics/full.csv"}
    assert store.asked <= 4


def test_a_blob_that_became_a_stub_or_ceased_to_be_one_meanwhile_is_taken_for_an_upload(store: Counting) -> None:
    infos = list(list_uploads(store, "acme"))
    store.stub("metrics/empty.csv")
    store.put(DROP, "metrics/000", b"")
    store.stub("metrics/001", renewed="true")
    store.delete(DROP, "metrics/002")
    stubs = directory_stubs(store, "acme", infos)
    assert not stubs & {"metrics/empty.csv", "metrics/000", "metrics/001", "metrics/002"}


def test_nothing_is_asked_when_no_upload_is_empty() -> None:
    store = Counting()
    store.put(DROP, "metrics/a.csv", b"x")
    infos = list(list_uploads(store, "acme"))
    store.asked = 0
    assert directory_stubs(store, "acme", infos) == set()
    assert store.asked == 0


def test_the_status_counts_uploads_and_no_stubs() -> None:
    world = Memory()
    world.put("metrics/empty.csv")
    for number in range(20):
        world.drop.put(world.container, f"metrics/{number}", b"", metadata={"hdi_isfolder": "true"})
    (customer,) = status(world.context, ["acme"]).customers
    assert customer.uploads is not None
    assert (customer.uploads.answered, customer.uploads.unanswered) == (0, 1)
    assert customer.uploads.oldest_unanswered == world.time.now
