"""Computes one day and commits it: steps 2 to 4 of the protocol's "Process day D"."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

from processing.domain import blob_names
from processing.domain.carried import Carried, carried_into, digest_of
from processing.domain.day_states import moved
from processing.domain.records import (
    DayRecord,
    DayState,
    InputPart,
    Manifest,
    Published,
    StreamState,
    to_json,
)
from processing.jobs.context import JobContext
from processing.jobs.day_inputs import StagedInput, earlier_files, read_part, staged_inputs
from processing.jobs.difference import write_difference
from processing.jobs.own_blobs import put_own
from processing.jobs.stream_state import StoredState, change_state
from processing.tables.day_catalogue import compute_day
from processing.tables.day_model import DayInput, DayRequest, DayResult


def publish_day(context: JobContext, stored: StoredState, day: date, epoch: int) -> StoredState:
    """Commit the publication of `day`; the tables follow in `project_pending`.

    Raises Superseded when another worker claimed the stream, LaterError and OperatorError when storage fails.
    """
    now = context.drop.service_time()

    def processing(present: StreamState) -> StreamState:
        return _with_day(present, day, moved(_record(present, day), DayState.PROCESSING, now, "due"))

    stored = change_state(context, stored, processing, epoch=epoch)
    state = stored.state
    seq = state.seq + 1
    inputs = staged_inputs(context, state, day)
    context.telemetry.link(each.trace for each in inputs)
    carried = carried_into(state, day)
    with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch:
        request = DayRequest(
            dataset=state.dataset,
            day=day,
            file_prefix=f"{seq:08d}-{epoch:08d}-{blob_names.new_attempt()[:8]}",
            ratios_before=carried.ratios,
        )
        parts = [DayInput(order=each.order, size=each.size, read=partial(read_part, context, each)) for each in inputs]
        # Step 3: files create-only, what they will change, then the manifest that names both.
        upload = partial(_upload, context, state.customer, Path(scratch))
        result = compute_day(request, parts, Path(scratch), upload, earlier_files(context, state, day))
    manifest = _manifest(context, state, request, epoch=epoch, inputs=inputs, carried=carried, result=result)
    if manifest.replaces is not None:
        manifest = replace(manifest, difference=write_difference(context, state, manifest))
    name = blob_names.manifest_name(state.customer, state.dataset, day, seq, epoch)
    put_own(context.lake, blob_names.STATE_CONTAINER, name, to_json(manifest))
    published = Published(
        seq=manifest.seq,
        manifest=name,
        files=len({each.blob for each in manifest.inputs}),
        rows=manifest.rows,
        superseded=manifest.superseded,
        rows_in=manifest.rows_in,
        inputs=digest_of(each.part for each in manifest.inputs),
        carried=carried.digest,
        gives=result.first_keys or "",
    )
    return _commit(context, stored, manifest, published, epoch)


def _upload(context: JobContext, customer: str, scratch: Path, name: str) -> None:
    put_own(context.lake, blob_names.results_container(customer), name, scratch / name)
    (scratch / name).unlink()


def _manifest(
    context: JobContext,
    state: StreamState,
    request: DayRequest,
    *,
    epoch: int,
    inputs: list[StagedInput],
    carried: Carried,
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
        ratios_before=carried.ratios,
        ratios=result.ratios,
        replaces=record.published.seq if record.published is not None else None,
        cause=record.reprocess or "",
        outputs=result.outputs,
        program=context.program,
    )


def _commit(context: JobContext, stored: StoredState, manifest: Manifest, published: Published, epoch: int) -> StoredState:
    """Step 4: one conditional write of the state blob makes the publication true."""
    round_processed = _record(stored.state, manifest.day).round

    def committed(state: StreamState) -> StreamState:
        if state.seq >= manifest.seq:
            return state  # it holds this write already: the answer to it was lost
        names = (*state.ratio_names, *(name for name in manifest.ratios if name not in state.ratio_names))
        ratios = tuple(sorted(names.index(name) for name in manifest.ratios))
        record = _record(state, manifest.day)
        reprocess = record.reprocess
        if record.round == round_processed and record.cut is not None:
            reprocess = None
        elif reprocess is None:  # what this publication was computed from is older than the cut that the day has now
            reprocess = "it was marked again while it was processed"
        record = replace(
            record,
            published=replace(published, ratios=ratios),
            reprocess=reprocess,
            change=None,
            difference=manifest.difference,
            failures=0,
            next_try=None,
            error=None,
        )
        state = _with_day(state, manifest.day, record)
        return replace(state, seq=manifest.seq, pending=manifest.day, ratio_names=names)

    return change_state(context, stored, committed, epoch=epoch)


def _record(state: StreamState, day: date) -> DayRecord:
    return state.days.get(day, DayRecord())


def _with_day(state: StreamState, day: date, record: DayRecord) -> StreamState:
    return replace(state, days=dict(sorted({**state.days, day: record}.items())))
