"""What a day of a stream is made of: the staged parts that receipts hold in force (protocol, Process day D, step 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.errors import LaterError, OperatorError
from processing.domain.publications import Manifest
from processing.domain.stream_state import StreamState
from processing.jobs.days.losses import expect_answers, expect_any_receipt, expect_changed, expect_parts, expect_receipts
from processing.jobs.days.named_parts import named_parts
from processing.ports import BlobStore
from processing.publication.compute_day import EARLIER_DAYS_OF
from processing.publication.delta.specs import METRIC_DAYS
from processing.publication.totals import metrics_in
from processing.stored.change_notes import StoredChange, list_changes
from processing.stored.closed_days import read_known_keys, with_closed_days
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.receipts import ListedReceipt, list_in_force, look_at_receipts
from processing.stored.result_files import files_of_days, read_result
from processing.stored.staged_parts import ListedPart, is_readable, list_parts


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRows:
    """What holds the rows of a day."""

    receipts: Mapping[str, ListedReceipt]
    """By their own names: all that may hold rows of the day in force, or all of the stream."""
    parts: tuple[ListedPart, ...]
    """All parts of the day, in force or not."""
    notes: tuple[StoredChange, ...]
    """Changes of the day, as far as these receipts show them."""

    def in_force(self) -> set[str]:
        """Names of the parts that are in force."""
        attempts = {seen.summary.attempt for seen in self.receipts.values()}
        return {str(each.part) for each in self.parts if each.part.attempt in attempts}


def find_rows(
    context: JobContext, state: StreamState, day: date, manifest: Manifest | None, listed: Iterable[StoredChange]
) -> DayRows:
    """The receipts that notes, parts and the standing publication name for a day, and then the day's parts.

    The notes of the stream, `listed` before, then receipts, then parts: a change that came before the notes were listed is
    seen, and a part that a receipt names is there when it is. Where rows may have come without a note, all receipts are
    listed. OperatorError when a receipt is gone that somebody saw.
    """
    notes = [each for each in listed if day in each.note.days]
    names = {each.note.receipt for each in notes} | {each.receipt for each in list_parts(context.lake, state.stream, day)}
    published = {blob_names.receipt_name(each.blob) for each in (manifest.inputs if manifest is not None else ())}
    if state.reconciled_at is None or None in names:
        found = list_in_force(context.drop, state.stream)
        expect_any_receipt(state, found)
        expect_answers(context, state, lambda name: name not in found)
    else:
        asked = {name for name in names if name is not None} | published
        found = look_at_receipts(context.drop, state.customer, asked)
        expect_changed(state, notes, found)
        missing = asked - found.keys()
        if missing:
            expect_answers(context, state, lambda name: name in missing)
    return DayRows(
        receipts=found,
        parts=tuple(list_parts(context.lake, state.stream, day)),
        notes=tuple(each for each in notes if each.is_over(found)),
    )


def staged_inputs(context: JobContext, state: StreamState, day: date) -> tuple[list[StagedInput], DayRows]:
    """The parts of a day that are in force, in order, and what holds them.

    OperatorError when one is lost: a receipt that is in force names it and it is not listed, or the day was published with
    an upload whose receipt is gone. From what is left nothing is published.
    """
    manifest = read_manifest(context.lake, state, day)
    rows = find_rows(context, state, day, manifest, list_changes(context.lake, state.stream))
    sources = named_parts(context, state, [day], rows.receipts)[day]
    parts = [(sources[each.part.attempt], each) for each in rows.parts if each.part.attempt in sources]
    expect_parts(state, day, sources, Counter(each.part.attempt for _, each in parts))
    expect_receipts(state, day, manifest, rows.receipts)
    parts.sort(key=lambda each: (each[0].last_modified, each[0].blob, each[1].part.number))
    inputs = [
        StagedInput(part=each.part, blob=source.blob, order=order, size=each.size, traceparent=source.traceparent)
        for order, (source, each) in enumerate(parts)
    ]
    return inputs, rows


def read_part(lake: BlobStore, each: StagedInput) -> bytes:
    """The Parquet of a part; LaterError when it is gone, because then a newer version is in force."""
    found = lake.get(blob_names.STAGED_CONTAINER, str(each.part))
    if found is None:
        raise LaterError(
            f"staged part {each.part} is gone: {each.blob} was replaced meanwhile; if this is told again, reingest it"
        )
    return found[0]


def find_damaged(lake: BlobStore, inputs: Iterable[StagedInput]) -> None:
    """OperatorError that names the first of these parts that is no readable Parquet; nothing where all of them are."""
    for each in inputs:
        if not is_readable(read_part(lake, each)):
            raise OperatorError(
                f"staged part {each.part} of {each.blob} is damaged: reingest the upload while it is there, or restore "
                f"the part in the container {blob_names.STAGED_CONTAINER}, and then run `dropzone retry {each.part.customer}`"
            )


def earlier_files(context: JobContext, state: StreamState, day: date) -> Iterator[bytes]:
    """What the transform of the stream's dataset needs of earlier published days, one file after another.

    Of closed days that is one file a month where housekeeping has made it, and of all others the files of their tables.
    """
    table = EARLIER_DAYS_OF.get(state.dataset)
    if table is None:
        return
    months = [each for each in state.closed if each.last < day and each.known_keys is not None]
    yield from (read_known_keys(context.lake, state, each) for each in months)
    state = replace(state, closed=tuple(each for each in state.closed if each not in months and each.first < day))
    yield from files_of_days(context.lake, context.results, with_closed_days(context.lake, state), table, before=day)


def is_touched_by(context: JobContext, manifest: Manifest, metrics: Collection[str]) -> bool:
    """Whether a publication of metrics has rows of any of these metrics."""
    return bool(metrics) and any(
        not metrics_in(read_result(context.results, manifest.customer, name)).isdisjoint(metrics)
        for name in manifest.names_in(METRIC_DAYS.name)
    )
