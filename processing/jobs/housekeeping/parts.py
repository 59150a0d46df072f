"""Deletes staged parts that nothing refers to (protocol, Housekeeping).

A part that no receipt holds in force never comes into force again, but a worker that listed receipts before it fell out of
force may still publish it. So it is written down when it is first found superseded, and deleted a day later if no
publication names it then: no worker runs that long, and one that was paused for so long has lost its claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from pydantic import TypeAdapter

from processing.domain import blob_names
from processing.domain.blob_names import PartName
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

_NOTED: Final = TypeAdapter(dict[str, datetime])


def delete_parts(context: JobContext, stream: Stream) -> int:
    """Delete the parts of closed days, old ones of days before the first, and those superseded for a day; returns how many."""
    now = context.drop.service_time()
    prefix = blob_names.parts_prefix(stream)
    # Parts, then receipts, then state: what was in force or published at any time after the first is seen.
    infos = list(context.lake.list_blobs(blob_names.STAGED_CONTAINER, prefix))
    in_force = {seen.summary.attempt for seen in list_in_force(context.drop, stream).values()}
    state = load_state(context, stream).state
    gone: list[str] = []
    superseded: dict[str, date] = {}
    for info, part in _parsed(infos):
        if state.is_closed(part.day):
            gone.append(info.name)
        elif part.attempt not in in_force and info.last_modified + REST_OF_PARTS <= now:
            superseded[info.name] = part.day
    unnamed = _unnamed(context, state, superseded)
    noted, etag = _read_notes(context.lake, stream)
    gone += [name for name in unnamed if name in noted and noted[name] + REST_OF_PARTS <= now]
    gone += _expired(context, state, _parsed(infos), now)
    notes = {name: noted.get(name, now) for name in unnamed if name not in gone}
    if notes != noted and not _write_notes(context.lake, stream, notes, etag):
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


def _unnamed(context: JobContext, state: StreamState, parts: Mapping[str, date]) -> list[str]:
    """The parts that no live publication names."""
    unnamed: list[str] = []
    for day in sorted(set(parts.values())):
        manifest = read_manifest(context.lake, state, day)
        named = {each.part for each in manifest.inputs} if manifest is not None else set()
        unnamed += [name for name, its_day in parts.items() if its_day == day and name not in named]
    return unnamed


def _read_notes(lake: BlobStore, stream: Stream) -> tuple[dict[str, datetime], str | None]:
    found = lake.get(blob_names.STATE_CONTAINER, blob_names.superseded_name(stream))
    return (_NOTED.validate_json(found[0]), found[1].etag) if found is not None else ({}, None)


def _write_notes(lake: BlobStore, stream: Stream, notes: dict[str, datetime], etag: str | None) -> bool:
    name = blob_names.superseded_name(stream)
    try:
        when = IF_ABSENT if etag is None else Condition.unchanged(etag)
        lake.put(blob_names.STATE_CONTAINER, name, _NOTED.dump_json(notes), when=when)
    except ConditionNotMet:
        return False
    return True
