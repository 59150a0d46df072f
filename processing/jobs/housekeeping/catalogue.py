"""Writes down what past months have of each metric, so that the catalogue need not read their days."""

from __future__ import annotations

from processing.domain.datasets import Dataset
from processing.domain.streams import Stream
from processing.stored.catalogue import store_past_months
from processing.stored.context import JobContext
from processing.stored.stream_state import load_state


def store_catalogue(context: JobContext, stream: Stream) -> int:
    """Write the stream's file of past months when it is not as it should be; returns how many months were read."""
    if stream.dataset not in (Dataset.METRICS, Dataset.EVENTS):
        return 0
    return store_past_months(context.lake, context.results, load_state(context, stream).state)
