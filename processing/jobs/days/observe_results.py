"""One look at the results of experiments: which day is due by what the customer's other streams have published."""

from __future__ import annotations

from processing.domain.datasets import Dataset
from processing.domain.errors import ConditionNotMet, LaterError
from processing.domain.queue_messages import stream_work
from processing.domain.readiness.results import advance_results
from processing.domain.streams import Stream
from processing.jobs.days.result_sources import load_sources
from processing.stored.context import JobContext
from processing.stored.customer_config import load_config
from processing.stored.day_documents import print_status
from processing.stored.policies import policy_of
from processing.stored.stream_state import StoredState, expect_epoch, load_state, store_state
from processing.stored.streams import begin_stream, is_known
from processing.stored.tries import tries


def observe_results(context: JobContext, stored: StoredState, *, epoch: int | None = None) -> StoredState:
    """The state that follows from what the other streams have published now, stored; its status documents are printed.

    With `epoch`, raises Superseded once another worker has claimed the stream. LaterError when the state changes faster
    than it can be looked at.
    """
    for _ in tries(context):
        expect_epoch(stored.state, epoch)
        before = stored.state
        now = context.drop.service_time()
        config = load_config(context.lake, before.customer, context.configs).config
        sources = load_sources(context, before.customer, config)
        changed = advance_results(before, sources, policy_of(context, config), now)
        if changed == before:
            break
        try:
            stored = store_state(context, stored, changed)
            break
        except ConditionNotMet:
            stored = load_state(context, before.stream)
    else:
        raise LaterError(f"the state of {stored.state.stream} changes faster than it is looked at")
    print_status(context, stored.state)
    return stored


def send_to_results(context: JobContext, customer: str, *, traceparent: str | None = None) -> bool:
    """Send a worker to the results of a customer whose config names experiments; whether one was sent."""
    if not load_config(context.lake, customer, context.configs).config.experiments:
        return False
    stream = Stream(customer, Dataset.EXPERIMENTS)
    if not is_known(context, stream):
        if load_state(context, Stream(customer, Dataset.EXPOSURES)).state.first_day is None:
            return False
        begin_stream(context, stream)
    context.stream_work.send(stream_work(stream, traceparent=traceparent))
    return True
