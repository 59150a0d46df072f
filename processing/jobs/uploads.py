"""The uploads that a drop container holds now, by one listing."""

from __future__ import annotations

from collections.abc import Iterator

from processing.domain import blob_names
from processing.domain.blob_names import NotData
from processing.ports import BlobInfo, BlobStore


def list_uploads(store: BlobStore, customer: str, prefix: str = "", *, metadata: bool = False) -> Iterator[BlobInfo]:
    """Blobs that are to be answered; what the contract calls "never data" is left out, but for directory stubs.

    So are names that no request can carry (a segment `.` or `..`): nobody can read them, and nothing waits for them.
    """
    for info in store.list_blobs(blob_names.drop_container(customer), prefix, metadata=metadata):
        if blob_names.is_addressable(info.name) and not isinstance(blob_names.kind_of_upload(info.name), NotData):
            yield info


def is_stub(info: BlobInfo) -> bool:
    """Whether a blob only stands for a folder: it is empty, and its metadata says so."""
    return info.size == 0 and info.metadata.get("hdi_isfolder") == "true"


def is_directory_stub(store: BlobStore, customer: str, info: BlobInfo) -> bool:
    """Whether a listed blob only stands for a folder.

    The names-only listing does not show metadata, so that callers ask this of empty blobs without an answer alone.
    """
    if info.size != 0:
        return False
    present = store.head(blob_names.drop_container(customer), info.name)
    return present is not None and is_stub(present)
