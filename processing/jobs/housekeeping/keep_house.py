"""One round of housekeeping over every customer (contract section 6, retention; protocol, Housekeeping)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import structlog

from processing.jobs.context import JobContext
from processing.jobs.customers import list_customers
from processing.jobs.failures import log_failure
from processing.jobs.housekeeping.days import close_days
from processing.jobs.housekeeping.leftovers import delete_expected_files, delete_notes
from processing.jobs.housekeeping.parts import delete_parts
from processing.jobs.housekeeping.tables import delete_table_files
from processing.jobs.housekeeping.uploads import delete_receipts, delete_rejected_rows, delete_uploads
from processing.jobs.streams import streams_of

_log = structlog.get_logger()


def keep_house(context: JobContext) -> dict[str, int]:
    """Delete what retention gives up, and what no receipt and no publication refers to; returns how many of each kind.

    A customer whose storage fails holds up no other, and one step no other step.
    """
    deleted: Counter[str] = Counter()
    for customer in list_customers(context):
        for what, step in _steps(context, customer):
            try:
                deleted[what] += step()
            except Exception as error:  # noqa: BLE001 - it is tried again with the next round
                log_failure(_log, "housekeeping_failed", error, customer=customer, step=what)
    _log.info("house_kept", **deleted)
    return dict(deleted)


def _steps(context: JobContext, customer: str) -> list[tuple[str, Callable[[], int]]]:
    def every_stream(step: Callable[..., int]) -> Callable[[], int]:
        return lambda: sum(step(context, customer, dataset) for dataset in streams_of(context, customer))

    return [
        ("days_closed", every_stream(close_days)),
        ("parts", every_stream(delete_parts)),
        ("table_files", every_stream(delete_table_files)),
        ("uploads", lambda: delete_uploads(context, customer)),
        ("rejected_rows", lambda: delete_rejected_rows(context, customer)),
        ("receipts", lambda: delete_receipts(context, customer)),
        ("expected_files", every_stream(delete_expected_files)),
        ("notes", lambda: delete_notes(context, customer)),
    ]
