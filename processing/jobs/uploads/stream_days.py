"""What ingest is told of the streams that an upload may have rows of: which of their days can still be changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from processing.domain.blob_names import PartName
from processing.domain.datasets import Dataset
from processing.domain.readiness.marker_manifest import folders_of
from processing.domain.receipts import Part, Upload
from processing.domain.streams import Stream
from processing.ingest.receipt_warnings import StreamDays
from processing.publication.compute_day import PROCESSED_DATASETS
from processing.stored.context import JobContext
from processing.stored.stream_state import load_state


def stream_days(context: JobContext, upload: Upload, folder: Dataset) -> dict[Dataset, StreamDays]:
    """The days of each stream that an upload to this folder may have rows of."""
    uploaded = context.zone.day_of(upload.last_modified)
    kept_until = uploaded + timedelta(days=context.retention.staged)
    found = {}
    for dataset in PROCESSED_DATASETS:
        if f"{folder}/" in folders_of(dataset):
            stored = load_state(context, Stream(upload.customer, dataset))
            found[dataset] = StreamDays(
                first_day=stored.state.first_day,
                closed=stored.state.closed_days(),
                is_known=stored.etag is not None,
                kept_until=kept_until,
            )
    return found


def has_closed_since(context: JobContext, upload: Upload, parts: Iterable[Part]) -> bool:
    """Whether a day that staged parts are of was closed since they were made, so that their rows would be lost in silence."""
    names = [name for part in parts if (name := PartName.parse(part.name)) is not None]
    # Only days so old may be closed; of others nobody needs to be asked.
    latest = context.zone.day_of(context.drop.service_time()) - timedelta(days=context.retention.staged) if names else date.min
    old = [name for name in names if name.day <= latest]
    states = {
        dataset: load_state(context, Stream(upload.customer, dataset)).state for dataset in {name.dataset for name in old}
    }
    return any(states[name.dataset].is_closed(name.day) for name in old)
