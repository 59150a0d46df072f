"""Closed days of a stream in documents of their own, a month in each, so that its state stays small (protocol, Closed days).

A document is a stream's state with these days alone, and nothing writes it again: with the next day of its month comes a new
one. What the state names is what counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from processing.domain import blob_names
from processing.domain.documents import from_json, to_json
from processing.domain.errors import OperatorError
from processing.domain.readiness.inherited import sum_of_keys
from processing.domain.stream_state import ClosedDays, DayRecord, StreamState
from processing.ports import BlobStore
from processing.stored.write_once import write_once

_DAY: Final = timedelta(days=1)


def with_closed_days(lake: BlobStore, state: StreamState, days: Collection[date] | None = None) -> StreamState:
    """The state with the records of closed days, to read from: of all of them, or of those whose documents have `days`.

    OperatorError when a document is gone.
    """
    read = [each for each in state.closed if days is None or any(map(each.has, days))]
    records: dict[date, DayRecord] = {}
    for each in read:
        records |= read_closed(lake, state, each)
    left = tuple(each for each in state.closed if each not in read)
    return replace(state, closed=left, days=dict(sorted({**records, **state.days}.items())))


def read_closed(lake: BlobStore, state: StreamState, closed: ClosedDays) -> Mapping[date, DayRecord]:
    """The records of closed days; OperatorError when their document is gone."""
    return from_json(StreamState, _read(lake, state, closed.document)).days


def read_known_keys(lake: BlobStore, state: StreamState, closed: ClosedDays) -> bytes:
    """The Parquet of the keys of closed days that have one; OperatorError when it is gone."""
    return _read(lake, state, closed.known_keys or "")


def store_apart(lake: BlobStore, state: StreamState, days: Collection[date]) -> StreamState:
    """The state in which documents hold the records of these closed days; they are written, the state is not."""
    closed = list(state.closed)
    for run in _runs(days):
        records = {day: state.days[day] for day in run}
        before = next((each for each in closed if _follows(each.last, run[0])), None)
        if before is not None:
            closed.remove(before)
            records = {**read_closed(lake, state, before), **records}
        closed.append(_written(lake, state, records))
    left = {day: record for day, record in state.days.items() if day not in days}
    return replace(state, closed=tuple(sorted(closed, key=lambda each: each.first)), days=left)


def _read(lake: BlobStore, state: StreamState, name: str) -> bytes:
    found = lake.get(blob_names.STATE_CONTAINER, name)
    if found is None:
        raise OperatorError(f"{name} is gone though the state of {state.stream} names it: restore it")
    return found[0]


def _runs(days: Iterable[date]) -> list[list[date]]:
    """The days by months and gaps, in order."""
    runs: list[list[date]] = []
    for day in sorted(days):
        if runs and _follows(runs[-1][-1], day):
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _follows(before: date, day: date) -> bool:
    return before + _DAY == day and before.month == day.month


def _written(lake: BlobStore, state: StreamState, records: Mapping[date, DayRecord]) -> ClosedDays:
    published = [record.published for record in records.values() if record.published is not None]
    ratios = 0
    for each in published:
        ratios |= each.ratios
    document = StreamState(
        customer=state.customer,
        dataset=state.dataset,
        revision=state.revision,
        closed_through=max(records),
        ratio_names=state.ratio_names if ratios else (),
        days=records,
    )
    name = blob_names.closed_name(state.stream, min(records), max(records), blob_names.new_attempt())
    write_once(lake, blob_names.STATE_CONTAINER, name, to_json(document))
    keys = sum_of_keys(each.hands_on for each in published) if any(each.hands_on for each in published) else ""
    return ClosedDays(first=min(records), last=max(records), document=name, ratios=ratios, hands_on=keys)
