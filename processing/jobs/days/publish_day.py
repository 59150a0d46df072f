"""Computes one day and commits it: steps 2 to 4 of the protocol's "Process day D".

Whatever a worker decided is decided again on the state that its write is applied to. A write that loses is tried on what
others made of the state, and there the day may have a newer cut, or an earlier day may come first.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import to_json
from processing.domain.errors import DropzoneError, LaterError, panics_as_errors
from processing.domain.publications import InputPart, Manifest
from processing.domain.readiness.advance import due_days
from processing.domain.readiness.corrections import HANDED_ON, as_handed_on
from processing.domain.readiness.day_states import with_state
from processing.domain.readiness.inherited import Inherited, digest_of, inherited_by, shown_ratios
from processing.domain.stream_state import DayRecord, DayState, Published, StreamState
from processing.jobs.days.day_inputs import StagedInput, earlier_files, is_touched_by, read_part, staged_inputs
from processing.jobs.days.difference import write_difference
from processing.publication.compute_day import compute_day
from processing.publication.model import DayInput, DayRequest, DayResult
from processing.stored.change_notes import drop_days
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.stream_state import StoredState, change_state
from processing.stored.write_once import write_once


class NotDue(DropzoneError):
    """The day is not to be processed as things are now, though it was a moment ago."""


def publish_day(context: JobContext, stored: StoredState, day: date, epoch: int) -> StoredState:
    """Commit the publication of `day`; the tables follow in `project_pending`.

    Nothing is committed where the publication that stands is what it would be. Raises NotDue when the day is not due any
    more, or has a newer cut; Superseded when another worker claimed the stream; LaterError and OperatorError when storage
    fails, or something is lost.
    """
    attempt = blob_names.new_attempt()
    stored = _begin(context, stored, day, epoch, attempt)
    state = stored.state
    inputs, rows = staged_inputs(context, state, day)
    context.telemetry.link(each.traceparent for each in inputs)
    inherited = inherited_by(state, day)
    if _is_unchanged_in_advance(context, state, day, inputs, inherited):
        return _finish_unchanged(context, stored, day, epoch=epoch, attempt=attempt, inherited=inherited)
    seq = state.seq + 1
    with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch:
        request = DayRequest(
            dataset=state.dataset,
            day=day,
            file_prefix=f"{seq:08d}-{epoch:08d}-{attempt[:8]}",
            ratios_before=inherited.ratios,
            deadline=context.deadline(),
        )
        parts = [DayInput(order=each.order, size=each.size, read=partial(read_part, context.lake, each)) for each in inputs]
        # Step 3: files create-only, what they will change, then the manifest that names both.
        upload = partial(_upload, context, state.customer, Path(scratch))
        with panics_as_errors():
            result = compute_day(request, parts, Path(scratch), upload, earlier_files(context, state, day))
    if _is_unchanged(state, day, inputs, result):
        return _finish_unchanged(
            context, stored, day, epoch=epoch, attempt=attempt, inherited=inherited
        )  # its files are garbage
    manifest = _manifest(context, state, request, epoch=epoch, inputs=inputs, inherited=inherited, result=result)
    if manifest.replaces is not None:
        manifest = replace(manifest, difference=write_difference(context, state, manifest, attempt))
    name = blob_names.manifest_name(state.stream, day, seq=seq, epoch=epoch, attempt=attempt)
    write_once(context.lake, blob_names.STATE_CONTAINER, name, to_json(manifest))
    published = Published(
        seq=manifest.seq,
        manifest=name,
        files=len({each.blob for each in manifest.inputs}),
        rows=manifest.rows,
        superseded=manifest.superseded,
        rows_in=manifest.rows_in,
        inputs=digest_of(each.part for each in manifest.inputs),
        carried=inherited.digest,
        hands_on=result.first_keys or "",
        overflowed=result.overflowed,
    )
    stored = _commit(context, stored, manifest, published, attempt)
    with suppress(LaterError):  # what is left of them is asked once more by the next look
        drop_days(context.lake, rows.notes, {day})
    return stored


def _begin(context: JobContext, stored: StoredState, day: date, epoch: int, attempt: str) -> StoredState:
    """Step 2: that the day is in hand, and how often it was, is written before anything of it is read."""
    now = context.drop.service_time()

    def begun(present: StreamState) -> StreamState:
        record = _record(present, day)
        if record.attempt == attempt:
            return present  # by this very write, whose answer was lost
        if day not in due_days(present):
            raise NotDue(f"day {day.isoformat()} is not due any more")
        record = with_state(record, DayState.PROCESSING, now, "due")
        return _with_day(present, day, replace(record, attempt=attempt, tries=record.tries + 1))

    return change_state(context, stored, begun, epoch=epoch)


def _upload(context: JobContext, customer: str, scratch: Path, name: str) -> None:
    write_once(context.lake, blob_names.results_container(customer), name, scratch / name)
    (scratch / name).unlink()


def _is_unchanged_in_advance(
    context: JobContext, state: StreamState, day: date, inputs: list[StagedInput], inherited: Inherited
) -> bool:
    """Whether it is known without computing that what earlier days hand on now makes no difference."""
    if not _is_asked_by_earlier_days_alone(state, day, inputs) or state.dataset is not Dataset.METRICS:
        return False
    manifest = read_manifest(context.lake, state, day)
    if manifest is None:
        return False
    others = frozenset(manifest.ratios_before) ^ frozenset(inherited.ratios)
    return not is_touched_by(context, manifest, others)


def _is_unchanged(state: StreamState, day: date, inputs: list[StagedInput], result: DayResult) -> bool:
    """Whether a day's exposures come to the same keys as before, from the same parts: so the same rows stand in the table."""
    published = _record(state, day).published
    is_asked = _is_asked_by_earlier_days_alone(state, day, inputs)
    return is_asked and published is not None and result.first_keys is not None and result.first_keys == published.hands_on


def _is_asked_by_earlier_days_alone(state: StreamState, day: date, inputs: list[StagedInput]) -> bool:
    record = _record(state, day)
    if record.published is None or record.reprocess != HANDED_ON:
        return False
    return record.published.inputs == digest_of(str(each.part) for each in inputs)


def _manifest(
    context: JobContext,
    state: StreamState,
    request: DayRequest,
    *,
    epoch: int,
    inputs: list[StagedInput],
    inherited: Inherited,
    result: DayResult,
) -> Manifest:
    record = _record(state, request.day)
    return Manifest(
        customer=state.customer,
        dataset=state.dataset,
        day=request.day,
        seq=state.seq + 1,
        epoch=epoch,
        created_at=context.drop.service_time(),
        markers=record.markers,
        inputs=tuple(
            InputPart(part=str(each.part), blob=each.blob, rows=rows)
            for each, rows in zip(inputs, result.input_rows, strict=True)
        ),
        refused=record.refused,
        rows_in=sum(result.input_rows),
        rows=result.rows,
        superseded=result.superseded,
        test_rows=result.test_rows,
        ratios_before=inherited.ratios,
        ratios=result.ratios,
        replaces=record.published.seq if record.published is not None else None,
        cause=record.reprocess or "",
        outputs=result.outputs,
        program=context.program,
        overflowed=result.overflowed,
    )


def _commit(context: JobContext, stored: StoredState, manifest: Manifest, published: Published, attempt: str) -> StoredState:
    """Step 4: one conditional write of the state blob makes the publication true."""
    processed = _record(stored.state, manifest.day)

    def committed(state: StreamState) -> StreamState:
        record = _record(state, manifest.day)
        if record.published is not None and record.published.manifest == published.manifest:
            return state  # by this very write, whose answer was lost
        _expect_in_hand(state, manifest.day, processed, attempt)
        names, ratios = shown_ratios(state, manifest.ratios)
        record = replace(
            record,
            published=replace(published, ratios=ratios, unknown=record.published.unknown if record.published else {}),
            reprocess=None,
            touched=_may_be_touched(state, stored.state),
            change=None,
            difference=manifest.difference,
            tries=1,  # at the tables now
            failures=0,
            next_try=None,
            error=None,
        )
        state = _with_day(state, manifest.day, record)
        return replace(state, seq=manifest.seq, pending=manifest.day, ratio_names=names)

    return change_state(context, stored, committed, epoch=manifest.epoch)


def _may_be_touched(present: StreamState, read: StreamState) -> bool:
    """Whether others wrote the state since it was read, before the receipts: maybe that these are other rows by now."""
    return present is not read


def _finish_unchanged(
    context: JobContext, stored: StoredState, day: date, *, epoch: int, attempt: str, inherited: Inherited
) -> StoredState:
    """That what earlier days hand on now leaves the day's publication as it is."""
    processed, now = _record(stored.state, day), context.drop.service_time()

    def settled(state: StreamState) -> StreamState:
        record = _record(state, day)
        if record.attempt == attempt and record.reprocess is None:
            return state
        _expect_in_hand(state, day, processed, attempt)
        is_empty = record.published is not None and record.published.rows_in == 0
        to = DayState.PROCESSED_EMPTY if is_empty else DayState.PROCESSED
        return _with_day(
            state, day, with_state(as_handed_on(record, inherited.digest), to, now, "what earlier days hand on changes nothing")
        )

    return change_state(context, stored, settled, epoch=epoch)


def _expect_in_hand(state: StreamState, day: date, processed: DayRecord, attempt: str) -> None:
    """NotDue unless the day is still due, with the cut that was processed, and in this attempt's hand."""
    record = _record(state, day)
    if record.attempt != attempt or record.round != processed.round or day not in due_days(state):
        raise NotDue(f"day {day.isoformat()} was cut again, or is not due any more, while it was computed")


def _record(state: StreamState, day: date) -> DayRecord:
    return state.days.get(day, DayRecord())


def _with_day(state: StreamState, day: date, record: DayRecord) -> StreamState:
    return replace(state, days=dict(sorted({**state.days, day: record}.items())))
