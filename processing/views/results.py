"""What the results of experiments need: a failed day, a day that waits, names in the config that nothing was found for."""

from __future__ import annotations

from collections.abc import Iterator

from processing.domain import blob_names
from processing.domain.attention.model import Actor, Attention, AttentionCode
from processing.domain.stream_state import DayState, StreamState
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest


def attention_of_results(context: JobContext, state: StreamState) -> Iterator[Attention]:
    """In the order of the days; what is told of names is that of the last day with results."""
    customer = state.customer
    for day, record in sorted(state.days.items()):
        if record.state is DayState.FAILED:
            yield Attention(
                code=AttentionCode.DAY_FAILED,
                message=f"results of {day} failed: {record.error}",
                who=Actor.OPERATOR,
                do=f"they are tried again by themselves; to try them now: `dropzone retry {customer} --dataset experiments`",
                day=day,
            )
        elif record.waiting_for:
            yield Attention(
                code=AttentionCode.DAY_WAITING,
                message=f"results of {day} wait for {', '.join(record.waiting_for)}",
                who=Actor.DROPZONE,
                do="they follow when these days are published; what holds these up stands with their streams",
                day=day,
            )
    last = max((day for day, record in state.days.items() if record.published is not None), default=None)
    manifest = read_manifest(context.lake, state, last) if last is not None else None
    for warning in manifest.warnings if manifest is not None else ():
        yield Attention(
            code=AttentionCode.EXPERIMENT_UNKNOWN,
            message=warning,
            who=Actor.OPERATOR,
            do=f"correct `experiments` in {blob_names.config_name(customer)}, or wait for its rows",
            day=last,
        )
