"""Computes one day and commits it: steps 2 to 4 of the protocol's "Process day D".

Whatever a worker decided is decided again on the state that its write is applied to. A write that loses is tried on what
others made of the state, and there the day may have a newer cut, or an earlier day may come first.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import to_json
from processing.domain.errors import DropzoneError, EnginePanicError, LaterError, panics_as_errors
from processing.domain.publications import InputPart, Manifest
from processing.domain.readiness.corrections import HANDED_ON, as_handed_on, is_marked_again
from processing.domain.readiness.day_states import as_before, with_state
from processing.domain.readiness.inherited import Inherited, digest_of, inherited_by
from processing.domain.stream_state import DayState, Published, StreamState
from processing.jobs.days.commit_day import begin_day, commit_day, expect_in_hand, record_of, upload_file, with_day
from processing.jobs.days.day_inputs import StagedInput, earlier_files, find_damaged, is_touched_by, read_part, staged_inputs
from processing.jobs.days.difference import write_difference
from processing.jobs.days.kind_changes import kind_change
from processing.publication.compute_day import compute_day
from processing.publication.model import DayInput, DayRequest, DayResult
from processing.stored.change_notes import drop_days
from processing.stored.context import JobContext
from processing.stored.customer_config import load_config, meaning_of_days
from processing.stored.manifests import read_manifest
from processing.stored.stream_state import StoredState, change_state
from processing.stored.write_once import write_once
from schemas.customer_config import CustomerConfig


def publish_day(context: JobContext, stored: StoredState, day: date, epoch: int) -> StoredState:
    """Commit the publication of `day`; the tables follow in `project_pending`.

    Nothing is committed where the publication that stands is what it would be. Raises NotDue when the day is not due any
    more, or has a newer cut; Superseded when another worker claimed the stream; LaterError and OperatorError when storage
    fails, or something is lost.
    """
    attempt = blob_names.new_attempt()
    stored = begin_day(context, stored, day, epoch, attempt)
    state = stored.state
    inputs, rows = staged_inputs(context, state, day)
    context.telemetry.link(each.traceparent for each in inputs)
    inherited = inherited_by(state, day)
    by = _config(context, state)
    if _is_unchanged_in_advance(context, state, day, inputs, inherited, by=by):
        return _finish_unchanged(context, stored, day, epoch=epoch, attempt=attempt, inherited=inherited)
    seq = state.seq + 1
    with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch:
        request = DayRequest(
            dataset=state.dataset,
            day=day,
            file_prefix=f"{seq:08d}-{epoch:08d}-{attempt[:8]}",
            ratios_before=inherited.ratios,
            aggregates=by.config.aggregated,
            kinds=by.config.pinned,
            deadline=context.deadline(),
        )
        parts = [DayInput(order=each.order, size=each.size, read=partial(read_part, context.lake, each)) for each in inputs]
        # Step 3: files create-only, what they will change, then the manifest that names both.
        upload = partial(upload_file, context, state.customer, Path(scratch))
        try:
            with panics_as_errors():
                result = compute_day(request, parts, Path(scratch), upload, earlier_files(context, state, day))
        except Exception as error:
            if not isinstance(error, DropzoneError) or isinstance(error, EnginePanicError):
                find_damaged(context.lake, inputs)  # an engine does not say which file it could not read
            raise
    if _is_unchanged(state, day, inputs, result):
        return _finish_unchanged(
            context, stored, day, epoch=epoch, attempt=attempt, inherited=inherited
        )  # its files are garbage
    manifest = _manifest(context, state, request, epoch=epoch, inputs=inputs, inherited=inherited, result=result)
    manifest = replace(manifest, config=by.version)
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
        meaning=by.meaning,
        kind_changed=kind_change(context, manifest, result, by.config),
    )
    stored = commit_day(context, stored, manifest, published, attempt)
    with suppress(LaterError):  # what is left of them is asked once more by the next look
        drop_days(context.lake, rows.notes, {day})
    return stored


@dataclass(frozen=True, slots=True, kw_only=True)
class _Config:
    """What a day is computed by, besides its rows."""

    config: CustomerConfig
    version: str | None
    """Of the config; None where it says nothing of the days of the stream."""
    meaning: str
    """Digest of what it says of them."""


def _config(context: JobContext, state: StreamState) -> _Config:
    if state.dataset is not Dataset.METRICS:
        return _Config(config=CustomerConfig(), version=None, meaning="")
    loaded = load_config(context.lake, state.customer, context.configs)
    meaning = meaning_of_days(loaded.config, state.dataset)
    return _Config(config=loaded.config, version=loaded.version if meaning else None, meaning=meaning)


def _is_unchanged_in_advance(
    context: JobContext, state: StreamState, day: date, inputs: list[StagedInput], inherited: Inherited, *, by: _Config
) -> bool:
    """Whether it is known without computing that what the day is processed again for makes no difference."""
    published = record_of(state, day).published
    if published is None or published.meaning != by.meaning:
        return False
    if is_marked_again(record_of(state, day)):
        return _is_as_published(state, day, inputs, inherited)
    if not _is_asked_by_earlier_days_alone(state, day, inputs) or state.dataset is not Dataset.METRICS:
        return False
    manifest = read_manifest(context.lake, state, day)
    if manifest is None:
        return False
    others = (frozenset(manifest.ratios_before) ^ frozenset(inherited.ratios)) - frozenset(by.config.pinned)
    return not is_touched_by(context, manifest, others)


def _is_as_published(state: StreamState, day: date, inputs: list[StagedInput], inherited: Inherited) -> bool:
    """Whether a day that was marked again has the rows, and is given what it was given, when it was published."""
    published = record_of(state, day).published
    rows = digest_of(str(each.part) for each in inputs)
    return published is not None and (published.inputs, published.carried) == (rows, inherited.digest)


def _is_unchanged(state: StreamState, day: date, inputs: list[StagedInput], result: DayResult) -> bool:
    """Whether a day's exposures come to the same keys as before, from the same parts: so the same rows stand in the table."""
    published = record_of(state, day).published
    is_asked = _is_asked_by_earlier_days_alone(state, day, inputs)
    return is_asked and published is not None and result.first_keys is not None and result.first_keys == published.hands_on


def _is_asked_by_earlier_days_alone(state: StreamState, day: date, inputs: list[StagedInput]) -> bool:
    record = record_of(state, day)
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
    record = record_of(state, request.day)
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
        kept=result.kept,
        program=context.program,
        overflowed=result.overflowed,
        merged=result.merged,
    )


def _finish_unchanged(
    context: JobContext, stored: StoredState, day: date, *, epoch: int, attempt: str, inherited: Inherited
) -> StoredState:
    """That what the day is processed again for leaves its publication as it is."""
    processed, now = record_of(stored.state, day), context.drop.service_time()

    def settled(state: StreamState) -> StreamState:
        record = record_of(state, day)
        if record.attempt == attempt and record.reprocess is None:
            return state
        expect_in_hand(state, day, processed, attempt)
        if is_marked_again(record):
            return with_day(state, day, as_before(as_handed_on(record, inherited.digest), now))
        is_empty = record.published is not None and record.published.rows_in == 0
        to = DayState.PROCESSED_EMPTY if is_empty else DayState.PROCESSED
        return with_day(
            state, day, with_state(as_handed_on(record, inherited.digest), to, now, "what earlier days hand on changes nothing")
        )

    return change_state(context, stored, settled, epoch=epoch)
