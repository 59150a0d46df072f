"""The streams of a customer: which of its datasets have days to process.

A stream is known by its state, which is written, still empty, before the first rows of the stream count, and when a marker
is answered that waits for its first upload. So one listing tells which streams there are.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache

from processing.domain import blob_names
from processing.domain.blob_names import Marker
from processing.domain.datasets import DATA_DATASETS, STREAM_DATASETS, Dataset
from processing.domain.errors import ConditionNotMet
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.ports import BlobStore
from processing.stored.context import JobContext
from processing.stored.receipts import list_receipts
from processing.stored.stream_state import StoredState, load_state, no_state, store_state
from processing.stored.uploads import is_data, is_folder, is_stub, list_uploads


def known_streams(context: JobContext, customer: str) -> list[Stream]:
    """The streams of a customer that have a state, those among them that were one for a while and are not any more."""
    found = context.lake.list_blobs(blob_names.STATE_CONTAINER, blob_names.states_prefix(customer))
    names = {info.name for info in found}
    streams = (Stream(customer, dataset) for dataset in STREAM_DATASETS)
    return [stream for stream in streams if blob_names.state_name(stream) in names]


def known_states(context: JobContext, customer: str) -> dict[Stream, StreamState]:
    """The same with their states: three reads cost less than a listing and the reads that follow it."""
    stored = (load_state(context, Stream(customer, dataset)) for dataset in DATA_DATASETS)
    return {each.state.stream: each.state for each in stored if each.etag is not None}


def is_known(context: JobContext, stream: Stream) -> bool:
    """Whether a stream has a state."""
    return context.lake.head(blob_names.STATE_CONTAINER, blob_names.state_name(stream)) is not None


def begin_stream(context: JobContext, stream: Stream) -> None:
    """See to it that a stream is known."""
    before = no_state(stream)
    with suppress(ConditionNotMet):  # somebody else did
        store_state(context, before, before.state)


def streams_of(context: JobContext, customer: str) -> list[StoredState]:
    """The streams that have had rows, an upload that may still bring some, or a marker of their own, with their states.

    Uploads that were all refused make no stream: it would wait for a first day for ever. A stream that has begun stays one,
    whatever is deleted: a publication of it may not be in every table yet.
    """
    known = known_streams(context, customer)
    marked = cache(lambda: _marked_alone(context.drop, customer))
    found = []
    for stream in (Stream(customer, dataset) for dataset in DATA_DATASETS):
        stored = load_state(context, stream) if stream in known else no_state(stream)
        if stored.state.first_day is not None or _may_begin(context, stored, marked):
            found.append(stored)
    return found


def begin_streams_with_rows(context: JobContext, customer: str) -> None:
    """See to it that every stream is known that has rows: programs before this one did not write its state with them."""
    known = known_streams(context, customer)
    for stream in (Stream(customer, dataset) for dataset in DATA_DATASETS):
        if stream not in known and (_has_parts(context.lake, stream) or _has_open_upload(context.drop, stream, is_known=False)):
            begin_stream(context, stream)


def _may_begin(context: JobContext, stored: StoredState, marked: Callable[[], set[Dataset]]) -> bool:
    """Whether a stream without a first day may come to have one."""
    stream = stored.state.stream
    # Without a state there are no rows: it was written before them.
    has_rows = stored.etag is not None and _has_parts(context.lake, stream)
    return has_rows or stream.dataset in marked() or _has_open_upload(context.drop, stream, is_known=stored.etag is not None)


def _has_parts(lake: BlobStore, stream: Stream) -> bool:
    return any(True for _ in lake.list_blobs(blob_names.STAGED_CONTAINER, blob_names.parts_prefix(stream)))


def _marked_alone(drop: BlobStore, customer: str) -> set[Dataset]:
    """The datasets with a marker of their own."""
    found = list_uploads(drop, customer, f"{Dataset.SIGNALS}/", metadata=True)
    kinds = (blob_names.kind_of_upload(info.name) for info in found if not is_folder(info))
    return {kind.dataset for kind in kinds if isinstance(kind, Marker) and kind.dataset is not None}


def _has_open_upload(drop: BlobStore, stream: Stream, *, is_known: bool) -> bool:
    """Whether an upload to a folder of the stream's own was accepted, or has no answer yet."""
    folder = f"{stream.dataset}/"
    infos = list_uploads(drop, stream.customer, folder, metadata=True)
    uploads = [info for info in infos if is_data(info.name) and not is_stub(info)]
    if not uploads and not is_known:
        return False
    # Accepted ones may be gone.
    receipts = list_receipts(drop, stream.customer, folder)
    if any(seen.summary.attempt is not None for seen in receipts.values()):
        return True
    found = ((receipts.get(blob_names.receipt_name(info.name)), info) for info in uploads)
    return any(seen is None or not seen.summary.answers(info.etag) for seen, info in found)
