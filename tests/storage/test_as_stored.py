"""Bytes are read as they are stored, whatever their writer says of them (contract section 3)."""

from __future__ import annotations

import gzip
from uuid import uuid4

import pytest
from azure.storage.blob import ContentSettings

from processing.storage.azure_blob import AzureBlobStore
from processing.storage.connections import Connection


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "utf-8", "gzip, gzip"])
@pytest.mark.parametrize("data", [gzip.compress(b"rows\n" * 100), b"rows\n" * 100], ids=["packed", "plain"])
def test_the_content_encoding_changes_nothing_that_is_read(
    azure_store: AzureBlobStore, connection: Connection, encoding: str, data: bytes
) -> None:
    box = f"box-{uuid4().hex}"
    azure_store.create_container(box)
    with connection.blob_service() as client:
        settings = ContentSettings(content_encoding=encoding)
        client.get_blob_client(box, "a.csv").upload_blob(data, content_settings=settings)
    found = azure_store.get(box, "a.csv")
    assert found is not None
    assert found[0] == data
    assert found[1].size == len(data)
    etag = found[1].etag
    assert azure_store.peek(box, "a.csv", length=10_000) == (found[1], data)
    assert azure_store.get_range(box, "a.csv", etag=etag, offset=0, length=len(data)) == data
    assert azure_store.get_range(box, "a.csv", etag=etag, offset=3, length=9) == data[3:12]


def test_the_content_type_is_told_alike_by_a_look_and_by_a_listing(azure_store: AzureBlobStore, connection: Connection) -> None:
    box = f"box-{uuid4().hex}"
    azure_store.create_container(box)
    with connection.blob_service() as client:
        settings = ContentSettings(content_type="inode/directory")
        client.get_blob_client(box, "folder").upload_blob(b"", content_settings=settings)
    info = azure_store.head(box, "folder")
    assert info is not None
    assert [info.content_type, *(each.content_type for each in azure_store.list_blobs(box))] == ["inode/directory"] * 2
