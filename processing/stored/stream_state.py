"""The state blob of a stream: read it, change it on condition, print the status documents from it (protocol, Objects).

Claiming, cutting and publishing are writes of this one blob, so that each of them sees every other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Self

from processing.domain import blob_names
from processing.domain.documents import from_json, to_json
from processing.domain.errors import ConditionNotMet, LaterError, Superseded
from processing.domain.kept_documents import keeps_document
from processing.domain.stream_state import DayRecord, DayStatus, StreamState
from processing.domain.streams import Stream
from processing.ports import IF_ABSENT, BlobInfo, Condition
from processing.stored.context import JobContext
from processing.stored.installation import keep_zone
from processing.stored.tries import tries

_REVISION, _STAMP = "revision", "stamp"
_STAMP_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """A stream state and the version of the blob that holds it."""

    state: StreamState
    etag: str | None
    """None while the blob is not there yet."""


def load_state(context: JobContext, stream: Stream) -> StoredState:
    """The state of a stream as it is now; a stream without one has an empty state."""
    found = context.lake.get(blob_names.STATE_CONTAINER, blob_names.state_name(stream))
    if found is None:
        return no_state(stream)
    return StoredState(state=from_json(StreamState, found[0]), etag=found[1].etag)


def no_state(stream: Stream) -> StoredState:
    """The empty state of a stream that has none."""
    return StoredState(state=StreamState(customer=stream.customer, dataset=stream.dataset), etag=None)


def store_state(context: JobContext, before: StoredState, state: StreamState) -> StoredState:
    """Write the next state if nobody wrote since `before`; ConditionNotMet otherwise.

    Raises the revision, also of each day that changed, by which status documents know whether they are behind.
    """
    if before.etag is None:
        keep_zone(context.lake, context.zone)
    revision, stamp = before.state.revision + 1, secrets.token_hex(_STAMP_BYTES)
    days = {
        day: record if record == before.state.days.get(day) else replace(record, revision=revision, stamp=stamp)
        for day, record in state.days.items()
    }
    state = replace(state, revision=revision, days=days)
    name = blob_names.state_name(state.stream)
    when = IF_ABSENT if before.etag is None else Condition.unchanged(before.etag)
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
            stored = load_state(context, stored.state.stream)
    raise LaterError(f"the state of {stored.state.stream} changes faster than it can be written")


def expect_epoch(state: StreamState, epoch: int | None) -> None:
    """Raises Superseded when `epoch` is given and another worker has claimed the stream since."""
    if epoch is not None and state.epoch != epoch:
        raise Superseded(f"stream {state.stream} was claimed by another worker")


def print_status(context: JobContext, state: StreamState) -> None:
    """Bring the status documents of the stream's days up to its state."""
    container = blob_names.receipts_container(state.customer)
    prefix = blob_names.days_prefix(state.dataset)
    printed = {info.name: _Printed.of(info) for info in context.drop.list_blobs(container, prefix, metadata=True)}
    behind = [day for day, record in state.days.items() if not printed.get(_document(state, day), _NOTHING).is_of(record)]
    if not behind:
        return
    today = context.zone.day_of(context.drop.service_time())
    # A document of a later revision is another worker's, or tells of a state in whose place one from before was put back.
    is_current = all(printed.get(_document(state, day), _NOTHING).revision < state.days[day].revision for day in behind)
    is_current = is_current or load_state(context, state.stream).state == state
    for day in behind:
        name, record = _document(state, day), state.days[day]
        before = printed.get(name, _NOTHING)
        if before.revision >= record.revision and not is_current:
            continue
        if before.etag is None and not keeps_document(state, day, today=today, receipts=context.retention.receipts):
            continue  # retention gave it up
        with suppress(ConditionNotMet):  # another worker printed meanwhile; what is still behind is printed by the next look
            context.drop.put(
                container,
                name,
                to_json(day_status(context, state, day, record)),
                when=IF_ABSENT if before.etag is None else Condition.unchanged(before.etag),
                metadata={_REVISION: str(record.revision), _STAMP: record.stamp},
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Printed:
    """Which change of a day a document tells of."""

    etag: str | None
    revision: int
    stamp: str

    @classmethod
    def of(cls, info: BlobInfo) -> Self:
        return cls(etag=info.etag, revision=int(info.metadata.get(_REVISION, "0")), stamp=info.metadata.get(_STAMP, ""))

    def is_of(self, record: DayRecord) -> bool:
        return (self.revision, self.stamp) == (record.revision, record.stamp)


_NOTHING = _Printed(etag=None, revision=-1, stamp="")


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
