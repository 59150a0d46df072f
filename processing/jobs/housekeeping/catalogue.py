"""Writes down what months have of each metric, so that nobody who asks need read their days."""

from __future__ import annotations

from processing.domain.datasets import Dataset
from processing.domain.streams import Stream
from processing.stored.catalogue import store_months
from processing.stored.context import JobContext
from processing.stored.stream_state import load_state


def store_catalogue(context: JobContext, stream: Stream) -> int:
    """Write the stream's files of months that are not as they should be; returns of how many."""
    if stream.dataset not in (Dataset.METRICS, Dataset.EVENTS):
        return 0
    return store_months(context.lake, context.results, load_state(context, stream).state)
