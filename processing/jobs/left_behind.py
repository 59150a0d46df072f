"""The days that a marker would leave behind for good: they have rows, and the stream would begin with a later day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.datasets import Dataset
from processing.domain.documents import from_json
from processing.domain.readiness.first_day import earliest_first_day
from processing.domain.receipts import Receipt
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.stored.context import JobContext
from processing.stored.markers import read_signals
from processing.stored.policies import readiness_policy
from processing.stored.receipts import list_in_force
from processing.stored.streams import streams_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """Days of one stream with rows in force."""

    stream: Stream
    begins: date
    """The day that the stream would begin with."""
    first: date
    last: date
    days: int
    rows: int

    def __str__(self) -> str:
        return (
            f"{self.stream.dataset} of {self.stream.customer} would begin with {self.begins} and leave behind "
            f"{self.days:,} earlier days with {self.rows:,} rows, {self.first} to {self.last}"
        )


def days_left_behind(context: JobContext, customer: str, day: date, dataset: Dataset | None) -> list[LeftBehind]:
    """What a marker for `day` would leave behind of each stream that it marks; nothing where the first day is known."""
    policy, now = readiness_policy(context, customer), context.drop.service_time()
    if policy.first_day is not None:
        return []
    found = []
    for state in (stored.state for stored in streams_of(context, customer)):
        if state.first_day is not None or not _is_marked_by(state, dataset):
            continue
        earliest = earliest_first_day(now, policy, context.zone)
        marked = {marker.day for marker in read_signals(context, state, policy, now).markers if marker.day >= earliest}
        begins = min({*marked, day})
        rows = _rows_before(context, state.stream, begins)
        if rows:
            found.append(
                LeftBehind(
                    stream=state.stream,
                    begins=begins,
                    first=min(rows),
                    last=max(rows),
                    days=len(rows),
                    rows=sum(rows.values()),
                )
            )
    return found


def _is_marked_by(state: StreamState, dataset: Dataset | None) -> bool:
    if dataset is Dataset.EVENTS and state.dataset is Dataset.EXPOSURES:
        return not state.own_markers
    return dataset in (None, state.dataset)


def _rows_before(context: JobContext, stream: Stream, day: date) -> Counter[date]:
    """Rows in force of each day before this one, by the receipts that hold any."""
    rows: Counter[date] = Counter()
    for seen in list_in_force(context.drop, stream).values():
        counts = seen.summary.parts
        if counts is not None and not any(dataset == stream.dataset and each < day for dataset, each in counts):
            continue
        found = context.drop.get(blob_names.receipts_container(stream.customer), seen.blob)
        in_force = from_json(Receipt, found[0]).in_force if found is not None else None
        for part in in_force.parts if in_force is not None else ():
            name = PartName.parse(part.name)
            if name is not None and name.dataset is stream.dataset and name.day < day:
                rows[name.day] += part.rows
    return rows
