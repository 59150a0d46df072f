"""What ingest is told of the streams that an upload may have rows of: which of their days can still be changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import islice
from typing import Final

from processing.domain.blob_names import PartName
from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.readiness.inherited import ratios_since
from processing.domain.readiness.marker_manifest import folders_of
from processing.domain.receipts import Part, Upload
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.ingest.metric_kinds import KnownKinds
from processing.ingest.receipt_warnings import DayVolume, LateRows, StreamDays
from processing.jobs.known_kinds import values_among
from processing.stored.context import JobContext
from processing.stored.policies import policy_of
from processing.stored.stream_state import load_state
from schemas.customer_config import CustomerConfig

_HABIT_DAYS: Final = 14
_MOST_SKEW: Final = timedelta(days=3)
"""How far a host's clock may be behind the service's."""


def stream_days(context: JobContext, upload: Upload, folder: Dataset, config: CustomerConfig) -> dict[Dataset, StreamDays]:
    """The days of each stream that an upload to this folder may have rows of."""
    policy = policy_of(context, config)
    uploaded = context.zone.day_of(upload.last_modified)
    kept_until = uploaded + timedelta(days=context.retention.staged)
    found = {}
    for dataset in DATA_DATASETS:
        if f"{folder}/" in folders_of(dataset):
            stream = Stream(upload.customer, dataset)
            # A day that was closed a moment ago is asked for again before the rows count (`has_closed_since`).
            known = context.recent.get(stream, context.clock.now(), partial(_known, context, stream), keeps=_Known.is_begun)
            found[dataset] = StreamDays(
                first_day=known.first_day,
                closed=known.closed,
                is_known=known.is_begun(),
                kept_until=kept_until,
                late=LateRows(
                    published=known.published,
                    today=uploaded,
                    window_days=policy.late_window_days,
                    threshold=policy.late_threshold,
                    is_held=policy.hold_late,
                ),
                volumes=known.volumes,
                kinds=KnownKinds(ratio_since=known.ratio_since, values_among=partial(values_among, context, stream)),
            )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What an upload needs of a stream's state, which is large."""

    etag: str | None
    first_day: date | None
    closed: frozenset[date]
    published: frozenset[date]
    """Days that can still be changed."""
    ratio_since: Mapping[str, date]
    """The ratios among metrics, with the first published day that shows it."""
    volumes: tuple[DayVolume, ...]
    """Of the last published days that have rows."""

    def is_begun(self) -> bool:
        """Whether the stream has a state."""
        return self.etag is not None


def _known(context: JobContext, stream: Stream) -> _Known:
    stored = load_state(context, stream)
    state = stored.state
    return _Known(
        etag=stored.etag,
        first_day=state.first_day,
        closed=state.closed_days(),
        published=frozenset(day for day in state.days if state.is_comparable(day)),
        ratio_since=ratios_since(state),
        volumes=_volumes(state),
    )


def _volumes(state: StreamState) -> tuple[DayVolume, ...]:
    newest = (state.days[day].published for day in sorted(state.days, reverse=True))
    # Days that an older program published do not say how many rows went in.
    having = (DayVolume(rows=each.rows_in, files=each.files) for each in newest if each is not None and each.rows_in)
    return tuple(islice(having, _HABIT_DAYS))


def has_closed_since(context: JobContext, upload: Upload, parts: Iterable[Part]) -> bool:
    """Whether a day that staged parts are of was closed since they were made, so that their rows would be lost in silence."""
    names = [name for part in parts if (name := PartName.parse(part.name)) is not None]
    # Only days so old may be closed; of others nobody needs to be asked, not even for the time where they are far from it.
    kept = timedelta(days=context.retention.staged)
    today = max(context.zone.day_of(upload.last_modified), context.zone.day_of(context.clock.now()))
    if all(name.day > today + _MOST_SKEW - kept for name in names):
        return False
    latest = context.zone.day_of(context.drop.service_time()) - kept
    old = [name for name in names if name.day <= latest]
    states = {
        dataset: load_state(context, Stream(upload.customer, dataset)).state
        for dataset in sorted({name.dataset for name in old})
    }
    return any(states[name.dataset].is_closed(name.day) for name in old)
