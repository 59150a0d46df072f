"""Has a turn that published many days write down what they have of each metric, so that no page reads them one by one."""

from __future__ import annotations

from typing import Final

import structlog

from processing.domain.datasets import Dataset
from processing.domain.streams import Stream
from processing.jobs.failures import log_failure
from processing.stored.catalogue import count_unknown_days, store_months
from processing.stored.context import JobContext
from processing.stored.stream_state import load_state

MOST_UNKNOWN: Final = 8
"""Days that a page may have to read from their own files; fewer are left to the night."""

_log = structlog.get_logger()


def keep_catalogue(context: JobContext, stream: Stream) -> None:
    """Write the files of months of a stream where they lack many days; what fails is logged, and left to the night."""
    if stream.dataset not in (Dataset.METRICS, Dataset.EVENTS):
        return
    try:
        state = load_state(context, stream).state
        if count_unknown_days(context.lake, state) > MOST_UNKNOWN:
            store_months(context.lake, context.results, state)
    except Exception as error:  # noqa: BLE001 - the days are published
        log_failure(_log, "catalogue_not_kept", error, customer=stream.customer, dataset=stream.dataset)
