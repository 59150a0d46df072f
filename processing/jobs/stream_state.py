"""The state blob of a stream: read it, change it on condition, print the status documents from it (protocol, Objects).

Claiming, cutting and publishing are writes of this one blob, so that each of them sees every other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import from_json, to_json
from processing.domain.errors import ConditionNotMet, LaterError, Superseded
from processing.domain.kept_documents import keeps_document
from processing.domain.records import DayRecord, DayStatus, StreamState
from processing.jobs.context import JobContext
from processing.jobs.installation import keep_zone
from processing.jobs.tries import tries
from processing.ports import ABSENT, When

_REVISION = "revision"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """A stream state and the version of the blob that holds it."""

    state: StreamState
    etag: str | None
    """None while the blob is not there yet."""


def load_state(context: JobContext, customer: str, dataset: Dataset) -> StoredState:
    """The state of a stream as it is now; a stream without one has an empty state."""
    found = context.lake.get(blob_names.STATE_CONTAINER, blob_names.state_name(customer, dataset))
    if found is None:
        return StoredState(state=StreamState(customer=customer, dataset=dataset), etag=None)
    return StoredState(state=from_json(StreamState, found[0]), etag=found[1].etag)


def store_state(context: JobContext, before: StoredState, state: StreamState) -> StoredState:
    """Write the next state if nobody wrote since `before`; ConditionNotMet otherwise.

    Raises the revision, also of each day that changed, by which status documents know whether they are behind.
    """
    if before.etag is None:
        keep_zone(context.lake, context.zone)
    revision = before.state.revision + 1
    days = {
        day: record if record == before.state.days.get(day) else replace(record, revision=revision)
        for day, record in state.days.items()
    }
    state = replace(state, revision=revision, days=days)
    name = blob_names.state_name(state.customer, state.dataset)
    when = ABSENT if before.etag is None else When.unchanged(before.etag)
    etag = context.lake.put(blob_names.STATE_CONTAINER, name, to_json(state), when=when)
    return StoredState(state=state, etag=etag)


def change_state(
    context: JobContext, stored: StoredState, change: Callable[[StreamState], StreamState], *, epoch: int | None = None
) -> StoredState:
    """Apply `change` to the state, again on whatever another writer made of it, until it is stored.

    With `epoch`, stops with Superseded as soon as another claim has been made. A change that changes nothing is not
    written. `change` decides on the state that it is given, whatever was known before: it may be a newer one. LaterError
    when others win every time.
    """
    for _ in tries(context):
        expect_epoch(stored.state, epoch)
        changed = change(stored.state)
        if changed == stored.state:
            return stored
        try:
            return store_state(context, stored, changed)
        except ConditionNotMet:
            stored = load_state(context, stored.state.customer, stored.state.dataset)
    raise LaterError(f"the state of {stored.state.customer}/{stored.state.dataset} changes faster than it can be written")


def expect_epoch(state: StreamState, epoch: int | None) -> None:
    """Raises Superseded when `epoch` is given and another worker has claimed the stream since."""
    if epoch is not None and state.epoch != epoch:
        raise Superseded(f"stream {state.customer}/{state.dataset} was claimed by another worker")


def print_status(context: JobContext, state: StreamState) -> None:
    """Bring the status documents of the stream's days up to its state."""
    container = blob_names.receipts_container(state.customer)
    prefix = blob_names.day_status_name(state.dataset, date.min).rpartition("/")[0] + "/"
    printed = {
        info.name: (int(info.metadata.get(_REVISION, "0")), info.etag)
        for info in context.drop.list_blobs(container, prefix, metadata=True)
    }
    behind = [day for day, record in state.days.items() if printed.get(_document(state, day), (0, None))[0] < record.revision]
    today = context.zone.day_of(context.drop.service_time()) if behind else date.min
    for day in behind:
        name, record = _document(state, day), state.days[day]
        _, etag = printed.get(name, (0, None))
        if etag is None and not keeps_document(state, day, today=today, receipts=context.retention.receipts):
            continue  # retention gave it up
        document = to_json(day_status(context, state, day, record))
        try:
            context.drop.put(
                container,
                name,
                document,
                when=ABSENT if etag is None else When.unchanged(etag),
                metadata={_REVISION: str(record.revision)},
            )
        except ConditionNotMet:
            continue  # another worker printed meanwhile; what is still behind is printed by the next look


def _document(state: StreamState, day: date) -> str:
    return blob_names.day_status_name(state.dataset, day)


def day_status(context: JobContext, state: StreamState, day: date, record: DayRecord) -> DayStatus:
    """The status document of a day."""
    published = record.published
    kept = None if state.is_closed(day) else day + timedelta(days=context.retention.staged)
    return DayStatus(
        customer=state.customer,
        dataset=state.dataset,
        day=day,
        state=record.state,
        seq=published.seq if published else None,
        files=published.files if published else 0,
        rows=published.rows if published else 0,
        superseded=published.superseded if published else 0,
        refused=record.refused,
        waiting_for=record.waiting_for,
        history=record.history,
        error=record.error or record.mismatch,
        late_marker=record.late_marker,
        changed=record.change,
        difference=record.difference,
        reprocess_until=kept if published else None,
        tries=record.tries,
        overflowed=published.overflowed if published else 0,
    )
