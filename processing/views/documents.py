"""Receipts and states as they are stored, whole."""

from __future__ import annotations

from processing.domain import blob_names
from processing.domain.blob_names import is_receipt
from processing.domain.datasets import STREAM_DATASETS
from processing.domain.documents import from_json
from processing.domain.receipts import Receipt
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.ports import BlobStore


def receipts(drop: BlobStore, customer: str) -> list[Receipt]:
    """Every receipt of a customer, by name of the upload."""
    container = blob_names.receipts_container(customer)
    found = (drop.get(container, info.name) for info in drop.list_blobs(container) if is_receipt(info.name))
    return sorted((from_json(Receipt, each[0]) for each in found if each is not None), key=lambda receipt: receipt.blob)


def streams(lake: BlobStore, customer: str) -> list[StreamState]:
    """The state of each stream of a customer that has one."""
    names = (blob_names.state_name(Stream(customer, dataset)) for dataset in STREAM_DATASETS)
    found = (lake.get(blob_names.STATE_CONTAINER, name) for name in names)
    return [from_json(StreamState, each[0]) for each in found if each is not None]
