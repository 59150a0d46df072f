"""A listing of many pages: what changes between them, names that must be quoted, metadata of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from processing.storage.azure_blob import AzureBlobStore
from processing.storage.connections import Connection

AWKWARD = ("a&b=c", "a b", "a%2Fb", "a+b", "é/ü", "x#y?z", "~", "\U0001f600")


@pytest.fixture
def paged(connection: Connection) -> Iterator[AzureBlobStore]:
    with connection.blob_service() as client:
        yield AzureBlobStore(client, page=2)


@pytest.fixture
def box(azure_store: AzureBlobStore) -> str:
    container = f"box-{uuid4().hex}"
    azure_store.create_container(container)
    return container


@pytest.mark.parametrize("metadata", [False, True])
def test_all_pages_come_each_blob_once_and_tell_what_a_look_does(
    azure_store: AzureBlobStore, paged: AzureBlobStore, box: str, metadata: bool
) -> None:
    told = {"plain": "x", "empty": "", "coded": "ü=&\n<>", "long": "y" * 4_000}
    for name in AWKWARD:
        azure_store.put(box, name, name.encode(), metadata=told)
    found = list(paged.list_blobs(box, metadata=metadata))
    assert sorted(info.name for info in found) == sorted(AWKWARD)
    for info in found:
        looked = azure_store.head(box, info.name)
        assert looked is not None
        assert (info.etag, info.size, info.last_modified) == (looked.etag, looked.size, looked.last_modified)
        assert info.metadata == (looked.metadata if metadata else {})


def test_pages_go_on_from_the_name_that_a_listing_begins_with(
    azure_store: AzureBlobStore, paged: AzureBlobStore, box: str
) -> None:
    for name in "abcdefg":
        azure_store.put(box, name, b"")
    assert [info.name for info in paged.list_blobs(box, start="c5")] == list("defg")


def test_what_changes_between_pages_is_seen_where_the_listing_has_not_been_yet(
    azure_store: AzureBlobStore, paged: AzureBlobStore, box: str
) -> None:
    for name in "abcdef":
        azure_store.put(box, name, b"")
    listing = paged.list_blobs(box)
    names = [next(listing).name, next(listing).name]
    azure_store.delete(box, "d")
    for name in ("0", "e5"):
        azure_store.put(box, name, b"")
    etag = azure_store.put(box, "f", b"new")
    rest = list(listing)
    assert names + [info.name for info in rest] == ["a", "b", "c", "e", "e5", "f"]
    assert (rest[-1].etag, rest[-1].size) == (etag, 3)
