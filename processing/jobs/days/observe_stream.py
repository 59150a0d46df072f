"""One look at a stream: what storage holds, listed in the order that the protocol needs, and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final, TypedDict

import structlog

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.errors import ConditionNotMet, LaterError
from processing.domain.readiness import advance as readiness
from processing.domain.readiness.corrections import differing_days, is_comparable
from processing.domain.readiness.first_day import earliest_first_day
from processing.domain.readiness.marker_manifest import folders_of
from processing.domain.readiness.observation import ListedUpload, Observation, ReadinessPolicy
from processing.domain.receipts import ReceiptSummary
from processing.domain.stream_state import DayChange, ExpectedFile, StreamState
from processing.jobs.days.changes import count_changes
from processing.jobs.days.day_inputs import find_rows
from processing.jobs.days.losses import expect_newest_day, expect_parts, forget_lost_answers
from processing.jobs.days.named_parts import named_parts
from processing.jobs.days.touched_days import note_earlier_rows, touch_days
from processing.ports import BlobInfo, BlobStore
from processing.stored.answered import load_answered
from processing.stored.context import JobContext
from processing.stored.expected_files import read_expected, store_long_lists
from processing.stored.manifests import read_manifest
from processing.stored.markers import Signals, read_signals
from processing.stored.policies import readiness_policy
from processing.stored.receipts import ListedReceipt, find_receipts, list_in_force
from processing.stored.stream_state import StoredState, expect_epoch, load_state, print_status, store_state
from processing.stored.tries import tries
from processing.stored.uploads import directory_stubs, find_uploads, is_stub, list_uploads

_MOST_COMPARED: Final = 10
"""Touched days whose receipts are asked for one by one: for more, a look at everything costs less."""

_log = structlog.get_logger()


def observe_stream(context: JobContext, stored: StoredState, *, epoch: int | None = None) -> StoredState:
    """The state that follows from what storage holds now, stored; the status documents of its days are printed.

    With `epoch`, raises Superseded once another worker has claimed the stream. LaterError when the state changes faster
    than it can be looked at, OperatorError when something is lost that the state or a receipt names.
    """
    stored = touch_days(context, stored, epoch=epoch)
    for _ in tries(context):
        expect_epoch(stored.state, epoch)
        before = stored.state
        changed = store_long_lists(context.lake, _observed(context, before))
        if changed == before:
            break
        try:
            stored = store_state(context, stored, changed)
            _log_late_markers(before, changed)
            break
        except ConditionNotMet:
            # Everything is listed again. A cut that another look stored meanwhile may name uploads that are younger than
            # this listing, and what the listing lacks would be taken for gone.
            stored = load_state(context, stored.state.stream)
    else:
        raise LaterError(f"the state of {stored.state.stream} changes faster than it is looked at")
    print_status(context, stored.state)
    return stored


def _observed(context: JobContext, state: StreamState) -> StreamState:
    policy = readiness_policy(context, state.customer)
    now = context.drop.service_time()
    signals = read_signals(context, state, policy, now)
    has_first_day = (policy.first_day or state.first_day) is not None
    lists_uploads = readiness.needs_listing(state, now, signals.markers, policy, context.zone)
    if readiness.needs_reconciliation(state, now, policy) or (lists_uploads and not has_first_day):
        return _with_all(context, state, policy, now, signals)
    rows: _Rows = {}
    if readiness.needs_comparison(state, now, policy):
        compared = readiness.touched_days(state)
        if len(compared) > _MOST_COMPARED:
            return _with_all(context, state, policy, now, signals)
        expect_newest_day(context, state)
        rows = _rows_of(context, state, compared)
    if not lists_uploads:
        observed = replace(_observation_of_awaited(context, state, now, signals), **rows)
        changed = readiness.advance(state, observed, policy, context.zone)
        if not _is_cut(state, changed):
            return changed
        # A day was sent back without a look at all uploads: its cut must be taken from one.
    observed = replace(_observation_of_uploads(context, state, now, signals), **rows)
    return readiness.advance(state, observed, policy, context.zone)


def _with_all(context: JobContext, state: StreamState, policy: ReadinessPolicy, now: datetime, signals: Signals) -> StreamState:
    """What follows from everything that there is."""
    has_first_day = (policy.first_day or state.first_day) is not None
    earliest = earliest_first_day(now, policy, context.zone)
    may_be_first = () if has_first_day else {each.day for each in signals.markers if each.day >= earliest}
    changed = readiness.advance(state, _observation_of_all(context, state, now, signals, may_be_first), policy, context.zone)
    if has_first_day or changed.first_day is None:
        return changed
    # Now that it is known which days count, their markers are read with what they name, and their cuts are taken.
    found = replace(state, first_day=changed.first_day, opening=None, reconciled_at=changed.reconciled_at)
    return _observed(context, found)


def _is_cut(before: StreamState, after: StreamState) -> bool:
    """Whether a day has a new cut."""
    return any(
        day not in before.days or record.round > before.days[day].round for day, record in after.days.items() if record.round
    )


def _observation_of_awaited(context: JobContext, state: StreamState, now: datetime, signals: Signals) -> Observation:
    """The uploads that a day waits for, and nothing else: no cut may be taken by it."""
    lists = read_expected(context.lake, state.days.values()) if readiness.needs_answers(state) else {}
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


def _observation_of_uploads(context: JobContext, state: StreamState, now: datetime, signals: Signals) -> Observation:
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


def _observation_of_all(
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
    changes = count_changes(context, state, {day: in_force.get(day, set()) for day in days}, found)
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


class _Rows(TypedDict, total=False):
    """What an observation tells of the rows of published days."""

    parts: Mapping[date, Collection[str]]
    changes: Mapping[date, DayChange]


def _rows_of(context: JobContext, state: StreamState, days: Collection[date]) -> _Rows:
    """The parts in force of some published days, by their own receipts, and what they change."""
    found = {day: find_rows(context, state, day, read_manifest(context.lake, state, day)) for day in days}
    in_force = {day: rows.in_force() for day, rows in found.items()}
    changes: dict[date, DayChange] = {}
    for day in differing_days(state, in_force):
        changes |= count_changes(context, state, {day: in_force[day]}, found[day].receipts)
    return {"parts": in_force, "changes": changes}


def _listed_uploads(context: JobContext, state: StreamState) -> list[BlobInfo]:
    # Listed after the markers: whatever was there before a marker is in this listing.
    return [info for folder in folders_of(state.dataset) for info in list_uploads(context.drop, state.customer, folder)]


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
    days: dict[date, set[str]] = {day: set() for day in state.days if is_comparable(state, day)}
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


def _log_late_markers(before: StreamState, after: StreamState) -> None:
    """One log event for each day whose marker has become late, for alerts."""
    for day, record in after.days.items():
        if record.late_marker and not (day in before.days and before.days[day].late_marker):
            _log.warning("marker_late", customer=after.customer, dataset=after.dataset, day=day.isoformat())
