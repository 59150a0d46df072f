"""The streams of a customer: which of its datasets have days to process."""

from __future__ import annotations

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.jobs.context import JobContext
from processing.tables.day_catalogue import PROCESSED_DATASETS


def streams_of(context: JobContext, customer: str) -> list[Dataset]:
    """The data datasets of a customer that have had an upload, rows among other uploads, or a marker of their own.

    A stream that has a state stays one, whatever is deleted: a publication of it may not be in every table yet.
    """
    drop, receipts = blob_names.drop_container(customer), blob_names.receipts_container(customer)
    return [
        dataset
        for dataset in PROCESSED_DATASETS
        if context.lake.head(blob_names.STATE_CONTAINER, blob_names.state_name(customer, dataset)) is not None
        or any(True for _ in context.drop.list_blobs(receipts, f"{dataset}/"))
        or any(True for _ in context.drop.list_blobs(drop, f"{dataset}/"))
        or any(True for _ in context.drop.list_blobs(drop, f"{Dataset.SIGNALS}/{dataset}/"))
        or any(True for _ in context.lake.list_blobs(blob_names.STAGED_CONTAINER, blob_names.parts_prefix(customer, dataset)))
    ]
