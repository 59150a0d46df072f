"""Sends a worker to every stream that is not at rest, to look at it and do what is due (protocol, When a day is due).

The timer itself looks at no stream: each is looked at by a message of its own, on as many instances as there are, so that
no customer's markers, manifests or files are another's delay. It may run twice at once, late, or not at all. What it asks of
a customer is bounded: one page of the names of its signals, and small states. A customer with more signals is never at rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.blob_names import Marker, SignalFile
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import stream_work
from processing.domain.readiness.rest import SeenSignal, is_at_rest
from processing.domain.readiness.results import is_at_rest as results_at_rest
from processing.domain.stream_state import MarkerRef, StreamState
from processing.domain.streams import Stream
from processing.domain.telemetry_names import SpanName
from processing.jobs.failures import log_failure
from processing.jobs.queues import measure_queues, send_unless_behind
from processing.stored.context import JobContext
from processing.stored.customers import list_customers
from processing.stored.stream_state import load_state
from processing.stored.streams import known_states
from processing.stored.uploads import list_uploads

_MOST_SIGNALS: Final = 5_000
"""A page of a listing."""

_log = structlog.get_logger()


def advance_days(context: JobContext) -> int:
    """Put one message on `stream-work` for each stream; returns how many.

    None while the queue still holds one for each. A customer that fails holds up no other.
    """
    measure_queues(context)
    with context.telemetry.span(SpanName.ADVANCE_DAYS, {}):
        return _advance(context)


def _advance(context: JobContext) -> int:
    traceparent = context.telemetry.traceparent()
    messages: list[str] = []
    for customer in list_customers(context):
        try:
            streams = _not_at_rest(context, customer)
            messages += [stream_work(stream, traceparent=traceparent) for stream in streams]
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one customer stays with that one
            log_failure(_log, "customer_not_advanced", error, customer=customer)
    sent, waiting = send_unless_behind(context.stream_work, messages, may_wait=len(messages))
    _log.info("days_advanced", streams_sent=sent, waiting=waiting)
    return sent


def _not_at_rest(context: JobContext, customer: str) -> list[Stream]:
    """The streams that a worker is sent to."""
    states = known_states(context, customer)
    now = context.drop.service_time()
    results = [each for each in _results(context, customer, states) if not results_at_rest(each, context.readiness, now)]
    return [*_uploaded_not_at_rest(context, customer, states, now), *(state.stream for state in results)]


def _results(context: JobContext, customer: str, states: Mapping[Stream, StreamState]) -> Iterator[StreamState]:
    """The state of the results of experiments, which nobody without exposures has."""
    exposures = states.get(Stream(customer, Dataset.EXPOSURES))
    if exposures is not None and exposures.first_day is not None:
        stored = load_state(context, Stream(customer, Dataset.EXPERIMENTS))
        if stored.etag is not None:
            yield stored.state


def _uploaded_not_at_rest(
    context: JobContext, customer: str, states: Mapping[Stream, StreamState], now: datetime
) -> list[Stream]:
    streams = list(states)
    if not any(state.compared_at for state in states.values()):
        return streams  # nobody asks for its signals
    signals = list(islice(_signals(context, customer), _MOST_SIGNALS + 1))
    if len(signals) > _MOST_SIGNALS:
        return streams
    return [
        stream
        for stream in streams
        if not is_at_rest(states[stream], _of(stream, signals), now, context.readiness, context.zone)
    ]


def _signals(context: JobContext, customer: str) -> Iterator[tuple[Dataset | None, SeenSignal]]:
    """Each with the dataset whose folder it lies in, None for those of all streams."""
    for info in list_uploads(context.drop, customer, f"{Dataset.SIGNALS}/"):
        kind = blob_names.kind_of_upload(info.name)
        if isinstance(kind, Marker | SignalFile):
            ref = MarkerRef(name=info.name, etag=info.etag)
            # A marker with bytes may be a file of finished dates, whatever its name says.
            day = kind.day if isinstance(kind, Marker) and info.size == 0 else None
            yield kind.dataset, SeenSignal(ref=ref, written=info.last_modified, day=day)


def _of(stream: Stream, signals: list[tuple[Dataset | None, SeenSignal]]) -> Iterator[SeenSignal]:
    """Those that may mark a stream: exposures may be marked by those of events."""
    marking = (None, stream.dataset, Dataset.EVENTS) if stream.dataset is Dataset.EXPOSURES else (None, stream.dataset)
    return (each for dataset, each in signals if dataset in marking)
