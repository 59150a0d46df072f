"""Where everything stands: what is waited for, who acts next, and what they do (contract section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

from processing.domain import blob_names
from processing.domain.attention.model import Actor, Attention, AttentionCode, StagedDay
from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.customer_config import NoConfigInForce, misplaced_configs, problem_of
from processing.stored.customers import list_customers
from processing.stored.not_deleted import read_not_deleted
from processing.stored.receipts import list_receipts
from processing.stored.stream_state import load_state
from processing.stored.streams import streams_of
from processing.stored.uploads import list_uploads
from processing.views.model import CustomerStatus, InstallationStatus, StreamStatus
from processing.views.staged import staged_days
from processing.views.streams import results_status, stream_status
from processing.views.uploads import NAMES_SHOWN, attention_of_retention, attention_of_uploads, uploads_status


def status(context: JobContext, customers: list[str], *, with_closed: bool = False) -> InstallationStatus:
    """Streams and days of these customers, what each waits for, and the uploads without an answer.

    Days that were closed before last night are counted alone, unless they are asked for.
    A customer whose containers cannot be listed is shown as such. Raises LaterError when storage is down.
    """
    now = context.drop.service_time()
    misplaced: list[str] = []
    unlistable = None
    try:
        misplaced = misplaced_configs(context.lake, list_customers(context))
    except OperatorError as error:
        unlistable = str(error)
    found = (_customer_status(context, customer, misplaced, now, with_closed=with_closed) for customer in customers)
    return InstallationStatus(
        at=now,
        customers=tuple(found),
        misplaced_configs=tuple(misplaced[:NAMES_SHOWN]),
        unlistable_configs=unlistable,
    )


def customer_status(context: JobContext, customer: str) -> CustomerStatus:
    """The same of one customer, who is told of no other and of nothing that only operators see."""
    return _customer_status(context, customer, [], context.drop.service_time(), with_closed=False)


def _customer_status(
    context: JobContext, customer: str, misplaced: list[str], now: datetime, *, with_closed: bool
) -> CustomerStatus:
    try:
        listed = list(list_uploads(context.drop, customer))
        receipts = list_receipts(context.drop, customer)
        uploads = uploads_status(context, customer, listed, receipts, now)
        broken = problem_of(context.lake, customer)
        staged = staged_days(context, customer, receipts.values())
        states = (stored.state for stored in streams_of(context, customer))
        if with_closed:
            states = (with_closed_days(context.lake, state) for state in states)
        streams, unusable = _streams(context, states, staged, now)
        streams += tuple(results_status(context, state) for state in _results(context, customer, with_closed=with_closed))
        return CustomerStatus(
            customer=customer,
            unlistable=None,
            broken_config=broken,
            attention=(
                *_of_config(customer, broken, misplaced, unusable),
                *attention_of_uploads(customer, uploads, now),
                *attention_of_retention(customer, read_not_deleted(context.lake, customer)),
            ),
            uploads=uploads,
            streams=streams,
        )
    except OperatorError as error:
        return CustomerStatus(customer=customer, unlistable=str(error))


def _streams(
    context: JobContext, states: Iterable[StreamState], staged: Mapping[Dataset, Mapping[date, StagedDay]], now: datetime
) -> tuple[tuple[StreamStatus, ...], str | None]:
    """The streams; none, and why, where no config is in force by which anything could be said of them."""
    try:
        return tuple(stream_status(context, state, staged.get(state.dataset, {}), now) for state in states), None
    except NoConfigInForce as error:
        return (), str(error)


def _results(context: JobContext, customer: str, *, with_closed: bool) -> Iterator[StreamState]:
    stored = load_state(context, Stream(customer, Dataset.EXPERIMENTS))
    if stored.etag is not None:
        yield with_closed_days(context.lake, stored.state) if with_closed else stored.state


def _of_config(customer: str, broken: str | None, misplaced: list[str], unusable: str | None) -> Iterator[Attention]:
    name = blob_names.config_name(customer)
    if broken is not None:
        then = "the last good config is in force, or the defaults" if unusable is None else "nothing goes on"
        yield Attention(
            code=AttentionCode.CONFIG_BROKEN,
            message=f"{name} is broken, so that {then}: {unusable or broken}",
            who=Actor.OPERATOR,
            do="fix it and try it with `dropzone config check FILE` before it is uploaded again",
        )
    # A file of another name that has this customer's name in it was meant for this customer.
    meant = [each for each in misplaced if customer in each]
    if meant:
        yield Attention(
            code=AttentionCode.CONFIG_MISPLACED,
            message=f"nobody reads {', '.join(meant)}: the config of {customer} is {name}",
            who=Actor.OPERATOR,
            do=f"upload it as {name} in the container {blob_names.CONFIG_CONTAINER}, and delete it there",
        )
