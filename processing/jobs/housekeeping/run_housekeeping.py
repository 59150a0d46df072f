"""One round of housekeeping over every customer (contract section 6, retention; protocol, Housekeeping)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog

from processing.domain.streams import Stream
from processing.jobs.failures import log_failure
from processing.jobs.housekeeping.days import close_days
from processing.jobs.housekeeping.documents import delete_documents
from processing.jobs.housekeeping.leftovers import delete_changes, delete_expected_files, delete_notes
from processing.jobs.housekeeping.parts import delete_parts
from processing.jobs.housekeeping.tables import delete_table_files
from processing.jobs.housekeeping.uploads import delete_receipts, delete_rejected_rows, delete_uploads
from processing.stored.context import JobContext
from processing.stored.customers import list_customers
from processing.stored.streams import begin_streams_with_rows, known_streams

_OF_STREAMS: Final[Mapping[str, Callable[[JobContext, Stream], int]]] = {
    "days_closed": close_days,
    "parts": delete_parts,
    "table_files": delete_table_files,
    "documents": delete_documents,
    "expected_files": delete_expected_files,
    "changes": delete_changes,
}
"""Days are closed first, in all streams: what they held is what the steps after it may delete."""
_OF_CUSTOMERS: Final[Mapping[str, Callable[[JobContext, str], int]]] = {
    "uploads": delete_uploads,
    "rejected_rows": delete_rejected_rows,
    "receipts": delete_receipts,
    "notes": delete_notes,
}

_log = structlog.get_logger()


def run_housekeeping(context: JobContext) -> dict[str, int]:
    """Delete what retention gives up, and what no receipt and no publication refers to; returns how many of each kind.

    A customer whose storage fails holds up no other, a stream no other stream, and one step no other step.
    """
    deleted: Counter[str] = Counter()
    for customer in list_customers(context):
        streams: list[Stream] = []
        with _failures_logged(customer, "streams"):
            begin_streams_with_rows(context, customer)
            streams = known_streams(context, customer)
        for what, of_stream in _OF_STREAMS.items():
            for stream in streams:
                with _failures_logged(customer, what):
                    deleted[what] += of_stream(context, stream)
        for what, of_customer in _OF_CUSTOMERS.items():
            with _failures_logged(customer, what):
                deleted[what] += of_customer(context, customer)
    _log.info("housekeeping_done", **deleted)
    return dict(deleted)


@contextmanager
def _failures_logged(customer: str, step: str) -> Iterator[None]:
    """A failure ends this step alone; it is tried again with the next round."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever is wrong stays with this step
        log_failure(_log, "housekeeping_failed", error, customer=customer, step=step)
