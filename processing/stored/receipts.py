"""Reading receipts: one, or the state of thousands by one listing of their metadata (protocol, Objects)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from processing.domain import blob_names
from processing.domain.datasets import FOLDERS
from processing.domain.documents import from_json
from processing.domain.readiness.marker_manifest import folders_of
from processing.domain.receipts import Receipt, ReceiptSummary
from processing.domain.streams import Stream
from processing.ports import BlobInfo, BlobStore
from processing.stored.uploads import MOST_LOOKED_AT


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedReceipt:
    """A receipt as a listing shows it."""

    blob: str
    """Name of the receipt in the receipts container."""
    etag: str
    """Of the receipt itself."""
    summary: ReceiptSummary


def read_receipt(store: BlobStore, customer: str, upload: str) -> tuple[Receipt, str] | None:
    """The receipt of an upload and the ETag of the receipt itself, or None."""
    found = store.get(blob_names.receipts_container(customer), blob_names.receipt_name(upload))
    return None if found is None else (from_json(Receipt, found[0]), found[1].etag)


def days_in_force(store: BlobStore, customer: str, upload: str) -> list[date]:
    """The days of which an upload holds rows in force, in order, by its receipt itself."""
    found = read_receipt(store, customer, upload)
    return sorted(found[0].in_force.days) if found is not None and found[0].in_force is not None else []


def list_receipts(store: BlobStore, customer: str, prefix: str = "") -> dict[str, ListedReceipt]:
    """Receipts below a folder, by their own names."""
    return {seen.blob: seen for seen in iterate_receipts(store, customer, prefix)}


def iterate_receipts(store: BlobStore, customer: str, prefix: str = "") -> Iterator[ListedReceipt]:
    """The same, one after another, for those who keep little of each."""
    container = blob_names.receipts_container(customer)
    for info in store.list_blobs(container, prefix, metadata=True):
        seen = _listed(store, container, info) if blob_names.is_receipt(info.name) else None
        if seen is not None:
            yield seen


def find_receipts(store: BlobStore, customer: str, uploads: Collection[str]) -> dict[str, ListedReceipt]:
    """The receipts of these uploads, by the names of the uploads: one by one while that costs less than listing them all."""
    if len(uploads) > MOST_LOOKED_AT:
        folders = {name.partition("/")[0] for name in uploads}
        shared = folders.pop() if len(folders) == 1 else ""
        listed = list_receipts(store, customer, f"{shared}/" if shared in FOLDERS else "")
        return {name: seen for name in uploads if (seen := listed.get(blob_names.receipt_name(name))) is not None}
    found = look_at_receipts(store, customer, {blob_names.receipt_name(name) for name in uploads})
    return {name: seen for name in uploads if (seen := found.get(blob_names.receipt_name(name))) is not None}


def look_at_receipts(store: BlobStore, customer: str, names: Iterable[str]) -> dict[str, ListedReceipt]:
    """Those of these receipts that are there now, by their own names, with one request for each."""
    container = blob_names.receipts_container(customer)
    infos = (store.head(container, name) for name in sorted(names))
    found = (_listed(store, container, info) for info in infos if info is not None)
    return {seen.blob: seen for seen in found if seen is not None}


def _listed(store: BlobStore, container: str, info: BlobInfo) -> ListedReceipt | None:
    """What a receipt's metadata tells; None when it is gone meanwhile."""
    try:
        summary = ReceiptSummary.from_metadata(info.metadata)
    except (KeyError, ValueError):
        # A copy or a restore may have dropped the metadata; the receipt itself says the same.
        found = store.get(container, info.name)
        if found is None:
            return None
        summary = ReceiptSummary.of(from_json(Receipt, found[0]))
    return ListedReceipt(blob=info.name, etag=info.etag, summary=summary)


def list_in_force(drop: BlobStore, stream: Stream) -> dict[str, ListedReceipt]:
    """The receipts of all uploads that may hold rows of the stream, by their own names."""
    found: dict[str, ListedReceipt] = {}
    for folder in folders_of(stream.dataset):
        found |= list_receipts(drop, stream.customer, folder)
    return found
