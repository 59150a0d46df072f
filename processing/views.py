"""The read side: what a customer's files and days look like now, for the command line and for pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from processing.domain import blob_names
from processing.domain.blob_names import is_receipt
from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.documents import from_json
from processing.domain.errors import OperatorError
from processing.domain.receipts import Receipt
from processing.domain.stream_state import DayStatus, StreamState
from processing.domain.streams import Stream
from processing.ports import BlobStore
from processing.stored.context import JobContext
from processing.stored.receipts import list_receipts
from processing.stored.stream_state import day_status
from processing.stored.streams import streams_of
from processing.stored.uploads import directory_stubs, list_uploads

_NAMES_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadsStatus:
    """Where the uploads of a customer stand."""

    answered: int
    unanswered: int
    """Without a current receipt, or with one that says that we could not answer yet."""
    oldest_unanswered: datetime | None
    """When the oldest of these was written."""
    failed: tuple[str, ...]
    """Names of those that we could not answer yet, at most 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """Where the days of a stream stand."""

    dataset: Dataset
    first_day: date | None
    seq: int
    """The number of its last publication."""
    unfinished: date | None
    """The day whose publication is not in every table yet."""
    stopped: str | None
    """Why the stream stands still until an operator has fixed something; None while it does not."""
    days: tuple[DayStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerStatus:
    """Where a customer stands."""

    customer: str
    unlistable: str | None
    """Why a container of the customer cannot be listed; None when all can. The rest is empty then."""
    uploads: UploadsStatus | None = None
    streams: tuple[StreamStatus, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationStatus:
    """Where everything stands."""

    at: datetime
    """By the storage service's clock."""
    customers: tuple[CustomerStatus, ...]


def status(context: JobContext, customers: list[str]) -> InstallationStatus:
    """Streams and days of these customers, what each waits for, and the uploads without an answer.

    A customer whose containers cannot be listed is shown as such. Raises LaterError when storage is down.
    """
    now = context.drop.service_time()
    return InstallationStatus(at=now, customers=tuple(_customer_status(context, customer) for customer in customers))


def receipts(drop: BlobStore, customer: str) -> list[Receipt]:
    """Every receipt of a customer, by name of the upload."""
    container = blob_names.receipts_container(customer)
    found = (drop.get(container, info.name) for info in drop.list_blobs(container) if is_receipt(info.name))
    return sorted((from_json(Receipt, each[0]) for each in found if each is not None), key=lambda receipt: receipt.blob)


def streams(lake: BlobStore, customer: str) -> list[StreamState]:
    """The state of each stream of a customer that has one."""
    names = (blob_names.state_name(Stream(customer, dataset)) for dataset in DATA_DATASETS)
    found = (lake.get(blob_names.STATE_CONTAINER, name) for name in names)
    return [from_json(StreamState, each[0]) for each in found if each is not None]


def _customer_status(context: JobContext, customer: str) -> CustomerStatus:
    try:
        return CustomerStatus(
            customer=customer,
            unlistable=None,
            uploads=_uploads_status(context.drop, customer),
            streams=tuple(_stream_status(context, stored.state) for stored in streams_of(context, customer)),
        )
    except OperatorError as error:
        return CustomerStatus(customer=customer, unlistable=str(error))


def _uploads_status(drop: BlobStore, customer: str) -> UploadsStatus:
    uploads = list(list_uploads(drop, customer))
    receipts = list_receipts(drop, customer)
    unanswered = []
    for info in uploads:
        seen = receipts.get(blob_names.receipt_name(info.name))
        if seen is None or not seen.summary.answers(info.etag):
            unanswered.append((info, seen))
    stubs = directory_stubs(drop, customer, (info for info, _ in unanswered))
    waiting = [(info, seen) for info, seen in unanswered if info.name not in stubs]
    failed = [info.name for info, seen in waiting if seen is not None and seen.summary.etag == info.etag]
    return UploadsStatus(
        answered=len(uploads) - len(unanswered),
        unanswered=len(waiting),
        oldest_unanswered=min((info.last_modified for info, _ in waiting), default=None),
        failed=tuple(failed[:_NAMES_SHOWN]),
    )


def _stream_status(context: JobContext, state: StreamState) -> StreamStatus:
    return StreamStatus(
        dataset=state.dataset,
        first_day=state.first_day,
        seq=state.seq,
        unfinished=state.pending,
        stopped=state.stopped,
        days=tuple(day_status(context, state, day, record) for day, record in sorted(state.days.items())),
    )
