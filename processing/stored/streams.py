"""The streams of a customer: which of its datasets have days to process."""

from __future__ import annotations

from processing.domain import blob_names
from processing.domain.blob_names import Marker
from processing.domain.datasets import Dataset
from processing.domain.streams import Stream
from processing.publication.compute_day import PROCESSED_DATASETS
from processing.stored.context import JobContext
from processing.stored.receipts import list_receipts
from processing.stored.stream_state import load_state
from processing.stored.uploads import is_stub, list_uploads


def streams_of(context: JobContext, customer: str) -> list[Dataset]:
    """The data datasets of a customer that have had rows, an upload that may still bring some, or a marker of their own.

    Uploads that were all refused make no stream: it would wait for a first day for ever. A stream that has begun stays one,
    whatever is deleted: a publication of it may not be in every table yet.
    """
    return [dataset for dataset in PROCESSED_DATASETS if _has_begun(context, Stream(customer, dataset))]


def streams_to_look_at(context: JobContext, customer: str) -> list[Dataset]:
    """The streams of a customer, and those that were one for a while and are not any more."""
    return [
        dataset
        for dataset in PROCESSED_DATASETS
        if _has_state(context, Stream(customer, dataset)) or _has_begun(context, Stream(customer, dataset))
    ]


def _has_state(context: JobContext, stream: Stream) -> bool:
    return context.lake.head(blob_names.STATE_CONTAINER, blob_names.state_name(stream)) is not None


def _has_begun(context: JobContext, stream: Stream) -> bool:
    return (
        load_state(context, stream).state.first_day is not None
        or any(True for _ in context.lake.list_blobs(blob_names.STAGED_CONTAINER, blob_names.parts_prefix(stream)))
        or _has_own_marker(context, stream)
        or _has_open_upload(context, stream)
    )


def _has_own_marker(context: JobContext, stream: Stream) -> bool:
    found = list_uploads(context.drop, stream.customer, f"{Dataset.SIGNALS}/{stream.dataset}/", metadata=True)
    return any(isinstance(blob_names.kind_of_upload(info.name), Marker) and not is_stub(info) for info in found)


def _has_open_upload(context: JobContext, stream: Stream) -> bool:
    """Whether an upload to a folder of the stream's own was accepted, or has no answer yet."""
    folder = f"{stream.dataset}/"
    receipts = list_receipts(context.drop, stream.customer, folder)
    if any(seen.summary.attempt is not None for seen in receipts.values()):
        return True
    for info in list_uploads(context.drop, stream.customer, folder, metadata=True):
        seen = receipts.get(blob_names.receipt_name(info.name))
        if not is_stub(info) and (seen is None or not seen.summary.answers(info.etag)):
            return True
    return False
