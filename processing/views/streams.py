"""Where a stream stands: its days with what is in, what each waits for, and what the whole needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime

from processing.domain.attention.model import Attention, StagedDay
from processing.domain.attention.of_days import needs_of_day
from processing.domain.attention.of_streams import StreamFacts, attention_of_stream
from processing.domain.stream_state import DayRecord, DayStatus, StreamState
from processing.stored.context import JobContext
from processing.stored.day_documents import day_status
from processing.stored.markers import read_signals
from processing.stored.policies import readiness_policy
from processing.views.model import StreamStatus
from processing.views.results import attention_of_results
from processing.views.tables import attention_of_tables


def stream_status(context: JobContext, state: StreamState, staged: Mapping[date, StagedDay], now: datetime) -> StreamStatus:
    """Where a stream stands, by its state, its markers and the rows that are in."""
    policy = readiness_policy(context, state.customer)
    kept = {day: each for day, each in staged.items() if not state.is_closed(day) and not _is_given_up(state, day)}
    facts = StreamFacts(
        now=now,
        zone=context.zone,
        policy=policy,
        # One that is rewritten all the time takes effect by when it was first seen.
        markers=[
            replace(each, written=state.rests_since(each.ref.name, each.written))
            for each in read_signals(context, state, policy, now).markers
        ],
        staged=kept,
        keep_staged=context.retention.staged,
    )
    days = {**dict.fromkeys((day for day, each in kept.items() if each.rows), DayRecord()), **state.days}
    told = (
        _with_staged(
            replace(day_status(context, state, day, record), needs=needs_of_day(state, day, record, policy)),
            kept.get(day, StagedDay()),
        )
        for day, record in sorted(days.items())
    )
    return _status(context, state, attention_of_stream(state, facts), told)


def results_status(context: JobContext, state: StreamState) -> StreamStatus:
    """Where the results of experiments stand: they wait for no marker and no upload, but for the days of other streams."""
    told = (day_status(context, state, day, record) for day, record in sorted(state.days.items()))
    return _status(context, state, attention_of_results(context, state), told)


def _status(context: JobContext, state: StreamState, attention: Iterable[Attention], days: Iterable[DayStatus]) -> StreamStatus:
    return StreamStatus(
        dataset=state.dataset,
        first_day=state.first_day,
        seq=state.seq,
        unfinished=state.pending,
        stopped=state.stopped,
        attention=(*attention_of_tables(context, state), *attention),
        closed_days=sum((each.last - each.first).days + 1 for each in state.closed),
        days=tuple(days),
    )


def _with_staged(day: DayStatus, staged: StagedDay) -> DayStatus:
    """A day that is not published with what is in of it."""
    return day if day.seq is not None else replace(day, files=staged.files, rows=staged.rows)


def _is_given_up(state: StreamState, day: date) -> bool:
    return state.given_up is not None and day < state.given_up.before and not state.is_published(day)
