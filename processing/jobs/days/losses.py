"""Holds what storage says was there against what is there: what is lost is never taken for empty (contract section 2).

Everything here raises OperatorError, which stops the stream and says what to restore. From what is left nothing is published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.errors import OperatorError
from processing.domain.publications import InputPart, Manifest, TableSpec
from processing.domain.readiness.marker_manifest import folders_of
from processing.domain.stream_state import StreamState
from processing.jobs.days.named_parts import NamedParts
from processing.ports import Table
from processing.publication.compute_day import TABLES_OF
from processing.stored.answered import forget_answers, load_answered
from processing.stored.change_notes import StoredChange
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.receipts import ListedReceipt, look_at_receipts


def expect_tables(context: JobContext, state: StreamState) -> dict[str, Table]:
    """The tables that are there, by their names: they are ours, and hold the last publication and none that is not known.

    A table that is ahead means that the state was restored from before; one that is behind, or not there, that the table
    was. While a publication is on its way into the tables, they may hold it or the one before.
    """
    container = blob_names.results_container(state.customer)
    found: dict[str, Table] = {}
    for spec in TABLES_OF[state.dataset]:
        table = context.tables.find(container, spec)
        if table is not None:
            expect_ours(container, spec.name, table.changed_layout() or table.foreign_commit())
            found[spec.name] = table
        seq = 0 if table is None else table.seq_of(str(state.dataset))
        stream = state.stream
        if seq > state.seq:
            name = blob_names.state_name(state.stream)
            raise OperatorError(
                f"the state of {stream} is older than table {spec.name}, which holds publication {seq} where the state knows "
                f"of {state.seq}: restore {blob_names.STATE_CONTAINER}/{name} and the manifests of the same time, and then run "
                f"`dropzone reconcile {stream.customer}`"
            )
        if is_behind(context, state, spec, seq):
            raise OperatorError(
                f"table {spec.name} of {stream} holds publication {seq} where the state knows of {state.seq}: "
                f"restore {container}/{spec.name}, or make it anew with `dropzone rebuild {stream.customer} {spec.name}`"
            )
    return found


def is_behind(context: JobContext, state: StreamState, spec: TableSpec, seq: int) -> bool:
    """Whether a table whose last publication is `seq` lacks one that it should hold, what is on its way apart.

    A table that is younger than the stream holds what names it: nothing, while an older program published last.
    """
    least = state.seq if state.pending is None else state.seq - 1
    if seq >= least or not spec.is_younger:
        return seq < least
    days = with_closed_days(context.lake, state).days.items()
    numbers = {
        record.published.seq: day for day, record in days if record.published is not None and record.published.seq <= least
    }
    manifest = read_manifest(context.lake, state, numbers[max(numbers)]) if numbers else None
    return manifest is not None and any(output.table == spec.name for output in manifest.outputs)


def expect_ours(container: str, table: str, found: str | None) -> None:
    """A table is as we write it; `found` is what another program made of it, None where that is nothing."""
    if found is not None:
        raise OperatorError(
            f"table {table} in {container} was changed by another program: {found}; nothing is written to it until it is "
            "restored to a version before that, or moved away and made anew with `dropzone rebuild`"
        )


def expect_parts(state: StreamState, day: date, named: Mapping[str, NamedParts], listed: Mapping[str, int]) -> None:
    """Every part that a receipt in force names for the day is listed; both mappings are by attempt."""
    for attempt, parts in named.items():
        missing = parts.count - listed.get(attempt, 0)
        if missing > 0 and not _is_expired(state, day, parts):
            raise OperatorError(_lost_parts(state, day, parts.blob))


def expect_receipts(state: StreamState, day: date, manifest: Manifest | None, found: Mapping[str, ListedReceipt]) -> None:
    """Every upload that the day was published with has a receipt."""
    for each in () if manifest is None else manifest.inputs:
        if _is_lost(found.get(blob_names.receipt_name(each.blob))):
            raise OperatorError(_lost_receipt(state, day, each.blob))


def expect_any_receipt(state: StreamState, found: Mapping[str, ListedReceipt]) -> None:
    """Among all receipts of the stream there are some, where days were published by any."""
    published = (record.published for each, record in state.days.items() if not state.is_closed(each))
    if not found and any(each.files for each in published if each is not None):
        container = blob_names.receipts_container(state.customer)
        raise OperatorError(f"{container} holds no receipt of {state.dataset} though days were published by some: restore it")


def expect_changed(state: StreamState, notes: Iterable[StoredChange], found: Mapping[str, ListedReceipt]) -> None:
    """A receipt that was to be changed is there, changed or not."""
    for note in (each.note for each in notes):
        if note.before is not None and note.receipt not in found:
            container = blob_names.receipts_container(state.customer)
            raise OperatorError(f"the receipt {note.receipt} is gone though it held rows in force: restore it in {container}")


def expect_newest_day(context: JobContext, state: StreamState) -> None:
    """One part of the newest day that was published with any is there, and its receipt.

    A sample of what nobody reads while nothing changes: that whole containers are gone is told within an hour by it.
    """
    with_rows = [day for day, record in state.days.items() if record.published is not None and record.published.files]
    day = max(filter(state.is_comparable, with_rows), default=None)
    manifest = read_manifest(context.lake, state, day) if day is not None else None
    if day is None or manifest is None or not manifest.inputs:
        return
    each = manifest.inputs[0]
    found = look_at_receipts(context.drop, state.customer, [blob_names.receipt_name(each.blob)])
    is_there = context.lake.head(blob_names.STAGED_CONTAINER, each.part) is not None
    expect_not_lost(state, day, () if found and is_there else (each,), found)


def expect_answers(context: JobContext, state: StreamState, is_missing: Callable[[str], bool]) -> None:
    """Every upload that is there and was seen to have an answer has its receipt: a cut takes it for answered.

    `is_missing` tells of the name of a receipt that it was asked for and is not there. An upload that has none is answered
    anew by the sweep, unless its receipt is restored first.
    """
    lost = forget_lost_answers(context, state, is_missing)
    if lost:
        raise OperatorError(
            f"the receipt of {lost[0]} is gone though it was answered: restore it in "
            f"{blob_names.receipts_container(state.customer)}, or wait until the sweep has had the file answered anew"
        )


def forget_lost_answers(context: JobContext, state: StreamState, is_missing: Callable[[str], bool]) -> list[str]:
    """Have uploads answered anew that are there, were seen to have an answer and have no receipt; their names."""
    versions = load_answered(context, state.customer).versions
    folders = folders_of(state.dataset)
    lost = []
    for name, etag in versions.accepted.items():
        if name.startswith(folders) and is_missing(blob_names.receipt_name(name)):
            info = context.drop.head(blob_names.drop_container(state.customer), name)
            if info is not None and info.etag == etag:
                lost.append(name)
    if lost:
        forget_answers(context, state.customer, lost)
    return lost


def expect_not_lost(state: StreamState, day: date, left: Iterable[InputPart], found: Mapping[str, ListedReceipt]) -> None:
    """Parts of a publication that are not listed any more fell out of force: their receipts are there and name others."""
    for each in left:
        receipt = found.get(blob_names.receipt_name(each.blob))
        part = PartName.parse(each.part)
        if receipt is None or _is_lost(receipt):
            raise OperatorError(_lost_receipt(state, day, each.blob))
        if part is not None and receipt.summary.attempt == part.attempt:
            raise OperatorError(_lost_parts(state, day, each.blob))


def _is_lost(receipt: ListedReceipt | None) -> bool:
    """Whether the receipt of an upload that had rows in force is not there, or was written anew without them.

    An upload that is withdrawn has a version in force all the same, of no rows.
    """
    return receipt is None or receipt.summary.attempt is None


def _lost_parts(state: StreamState, day: date, blob: str) -> str:
    return (
        f"staged rows of {blob} of {state.customer} for {day.isoformat()} are gone though its receipt names them: "
        f"restore them in the container {blob_names.STAGED_CONTAINER}, or reingest the upload"
    )


def _lost_receipt(state: StreamState, day: date, blob: str) -> str:
    return (
        f"the receipt of {blob} is gone though {state.dataset} of {day.isoformat()} was published with its rows: "
        f"restore it in {blob_names.receipts_container(state.customer)}, or upload the file again"
    )


def _is_expired(state: StreamState, day: date, parts: NamedParts) -> bool:
    """Whether these are rows that retention gave up because no day was to be processed by them."""
    expired = state.given_up
    return expired is not None and day < expired.before and parts.last_modified <= expired.arrived
