"""Deletes what work on uploads and days left beside the state, and nothing refers to any more."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Final

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet
from processing.domain.request_claims import CLAIMS_PREFIX, KEPT
from processing.domain.streams import Stream
from processing.jobs.housekeeping.deletion import delete_each
from processing.ports import Condition
from processing.stored.change_notes import list_changes
from processing.stored.context import JobContext
from processing.stored.file_index import forget_file_index, load_file_index
from processing.stored.journal import has_journal
from processing.stored.receipts import look_at_receipts
from processing.stored.stream_state import load_state
from processing.stored.upload_notes import list_notes

_REST: Final = timedelta(days=2)
"""Longer than any attempt, and than any look between writing a list and writing the state that names it."""


def delete_notes(context: JobContext, customer: str) -> int:
    """Delete notes of attempts long over that could not be taken away at their end; returns how many."""
    now = context.lake.service_time()
    old = [
        each for each in list_notes(context, customer).values() if each.note.replaces is None and each.written + _REST <= now
    ]
    for each in old:
        with suppress(ConditionNotMet):  # the upload is worked on again
            name = blob_names.note_name(customer, each.note.blob)
            context.lake.delete(blob_names.STATE_CONTAINER, name, when=Condition.unchanged(each.etag))
    return len(old)


def delete_file_segments(context: JobContext, customer: str) -> int:
    """Delete segments of the index of files that it does not name any more; returns how many.

    An index of which one is gone is forgotten: the next sweep makes it anew.
    """
    now = context.lake.service_time()
    # The segments, then the index: one that it names later is younger than any that is deleted.
    infos = list(context.lake.list_blobs(blob_names.STATE_CONTAINER, blob_names.file_segments_prefix(customer)))
    index = load_file_index(context, customer)
    named = frozenset(each.name for each in index.segments) if index is not None else frozenset()
    missing = named.difference(info.name for info in infos)
    if any(context.lake.head(blob_names.STATE_CONTAINER, name) is None for name in missing):
        forget_file_index(context, customer)
    old = [info for info in infos if info.name not in named and info.last_modified + _REST <= now]
    return delete_each(context.lake, blob_names.STATE_CONTAINER, old, customer=customer, step="file_segments")


def delete_claims(context: JobContext, customer: str) -> int:
    """Delete what is known of requests that their callers may not send again any more; returns how many."""
    container, before = blob_names.journal_container(customer), context.drop.service_time() - KEPT
    if not has_journal(context, customer):
        return 0
    old = [info for info in context.drop.list_blobs(container, CLAIMS_PREFIX) if info.last_modified <= before]
    return delete_each(context.drop, container, old, customer=customer, step="claims")


def delete_expected_files(context: JobContext, stream: Stream) -> int:
    """Delete lists of expected files that no day waits for; returns how many."""
    now = context.lake.service_time()
    # The lists, then the state: what it names is among those that are left alone.
    prefix = blob_names.expected_prefix(stream)
    infos = list(context.lake.list_blobs(blob_names.STATE_CONTAINER, prefix))
    named = {record.expected_in for record in load_state(context, stream).state.days.values()} if infos else set()
    old = [info.name for info in infos if info.name not in named and info.last_modified + _REST <= now]
    return delete_each(context.lake, blob_names.STATE_CONTAINER, old, customer=stream.customer, step="expected_files")


def delete_closed_days(context: JobContext, stream: Stream) -> int:
    """Delete documents of closed days in whose place a later one is named; returns how many.

    They are kept for as long as a state may be restored from before.
    """
    rest = timedelta(days=max(context.retention.delta, _REST.days))
    now = context.lake.service_time()
    # The documents, then the state: what it names is among those that are left alone.
    infos = list(context.lake.list_blobs(blob_names.STATE_CONTAINER, blob_names.closed_prefix(stream)))
    closed = load_state(context, stream).state.closed if infos else ()
    named = {name for each in closed for name in (each.document, each.known_keys)}
    old = [info for info in infos if info.name not in named and info.last_modified + rest <= now]
    return delete_each(context.lake, blob_names.STATE_CONTAINER, old, customer=stream.customer, step="closed_days")


def delete_changes(context: JobContext, stream: Stream) -> int:
    """Delete notes of changes that an attempt announced and never made; returns how many."""
    now = context.lake.service_time()
    old = [each for each in list_changes(context.lake, stream) if each.written + _REST <= now]
    receipts = look_at_receipts(context.drop, stream.customer, {each.note.receipt for each in old})
    gone = [each.name for each in old if not each.is_over(receipts)]
    return delete_each(context.lake, blob_names.STATE_CONTAINER, gone, customer=stream.customer, step="changes")
