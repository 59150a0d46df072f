"""What a day of a stream is made of: the staged parts that receipts hold in force (protocol, Process day D, step 2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.errors import LaterError, OperatorError
from processing.domain.records import Receipt, StreamState, from_json
from processing.jobs.changes import read_manifest
from processing.jobs.context import JobContext
from processing.jobs.look import list_in_force
from processing.jobs.receipts import ReceiptSeen
from processing.tables.day_catalogue import EARLIER_DAYS_OF


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedInput:
    """A part that goes into a publication."""

    part: PartName
    blob: str
    """The upload that it came from."""
    order: int
    """Position among the inputs: by Last-Modified, name and number of the part."""
    size: int
    """Bytes."""
    trace: str | None
    """Identity of the span that staged it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The accepted version of an upload that is in force."""

    blob: str
    last_modified: datetime
    trace: str | None


def staged_inputs(context: JobContext, state: StreamState, day: date) -> list[StagedInput]:
    """The parts of a day that are in force, in order."""
    # Receipts, then parts. The other order would lose the rows of a receipt that moves in between.
    sources = _sources(context, state.customer, list_in_force(context, state.customer, state.dataset).values())
    prefix = blob_names.parts_prefix(state.customer, state.dataset, day)
    parts = [
        (sources[part.attempt], part, info.size)
        for info in context.lake.list_blobs(blob_names.STAGED_CONTAINER, prefix)
        if (part := PartName.parse(info.name)) is not None and part.attempt in sources
    ]
    parts.sort(key=lambda found: (found[0].last_modified, found[0].blob, found[1].number))
    return [
        StagedInput(part=part, blob=source.blob, order=order, size=size, trace=source.trace)
        for order, (source, part, size) in enumerate(parts)
    ]


def read_part(context: JobContext, each: StagedInput) -> bytes:
    """The Parquet of a part; LaterError when it is gone, because then a newer version is in force."""
    found = context.lake.get(blob_names.STAGED_CONTAINER, str(each.part))
    if found is None:
        raise LaterError(
            f"staged part {each.part} is gone: {each.blob} was replaced meanwhile; if this is told again, reingest it"
        )
    return found[0]


def earlier_files(context: JobContext, state: StreamState, day: date) -> Iterator[bytes]:
    """The files of earlier published days that the transform of the stream's dataset needs, one after another."""
    table = EARLIER_DAYS_OF.get(state.dataset)
    if table is None:
        return
    for earlier in (each for each in sorted(state.days) if each < day):
        manifest = read_manifest(context, state, earlier)
        for output in manifest.outputs if manifest is not None else ():
            if output.table == table:
                yield from (read_result(context, state.customer, f"{table}/{file.path}") for file in output.files)


def read_result(context: JobContext, customer: str, name: str) -> bytes:
    """A file of a results table; OperatorError when it is gone though a publication names it."""
    found = context.lake.get(blob_names.results_container(customer), name)
    if found is None:
        raise OperatorError(f"{name} of {customer} is gone though a publication names it: restore it")
    return found[0]


def _sources(context: JobContext, customer: str, found: Iterable[ReceiptSeen]) -> dict[str, _Source]:
    """Attempt in force to the upload that it came from."""
    sources = {}
    for seen in found:
        attempt, modified = seen.summary.attempt, seen.summary.in_force_modified
        if attempt is not None and modified is not None:
            name, trace = _upload_name(context, customer, seen), seen.summary.trace
            sources[attempt] = _Source(blob=name, last_modified=modified, trace=trace)
    return sources


def _upload_name(context: JobContext, customer: str, seen: ReceiptSeen) -> str:
    name = blob_names.upload_of_receipt(seen.blob)
    if name is not None:
        return name
    found = context.drop.get(blob_names.receipts_container(customer), seen.blob)
    if found is None:
        raise LaterError(f"receipt {seen.blob} is gone; it was listed a moment ago")
    return from_json(Receipt, found[0]).blob
