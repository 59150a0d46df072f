"""The uploads that a drop container holds now, by one listing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from os.path import commonprefix
from typing import Final

from processing.domain import blob_names
from processing.domain.blob_names import DataFile, Marker, MissedMarker, NotData
from processing.ports import BlobInfo, BlobStore

MOST_LOOKED_AT: Final = 1_000
"""Blobs that are asked for one by one, by names that are known: for more, a listing costs less."""
_FOLDERS: Final = frozenset({"inode/directory", "application/x-directory", "httpd/unix-directory"})
"""Content types that gateways and file systems give a folder."""
_FEW: Final = 10
"""Empty blobs that are looked at one by one: for more, a listing costs less."""


def list_uploads(store: BlobStore, customer: str, prefix: str = "", *, metadata: bool = False) -> Iterator[BlobInfo]:
    """Blobs that are to be answered; what the contract calls "never data" is left out, but for directory stubs.

    So are names that no request can carry (a segment `.` or `..`): nobody can read them, and nothing waits for them.
    """
    for info in store.list_blobs(blob_names.drop_container(customer), prefix, metadata=metadata):
        if is_upload(info.name):
            yield info


def is_data(name: str) -> bool:
    """Whether an upload of this name should hold rows; only such ones hold up a day or are missed in it."""
    return isinstance(blob_names.kind_of_upload(name), DataFile)


def find_uploads(store: BlobStore, customer: str, names: Collection[str]) -> dict[str, BlobInfo]:
    """Those of these uploads that are there now: one by one while that costs less than listing them all."""
    if len(names) > MOST_LOOKED_AT:
        listed = list_uploads(store, customer, _shared(names), metadata=True)
        return {info.name: info for info in listed if info.name in names}
    found = ((name, store.head(blob_names.drop_container(customer), name)) for name in sorted(names) if is_upload(name))
    return {name: info for name, info in found if info is not None}


def is_upload(name: str) -> bool:
    """Whether a blob of this name is to be answered, unless it is a directory stub."""
    return blob_names.is_addressable(name) and not isinstance(blob_names.kind_of_upload(name), NotData)


def is_folder(info: BlobInfo) -> bool:
    """Whether a blob only stands for a folder: it is empty, and its metadata, its content type or its name says so.

    Such a blob never marks a day.
    """
    return info.size == 0 and (_is_declared(info) or info.content_type in _FOLDERS or info.name.endswith("/"))


def is_stub(info: BlobInfo) -> bool:
    """Whether a blob stands for a folder and is answered by nobody.

    Where a person or a gateway made a folder in the place of a marker, the receipt says how a marker is called; what file
    systems on storage declare as folders they write for each folder of a path, that of `_SUCCESS` among them.
    """
    if not is_folder(info):
        return False
    return _is_declared(info) or not isinstance(blob_names.kind_of_upload(info.name), Marker | MissedMarker)


def _is_declared(info: BlobInfo) -> bool:
    return info.metadata.get("hdi_isfolder", "").lower() == "true"


def directory_stubs(store: BlobStore, customer: str, candidates: Iterable[BlobInfo]) -> set[str]:
    """Names of those among listed blobs that only stand for a folder.

    However many they are, this costs ten requests or one listing with metadata of what begins as all of them do, and nothing
    when none is empty. A blob that is another version by now is none: what it is, the next listing tells.
    """
    candidates = [info for info in candidates if info.size == 0]
    empty = {info.name: info.etag for info in candidates}
    # What the listing itself tells needs no look.
    known = {info.name for info in candidates if is_stub(info)}
    empty = {name: etag for name, etag in empty.items() if name not in known}
    found = _looked_at(store, customer, list(empty)) if len(empty) <= _FEW else _listed(store, customer, list(empty))
    return known | {info.name for info in found if empty.get(info.name) == info.etag and is_stub(info)}


def _looked_at(store: BlobStore, customer: str, names: list[str]) -> Iterator[BlobInfo]:
    for name in names:
        info = store.head(blob_names.drop_container(customer), name)
        if info is not None:
            yield info


def _listed(store: BlobStore, customer: str, names: list[str]) -> Iterator[BlobInfo]:
    return store.list_blobs(blob_names.drop_container(customer), _shared(names), metadata=True)


def _shared(names: Collection[str]) -> str:
    # Letters, not whole folders, are what a listing goes by.
    return commonprefix(list(names))  # noqa: RUF071
