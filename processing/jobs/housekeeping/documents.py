"""Deletes status documents of days that are over for good, and differences that no status names any more."""

from __future__ import annotations

from datetime import timedelta

from processing.domain import blob_names
from processing.domain.blob_names import DayDocument
from processing.domain.kept_documents import keeps_document
from processing.domain.streams import Stream
from processing.jobs.housekeeping.deletion import delete_each
from processing.stored.context import JobContext
from processing.stored.stream_state import load_state


def delete_documents(context: JobContext, stream: Stream) -> int:
    """Delete documents older than the retention of receipts that nobody needs; returns how many.

    The state says everything that a status document says of its day, so that nothing is lost but what a customer reads.
    """
    now = context.drop.service_time()
    today, receipts = context.zone.day_of(now), context.retention.receipts
    container = blob_names.receipts_container(stream.customer)
    # Documents, then state: one that is named after it was listed is younger than any retention.
    listed = list(context.drop.list_blobs(container, blob_names.days_prefix(stream.dataset)))
    old = [(info, DayDocument.parse(info.name)) for info in listed if info.last_modified < now - timedelta(days=receipts)]
    if not old:
        return 0
    state = load_state(context, stream).state
    named = {record.difference for record in state.days.values()}

    def is_kept(document: DayDocument) -> bool:
        is_known = document.day in state.days or state.is_published(document.day)
        return is_known and keeps_document(state, document.day, today=today, receipts=receipts)

    # Of a day that is closed no difference is as old as the retention while the day is younger.
    gone = [
        info
        for info, document in old
        if document is not None
        and not (is_kept(document) and (not document.is_difference or info.name in named or document.day not in state.days))
    ]
    return delete_each(context.drop, container, gone, customer=stream.customer, step="documents")
