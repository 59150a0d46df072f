"""Whether the tables of a stream are there: while one is lost, its next day is not published (contract section 2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from processing.domain import blob_names
from processing.domain.attention.model import Actor, Attention, AttentionCode
from processing.domain.errors import OperatorError
from processing.domain.stream_state import StreamState
from processing.publication.delta.specs import DAYS
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest


def attention_of_tables(context: JobContext, state: StreamState) -> Iterator[Attention]:
    """The tables of the last publication that have no log any more, and what else of it is gone or cannot be looked at."""
    numbers = {day: record.published.seq for day, record in state.days.items() if record.published is not None}
    if not numbers or state.pending is not None:
        return
    try:
        lost = _lost(context, state, {numbers[day]: day for day in numbers}[max(numbers.values())])
    except OperatorError as error:
        yield Attention(
            code=AttentionCode.TABLE_LOST,
            message=f"the last publication cannot be looked at: {error}",
            who=Actor.OPERATOR,
            do="restore what is gone, or give the role that is missing",
        )
        return
    for name in lost:
        yield Attention(
            code=AttentionCode.TABLE_LOST,
            message=f"table {name} is lost, and no further day is published until it is back",
            who=Actor.OPERATOR,
            do=(
                f"restore {blob_names.results_container(state.customer)}/{name}, or make it anew: "
                f"`dropzone rebuild {state.customer} {name}`"
            ),
        )


def _lost(context: JobContext, state: StreamState, last: date) -> list[str]:
    manifest = read_manifest(context.lake, state, last)
    names = {output.table for output in manifest.outputs} if manifest is not None else set()
    container = blob_names.results_container(state.customer)
    return [name for name in sorted({*names, DAYS.name}) if not context.tables.has(container, name)]
