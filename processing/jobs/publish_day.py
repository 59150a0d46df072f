"""Computes one day and commits it: steps 2 to 4 of the protocol's "Process day D"."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import structlog

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.errors import LaterError, OperatorError
from processing.domain.readiness import moved
from processing.domain.records import (
    DayRecord,
    DayState,
    InputPart,
    Manifest,
    Published,
    Receipt,
    StreamState,
    TableOutput,
    from_json,
    to_json,
)
from processing.jobs.context import JobContext
from processing.jobs.own_blobs import put_own
from processing.jobs.receipts import ReceiptSeen, list_receipts
from processing.jobs.stream_state import StoredState, change_state
from processing.tables.day_catalogue import compute_day
from processing.tables.day_model import DayInput, DayRequest, DayResult

_log = structlog.get_logger()


def publish_day(context: JobContext, stored: StoredState, day: date, epoch: int) -> StoredState:
    """Commit the publication of `day`; the tables follow in `project_pending`.

    Raises Superseded when another worker claimed the stream, LaterError and OperatorError when storage fails.
    """
    state = stored.state
    now = context.drop.service_time()

    def processing(present: StreamState) -> StreamState:
        return _with_day(present, day, moved(_record(present, day), DayState.PROCESSING, now, "due"))

    stored = change_state(context, stored, processing, epoch=epoch)
    seq = stored.state.seq + 1
    # Step 2: receipts, then parts. The other order would lose the rows of a receipt that moves in between.
    sources = _sources(context, state)
    inputs = list(_inputs(context, state, day, sources))
    with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch:
        request = DayRequest(
            dataset=state.dataset,
            day=day,
            file_prefix=f"{seq:08d}-{epoch:08d}-{blob_names.new_attempt()[:8]}",
            ratios_before=_ratios_before(stored.state, day),
        )
        frames = (DayInput(order=each.order, data=_part_bytes(context, each)) for each in inputs)
        result = compute_day(request, frames, Path(scratch))
        # Step 3: files create-only, then the manifest that names them.
        for output in result.outputs:
            _upload(context, state.customer, output, Path(scratch))
    manifest = _manifest(context, stored.state, day=day, seq=seq, epoch=epoch, inputs=inputs, result=result)
    name = blob_names.manifest_name(state.customer, state.dataset, day, seq, epoch)
    put_own(context.lake, blob_names.STATE_CONTAINER, name, to_json(manifest))
    return _commit(context, stored, manifest, name, epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The accepted version of an upload that is in force."""

    blob: str
    last_modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    part: PartName
    source: _Source
    order: int
    """Position among the inputs: by Last-Modified, name and number of the part."""


def _sources(context: JobContext, state: StreamState) -> dict[str, _Source]:
    """Attempt in force to the upload that it came from."""
    sources = {}
    for seen in list_receipts(context.drop, state.customer, f"{state.dataset}/").values():
        attempt, modified = seen.summary.attempt, seen.summary.in_force_modified
        if attempt is not None and modified is not None:
            sources[attempt] = _Source(blob=_upload_name(context, state.customer, seen), last_modified=modified)
    return sources


def _upload_name(context: JobContext, customer: str, seen: ReceiptSeen) -> str:
    name = blob_names.upload_of_receipt(seen.blob)
    if name is not None:
        return name
    found = context.drop.get(blob_names.receipts_container(customer), seen.blob)
    if found is None:
        raise LaterError(f"receipt {seen.blob} is gone; it was listed a moment ago")
    return from_json(Receipt, found[0]).blob


def _inputs(context: JobContext, state: StreamState, day: date, sources: dict[str, _Source]) -> Iterator[_Input]:
    prefix = blob_names.parts_prefix(state.customer, state.dataset, day)
    parts = [
        part
        for info in context.lake.list_blobs(blob_names.STAGED_CONTAINER, prefix)
        if (part := PartName.parse(info.name)) is not None and part.attempt in sources
    ]
    parts.sort(key=lambda part: (sources[part.attempt].last_modified, sources[part.attempt].blob, part.number))
    for order, part in enumerate(parts):
        yield _Input(part=part, source=sources[part.attempt], order=order)


def _part_bytes(context: JobContext, each: _Input) -> bytes:
    found = context.lake.get(blob_names.STAGED_CONTAINER, str(each.part))
    if found is None:
        raise OperatorError(f"staged part {each.part} is gone though its receipt holds it in force: restore it, or reingest")
    return found[0]


def _ratios_before(state: StreamState, day: date) -> tuple[str, ...]:
    earlier = (record.published for each, record in state.days.items() if each < day)
    return tuple(sorted({name for published in earlier if published is not None for name in published.new_ratios}))


def _upload(context: JobContext, customer: str, output: TableOutput, scratch: Path) -> None:
    for file in output.files:
        name = f"{output.table}/{file.path}"
        put_own(context.lake, blob_names.results_container(customer), name, scratch / name)


def _manifest(
    context: JobContext, state: StreamState, *, day: date, seq: int, epoch: int, inputs: list[_Input], result: DayResult
) -> Manifest:
    record = _record(state, day)
    return Manifest(
        customer=state.customer,
        dataset=state.dataset,
        day=day,
        seq=seq,
        epoch=epoch,
        created_at=context.drop.service_time(),
        markers=record.markers,
        inputs=tuple(
            InputPart(part=str(each.part), blob=each.source.blob, rows=rows)
            for each, rows in zip(inputs, result.input_rows, strict=True)
        ),
        refused=record.refused,
        rows_in=sum(result.input_rows),
        rows=result.rows,
        superseded=result.superseded,
        test_rows=result.test_rows,
        ratios_before=_ratios_before(state, day),
        ratios=result.ratios,
        outputs=result.outputs,
        program=context.program,
    )


def _commit(context: JobContext, stored: StoredState, manifest: Manifest, name: str, epoch: int) -> StoredState:
    """Step 4: one conditional write of the state blob makes the publication true."""
    published = Published(
        seq=manifest.seq,
        manifest=name,
        files=len({each.blob for each in manifest.inputs}),
        rows=manifest.rows,
        superseded=manifest.superseded,
        new_ratios=tuple(sorted(set(manifest.ratios) - set(manifest.ratios_before))),
    )

    def committed(state: StreamState) -> StreamState:
        if state.seq >= manifest.seq:
            return state  # it holds this write already: the answer to it was lost
        record = replace(_record(state, manifest.day), published=published, failures=0, next_try=None, error=None)
        return replace(_with_day(state, manifest.day, record), seq=manifest.seq, pending=manifest.day)

    return change_state(context, stored, committed, epoch=epoch)


def _record(state: StreamState, day: date) -> DayRecord:
    return state.days.get(day, DayRecord())


def _with_day(state: StreamState, day: date, record: DayRecord) -> StreamState:
    return replace(state, days=dict(sorted({**state.days, day: record}.items())))
