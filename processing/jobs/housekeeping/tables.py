"""Deletes files of Delta tables that no version within retention shows, and manifests of publications long replaced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, timedelta

import structlog

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.days import parse_day
from processing.domain.errors import LaterError, OperatorError
from processing.domain.publications import TableSpec
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.jobs.failures import log_failure
from processing.jobs.housekeeping.deletion import delete_each
from processing.ports import BlobInfo, BlobStore
from processing.publication.compute_day import TABLES_OF
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.stream_state import load_state

_log = structlog.get_logger()


def delete_table_files(context: JobContext, stream: Stream) -> int:
    """Delete what vacuum finds in the tables of a stream, and manifests that nothing refers to; returns how many.

    What a live publication names stays, whatever else a table says: an unfinished one may not have reached it. Manifests are
    read of days alone that have something to delete.
    """
    now = context.drop.service_time()
    keep = timedelta(days=context.retention.delta)
    state = load_state(context, stream).state
    if state.pending is not None:
        return 0
    deleted = _delete_manifests(context.lake, state, now - keep)
    if not state.seq:
        return deleted
    for spec in TABLES_OF[stream.dataset]:
        try:
            deleted += _delete_unused(context, state, spec)
        except (LaterError, OperatorError) as error:  # one table keeps no other
            log_failure(
                _log, "housekeeping_failed", error, customer=stream.customer, step="table_files", dataset=stream.dataset
            )
    return deleted


def _delete_unused(context: JobContext, state: StreamState, spec: TableSpec) -> int:
    results = blob_names.results_container(state.customer)
    table = context.tables.find(results, spec)
    if table is None:
        return 0
    unused = table.unused_files(timedelta(days=context.retention.delta))
    names = [name for name in (f"{spec.name}/{path}" for path in unused) if _is_of(state.dataset, name)]
    named = _named(context, state, {day for day in map(_day_of, names) if day is not None})
    gone = [name for name in names if name not in named]
    return delete_each(context.results, results, gone, customer=state.customer, step="table_files")


def _named(context: JobContext, state: StreamState, days: Collection[date]) -> set[str]:
    """The files that the publications of these days name."""
    state = with_closed_days(context.lake, state, days)
    manifests = (read_manifest(context.lake, state, day) for day in sorted(days))
    outputs = (output for manifest in manifests if manifest is not None for output in manifest.outputs)
    return {f"{output.table}/{file.path}" for output in outputs for file in output.files}


def _day_of(name: str) -> date | None:
    """The day whose partition a file lies in; table `days` has none, and no publication names its files."""
    folders = (part.partition("=") for part in name.split("/"))
    return next((parse_day(value) for key, _, value in folders if key == "pst_date"), None)


def _is_of(dataset: Dataset, name: str) -> bool:
    """Whether a file lies in a partition of this stream: of another's, nothing is known here."""
    parts = name.split("/")
    shared = [part for part in parts if part.startswith("dataset=")]
    return not shared or f"dataset={dataset}" in shared


def _delete_manifests(lake: BlobStore, state: StreamState, before: datetime) -> int:
    prefix = blob_names.manifests_prefix(state.stream)
    by_day: defaultdict[str, list[BlobInfo]] = defaultdict(list)
    for info in lake.list_blobs(blob_names.STATE_CONTAINER, prefix):
        by_day[info.name.removeprefix(prefix).partition("/")[0]].append(info)
    # The only manifest of a closed day is the one that counts, and so no document of closed days is read for it.
    several = {day for text, infos in by_day.items() if len(infos) > 1 and (day := parse_day(text)) is not None}
    alone = {infos[0].name for text, infos in by_day.items() if len(infos) == 1 and _is_apart(state, text)}
    known = with_closed_days(lake, state, several)
    live = alone | {record.published.manifest for record in known.days.values() if record.published is not None}
    gone = [info for infos in by_day.values() for info in infos if info.name not in live and info.last_modified < before]
    return delete_each(lake, blob_names.STATE_CONTAINER, gone, customer=state.customer, step="table_files")


def _is_apart(state: StreamState, text: str) -> bool:
    day = parse_day(text)
    return day is not None and state.closed_with(day) is not None
