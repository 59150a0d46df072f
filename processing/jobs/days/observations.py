"""What a look finds in storage: the uploads that a day waits for, all uploads by their names, or everything that there is.

Listed in the order that the protocol needs: the markers are known before an upload is looked at, receipts come after uploads,
and parts after receipts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TypedDict

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.datasets import Dataset
from processing.domain.readiness.advance import needs_answers
from processing.domain.readiness.corrections import differing_days
from processing.domain.readiness.marker_manifest import folders_of
from processing.domain.readiness.observation import ListedUpload, Observation
from processing.domain.receipts import ReceiptSummary
from processing.domain.stream_state import DayChange, ExpectedFile, StreamState
from processing.jobs.days.changes import count_changes
from processing.jobs.days.day_inputs import find_rows
from processing.jobs.days.losses import expect_parts, forget_lost_answers
from processing.jobs.days.named_parts import named_parts
from processing.jobs.days.touched_days import note_earlier_rows
from processing.ports import BlobInfo, BlobStore
from processing.stored.answered import load_answered
from processing.stored.change_notes import list_changes
from processing.stored.context import JobContext
from processing.stored.expected_files import read_expected
from processing.stored.journal import roll_segments
from processing.stored.manifests import read_manifest
from processing.stored.markers import Signals
from processing.stored.receipts import ListedReceipt, find_receipts, list_in_force
from processing.stored.uploads import directory_stubs, find_uploads, is_data, is_stub, list_uploads


def observation_of_awaited(context: JobContext, state: StreamState, now: datetime, signals: Signals) -> Observation:
    """The uploads that a day waits for, and nothing else: no cut may be taken by it."""
    lists = read_expected(context.lake, state.days.values()) if needs_answers(state) else {}
    names = {*_expected(state, signals, lists), *(name for record in state.days.values() for name in record.cut or ())}
    infos = find_uploads(context.drop, state.customer, names)
    return Observation(
        now=now,
        markers=signals.markers,
        own_markers=signals.own_markers,
        uploads={
            name: ListedUpload(etag=info.etag, modified=info.last_modified) for name, info in infos.items() if not is_stub(info)
        },
        receipts={name: seen.summary for name, seen in find_receipts(context.drop, state.customer, names).items()},
        expected=lists,
        has_unread_markers=signals.has_unread,
    )


def observation_of_uploads(context: JobContext, state: StreamState, now: datetime, signals: Signals) -> Observation:
    """All uploads of the stream, by names; receipts are asked for only where it is not known that they are answers."""
    infos = _listed_uploads(context, state)
    lists = read_expected(context.lake, state.days.values())
    versions = load_answered(context, state.customer).versions
    known = {info.name: info.etag for info in infos if versions.is_accepted(info)}
    asked = _expected(state, signals, lists) | {info.name for info in infos if info.name not in known}
    receipts = {name: ReceiptSummary.accepted(etag) for name, etag in known.items()}
    receipts |= {name: seen.summary for name, seen in find_receipts(context.drop, state.customer, asked).items()}
    return Observation(
        now=now,
        markers=signals.markers,
        own_markers=signals.own_markers,
        uploads=_present(context.drop, state, infos, receipts),
        receipts=receipts,
        expected=lists,
        has_unread_markers=signals.has_unread,
    )


def observation_of_all(
    context: JobContext, state: StreamState, now: datetime, signals: Signals, may_be_first: Collection[date]
) -> Observation:
    """All uploads, receipts and staged parts of the stream, and what they change of its published days."""
    infos = _listed_uploads(context, state)
    found = list_in_force(context.drop, state.stream)
    forget_lost_answers(context, state, lambda name: name not in found)
    lists = read_expected(context.lake, state.days.values())
    receipts = _by_upload(found, {*(info.name for info in infos), *_expected(state, signals, lists)})
    uploads = _present(context.drop, state, infos, receipts)
    in_force = _parts_in_force(context.lake, state, found.values())
    days = differing_days(state, in_force)
    changes = count_changes(context, state, {day: in_force[day] for day in days}, found)
    _expect_rows(context, state, may_be_first, in_force, found)
    note_earlier_rows(context, state, in_force, found)
    return Observation(
        now=now,
        markers=signals.markers,
        own_markers=signals.own_markers,
        uploads=uploads,
        receipts=receipts,
        parts=in_force,
        is_of_all=True,
        changes=changes,
        expected=lists,
        has_unread_markers=signals.has_unread,
    )


class Rows(TypedDict, total=False):
    """What an observation tells of the rows of published days."""

    parts: Mapping[date, Collection[str]]
    changes: Mapping[date, DayChange]


def rows_of(context: JobContext, state: StreamState, days: Collection[date]) -> Rows:
    """The parts in force of some published days, by their own receipts, and what they change."""
    notes = list_changes(context.lake, state.stream) if days else []
    found = {day: find_rows(context, state, day, read_manifest(context.lake, state, day), notes) for day in days}
    in_force = {day: rows.in_force() for day, rows in found.items()}
    changes: dict[date, DayChange] = {}
    for day in differing_days(state, in_force):
        changes |= count_changes(context, state, {day: in_force[day]}, found[day].receipts)
    return {"parts": in_force, "changes": changes}


def _listed_uploads(context: JobContext, state: StreamState) -> list[BlobInfo]:
    # Listed after the markers: whatever was there before a marker is in this listing, rows that were answered among it.
    roll_segments(context, state.customer, map(Dataset, (folder.strip("/") for folder in folders_of(state.dataset))))
    infos = (info for folder in folders_of(state.dataset) for info in list_uploads(context.drop, state.customer, folder))
    return [info for info in infos if is_data(info.name)]


def _expected(state: StreamState, signals: Signals, lists: Mapping[str, Sequence[ExpectedFile]]) -> set[str]:
    """The files that manifests name and that are not known to be in."""
    waiting = (*(record.expected_files for record in state.days.values()), *lists.values())
    named = (marker.expected for marker in signals.markers)
    return {each.name for files in (*waiting, *named) for each in files}


def _by_upload(found: Mapping[str, ListedReceipt], names: Iterable[str]) -> dict[str, ReceiptSummary]:
    return {name: seen.summary for name in names if (seen := found.get(blob_names.receipt_name(name))) is not None}


def _present(
    drop: BlobStore, state: StreamState, infos: Collection[BlobInfo], receipts: Mapping[str, ReceiptSummary]
) -> dict[str, ListedUpload]:
    def is_current(info: BlobInfo) -> bool:
        # An upload with a receipt may have become a stub since: only a current one saves the look.
        receipt = receipts.get(info.name)
        return receipt is not None and receipt.etag == info.etag

    stubs = directory_stubs(drop, state.customer, (info for info in infos if not is_current(info)))
    return {info.name: ListedUpload(etag=info.etag, modified=info.last_modified) for info in infos if info.name not in stubs}


def _parts_in_force(lake: BlobStore, state: StreamState, found: Iterable[ListedReceipt]) -> dict[date, set[str]]:
    # Listed after the receipts: the parts of an attempt are there before a receipt names it.
    attempts = {seen.summary.attempt for seen in found}
    days: dict[date, set[str]] = {day: set() for day in state.days if state.is_comparable(day)}
    for info in lake.list_blobs(blob_names.STAGED_CONTAINER, blob_names.parts_prefix(state.stream)):
        part = PartName.parse(info.name)
        if part is not None and part.attempt in attempts:
            days.setdefault(part.day, set()).add(info.name)
    return days


def _expect_rows(
    context: JobContext,
    state: StreamState,
    days: Collection[date],
    in_force: Mapping[date, Collection[str]],
    found: Mapping[str, ListedReceipt],
) -> None:
    # A day whose rows are lost would be passed over, and the stream begin with a later one for good.
    for day, named in named_parts(context, state, days, found).items():
        parts = map(PartName.parse, in_force.get(day, ()))
        expect_parts(state, day, named, Counter(part.attempt for part in parts if part is not None))
