"""The state blob of a stream: read it, and change it on condition (protocol, Objects).

Claiming, cutting and publishing are writes of this one blob, so that each of them sees every other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from processing.domain import blob_names
from processing.domain.documents import from_json, to_json
from processing.domain.errors import ConditionNotMet, LaterError, Superseded
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.ports import IF_ABSENT, Condition
from processing.stored.context import JobContext
from processing.stored.installation import keep_zone
from processing.stored.tries import tries

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
