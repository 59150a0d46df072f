"""Deletes staged parts that nothing refers to (protocol, Housekeeping).

A part that no receipt holds in force never comes into force again, but a worker that listed receipts before it fell out of
force may still publish it. So it is written down when it is first found superseded, and deleted a day later if no
publication names it then: no worker runs that long, and one that was paused for so long has lost its claim. To find such
parts all receipts are listed, which is done once a week.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from pydantic import TypeAdapter

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.datasets import DATA_DATASETS
from processing.domain.errors import ConditionNotMet
from processing.domain.retries import REST_OF_PARTS
from processing.domain.stream_state import ExpiredRows, StreamState
from processing.domain.streams import Stream
from processing.jobs.housekeeping.deletion import delete_each
from processing.ports import IF_ABSENT, BlobInfo, BlobStore, Condition
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.receipts import list_in_force
from processing.stored.stream_state import change_state, load_state

_SINCE: Final = TypeAdapter(dict[str, datetime])
_SEARCHED_AT: Final = "searched_at"
"""Metadata of the blob, ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Superseded:
    """The parts of a stream that were found not to be in force any more."""

    since: Mapping[str, datetime]
    """When each was found so, and named by no publication, by its name."""
    searched_at: datetime | None
    """When all parts were last held against the receipts."""
    etag: str | None

    @classmethod
    def read(cls, lake: BlobStore, stream: Stream) -> _Superseded:
        found = lake.get(blob_names.STATE_CONTAINER, blob_names.superseded_name(stream))
        if found is None:
            return cls(since={}, searched_at=None, etag=None)
        content, info = found
        searched_at = info.metadata.get(_SEARCHED_AT)
        return cls(
            since=_SINCE.validate_json(content),
            searched_at=datetime.fromisoformat(searched_at) if searched_at else None,
            etag=info.etag,
        )

    def write(self, lake: BlobStore, stream: Stream) -> bool:
        """Write it down; False when somebody else did."""
        when = IF_ABSENT if self.etag is None else Condition.unchanged(self.etag)
        metadata = {_SEARCHED_AT: self.searched_at.isoformat()} if self.searched_at else {}
        name, content = blob_names.superseded_name(stream), _SINCE.dump_json(dict(self.since))
        try:
            lake.put(blob_names.STATE_CONTAINER, name, content, when=when, metadata=metadata)
        except ConditionNotMet:
            return False
        return True


def delete_parts(context: JobContext, stream: Stream) -> int:
    """Delete the parts of closed days, old ones of days before the first, and those superseded for a day; returns how many.

    Superseded ones are searched for once a week, for which all receipts are listed; what was found is deleted at any night.
    """
    if stream.dataset not in DATA_DATASETS:
        return 0  # results have no rows of their own
    now = context.drop.service_time()
    found = _Superseded.read(context.lake, stream)
    # Parts, then receipts, then state: what was in force or published at any time after the first is seen.
    parts = _parsed(list(context.lake.list_blobs(blob_names.STAGED_CONTAINER, blob_names.parts_prefix(stream))))
    is_search = found.searched_at is None or found.searched_at + context.readiness.reconcile_every <= now
    in_force = {seen.summary.attempt for seen in list_in_force(context.drop, stream).values()} if is_search else set()
    state = load_state(context, stream).state
    gone: list[str] = []
    superseded: dict[str, date] = {}
    for info, part in parts:
        if state.is_closed(part.day):
            gone.append(info.name)
        # What is not in force any more never is again.
        elif info.name in found.since or (
            is_search and part.attempt not in in_force and info.last_modified + REST_OF_PARTS <= now
        ):
            superseded[info.name] = part.day
    unnamed = _unnamed(context, state, superseded)
    since = {name: found.since.get(name, now) if name in unnamed else now for name in superseded}
    gone += [name for name in sorted(unnamed) if since[name] + REST_OF_PARTS <= now]
    gone += _expired(context, state, parts, now)
    since = {name: at for name, at in since.items() if name not in gone}
    now_found = replace(found, since=since, searched_at=now if is_search else found.searched_at)
    if now_found != found and not now_found.write(context.lake, stream):
        return 0  # another round is at it
    return delete_each(context.lake, blob_names.STAGED_CONTAINER, gone, customer=stream.customer, step="parts")


def _expired(context: JobContext, state: StreamState, parts: list[tuple[BlobInfo, PartName]], now: datetime) -> list[str]:
    """Parts of days before the first, once they have been kept for as long as staged rows are, and the state says so."""
    arrived = now - timedelta(days=context.retention.staged)
    expired: list[str] = []

    def expire(present: StreamState) -> StreamState:
        first = present.first_day
        expired[:] = [
            info.name
            for info, part in parts
            if first is not None and part.day < first and info.last_modified <= arrived and not present.is_published(part.day)
        ]
        if first is None or not expired:
            return present
        before = first if present.given_up is None else max(first, present.given_up.before)
        return replace(present, given_up=ExpiredRows(before=before, arrived=arrived))

    change_state(context, load_state(context, state.stream), expire)
    return expired


def _parsed(infos: list[BlobInfo]) -> list[tuple[BlobInfo, PartName]]:
    parsed = ((info, PartName.parse(info.name)) for info in infos)
    return [(info, part) for info, part in parsed if part is not None]


def _unnamed(context: JobContext, state: StreamState, parts: Mapping[str, date]) -> set[str]:
    """The parts that no live publication names."""
    unnamed: set[str] = set()
    for day in sorted(set(parts.values())):
        manifest = read_manifest(context.lake, state, day)
        named = {each.part for each in manifest.inputs} if manifest is not None else set()
        unnamed.update(name for name, its_day in parts.items() if its_day == day and name not in named)
    return unnamed
