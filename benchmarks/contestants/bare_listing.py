"""The listings that a look at a stream needs, by the plain SDK: names, and metadata of receipts; nothing is done with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobServiceClient

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.streams import Stream


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:  # noqa: ARG001 - nothing is written here
    """The work: list the uploads, the receipts with their metadata and the parts of `customer`."""
    client = BlobServiceClient.from_connection_string(task["connection"])
    customer = task["customer"]
    client.get_container_client(blob_names.STATE_CONTAINER).get_container_properties()
    wanted: tuple[tuple[str, str, list[str]], ...] = (
        (blob_names.drop_container(customer), f"{Dataset.METRICS}/", []),
        (blob_names.receipts_container(customer), f"{Dataset.METRICS}/", ["metadata"]),
        (blob_names.STAGED_CONTAINER, blob_names.parts_prefix(Stream(customer, Dataset.METRICS)), []),
    )

    def work() -> dict[str, Any]:
        return {
            "blobs": [
                sum(1 for _ in client.get_container_client(container).list_blobs(name_starts_with=prefix, include=include))
                for container, prefix, include in wanted
            ]
        }

    return work
