"""What a day of a stream is made of: the staged parts that receipts hold in force (protocol, Process day D, step 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.errors import LaterError, OperatorError
from processing.domain.publications import Manifest
from processing.domain.stream_state import StreamState
from processing.jobs.days.losses import expect_answers, expect_parts, expect_receipts
from processing.jobs.days.named_parts import named_parts
from processing.ports import BlobStore
from processing.publication.compute_day import EARLIER_DAYS_OF
from processing.publication.delta.specs import METRIC_DAYS
from processing.publication.totals import metrics_in
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.receipts import list_in_force


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
    traceparent: str | None
    """Identity of the span that staged it."""


def staged_inputs(context: JobContext, state: StreamState, day: date) -> list[StagedInput]:
    """The parts of a day that are in force, in order.

    OperatorError when one is lost: a receipt that is in force names it and it is not listed, or the day was published with
    an upload whose receipt is gone. From what is left nothing is published.
    """
    # Receipts, then parts. The other order would lose the rows of a receipt that moves in between.
    found = list_in_force(context.drop, state.stream)
    expect_answers(context, state, found)
    sources = named_parts(context, state, [day], found)[day]
    prefix = blob_names.parts_prefix(state.stream, day)
    parts = [
        (sources[part.attempt], part, info.size)
        for info in context.lake.list_blobs(blob_names.STAGED_CONTAINER, prefix)
        if (part := PartName.parse(info.name)) is not None and part.attempt in sources
    ]
    expect_parts(state, day, sources, Counter(part.attempt for _, part, _ in parts))
    expect_receipts(state, day, read_manifest(context.lake, state, day), found)
    parts.sort(key=lambda each: (each[0].last_modified, each[0].blob, each[1].number))
    return [
        StagedInput(part=part, blob=source.blob, order=order, size=size, traceparent=source.traceparent)
        for order, (source, part, size) in enumerate(parts)
    ]


def read_part(lake: BlobStore, each: StagedInput) -> bytes:
    """The Parquet of a part; LaterError when it is gone, because then a newer version is in force."""
    found = lake.get(blob_names.STAGED_CONTAINER, str(each.part))
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
        manifest = read_manifest(context.lake, state, earlier)
        for output in () if manifest is None else manifest.outputs:
            if output.table == table:
                yield from (read_result(context.lake, state.customer, f"{table}/{file.path}") for file in output.files)


def read_result(lake: BlobStore, customer: str, name: str) -> bytes:
    """A file of a results table; OperatorError when it is gone though a publication names it."""
    found = lake.get(blob_names.results_container(customer), name)
    if found is None:
        raise OperatorError(f"{name} of {customer} is gone though a publication names it: restore it")
    return found[0]


def is_touched_by(context: JobContext, manifest: Manifest, metrics: Collection[str]) -> bool:
    """Whether a publication of metrics has rows of any of these metrics."""
    names = (
        f"{output.table}/{file.path}"
        for output in manifest.outputs
        if output.table == METRIC_DAYS.name
        for file in output.files
    )
    return bool(metrics) and any(
        not metrics_in(read_result(context.lake, manifest.customer, name)).isdisjoint(metrics) for name in names
    )
