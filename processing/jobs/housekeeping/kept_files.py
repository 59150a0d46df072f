"""Deletes files beside the tables that no publication needs any more: totals of old days, and what replaced ones left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.days import parse_day
from processing.domain.publications import TableSpec
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.jobs.housekeeping.deletion import delete_each
from processing.ports import BlobInfo
from processing.publication.delta.specs import EXPERIMENT_UNITS, EXPOSED_UNITS, UNIT_TOTALS
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.stream_state import load_state

_BESIDE: Final[Mapping[Dataset, tuple[TableSpec, ...]]] = {
    Dataset.EXPOSURES: (EXPOSED_UNITS,),
    Dataset.EXPERIMENTS: (EXPERIMENT_UNITS, UNIT_TOTALS),
}
_REST: Final = timedelta(days=1)
"""No publication takes that long."""
_DAYS_OF_TOTALS: Final = timedelta(days=35)
"""How far back a corrected day finds the totals that it goes on from; for an earlier one they are made anew."""


def delete_kept_files(context: JobContext, stream: Stream) -> int:
    """Delete what nobody goes on from of the files that a stream keeps beside its tables; returns how many."""
    deleted = 0
    for spec in _BESIDE.get(stream.dataset, ()):
        # The files, then the state: those of a publication that comes after it are young.
        infos = list(context.results.list_blobs(blob_names.results_container(stream.customer), f"{spec.name}/"))
        state = load_state(context, stream).state
        before = context.results.service_time() - _REST
        gone = [info for info in _unneeded(context, state, spec, infos) if info.last_modified <= before]
        container = blob_names.results_container(stream.customer)
        deleted += delete_each(context.results, container, gone, customer=stream.customer, step="kept_files")
    return deleted


def _unneeded(context: JobContext, state: StreamState, spec: TableSpec, infos: list[BlobInfo]) -> list[BlobInfo]:
    by_day: defaultdict[date, list[BlobInfo]] = defaultdict(list)
    for info in infos:
        day = parse_day(info.name.partition("/pst_date=")[2].partition("/")[0])
        if day is not None:
            by_day[day].append(info)
    newest = max((day for day, record in state.days.items() if record.published is not None), default=None)
    oldest = newest - _DAYS_OF_TOTALS if newest is not None and state.dataset is Dataset.EXPERIMENTS else date.min
    gone = [info for day in sorted(by_day) if day < oldest for info in by_day[day]]
    for day in sorted(by_day):
        # The files of a published day of which there is one publication are its own: no manifest is read for them.
        if day >= oldest and not (state.is_published(day) and len({_publication(info) for info in by_day[day]}) == 1):
            named = _named(context, state, spec, day)
            gone += [info for info in by_day[day] if info.name not in named]
    return gone


def _named(context: JobContext, state: StreamState, spec: TableSpec, day: date) -> set[str]:
    manifest = read_manifest(context.lake, with_closed_days(context.lake, state, [day]), day)
    return set() if manifest is None else set(manifest.names_in(spec.name))


def _publication(info: BlobInfo) -> str:
    """What the names of all files of one publication begin with."""
    return info.name.rpartition("/")[2].rpartition("-")[0]
