"""Deletes files of Delta tables that no version within retention shows, and manifests of publications long replaced."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

import structlog

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import LaterError, OperatorError
from processing.domain.publications import TableOutput
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.jobs.failures import log_failure
from processing.jobs.housekeeping.deletion import delete_each
from processing.ports import BlobStore
from processing.publication.delta.specs import DAYS, TABLES
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.stream_state import load_state

_log = structlog.get_logger()


def delete_table_files(context: JobContext, stream: Stream) -> int:
    """Delete what vacuum finds in the tables of a stream, and manifests that nothing refers to; returns how many.

    What a live publication names stays, whatever else a table says: an unfinished one may not have reached it.
    """
    now = context.drop.service_time()
    keep = timedelta(days=context.retention.delta)
    state = load_state(context, stream).state
    if state.pending is not None:
        return 0
    deleted = _delete_manifests(context.lake, state, now - keep)
    outputs = list(_outputs(context, state))
    named = {f"{output.table}/{file.path}" for output in outputs for file in output.files}
    # No manifest names the rows of table `days`: they are written when the other tables have their versions.
    tables = {output.table for output in outputs} | ({DAYS.name} if outputs else set())
    for table in sorted(tables):
        try:
            deleted += _delete_unused(context, state, table, named)
        except (LaterError, OperatorError) as error:  # one table keeps no other
            log_failure(
                _log, "housekeeping_failed", error, customer=stream.customer, step="table_files", dataset=stream.dataset
            )
    return deleted


def _delete_unused(context: JobContext, state: StreamState, table: str, named: Collection[str]) -> int:
    results = blob_names.results_container(state.customer)
    unused = context.tables.open(results, TABLES[table]).unused_files(timedelta(days=context.retention.delta))
    names = (f"{table}/{path}" for path in unused)
    gone = [name for name in names if name not in named and _is_of(state.dataset, name)]
    return delete_each(context.lake, results, gone, customer=state.customer, step="table_files")


def _outputs(context: JobContext, state: StreamState) -> Iterator[TableOutput]:
    for day, record in state.days.items():
        manifest = read_manifest(context.lake, state, day) if record.published is not None else None
        if manifest is not None:
            yield from manifest.outputs


def _is_of(dataset: Dataset, name: str) -> bool:
    """Whether a file lies in a partition of this stream: of another's, nothing is known here."""
    parts = name.split("/")
    shared = [part for part in parts if part.startswith("dataset=")]
    return not shared or f"dataset={dataset}" in shared


def _delete_manifests(lake: BlobStore, state: StreamState, before: datetime) -> int:
    live = {record.published.manifest for record in state.days.values() if record.published is not None}
    prefix = blob_names.manifests_prefix(state.stream)
    infos = list(lake.list_blobs(blob_names.STATE_CONTAINER, prefix))
    gone = [info for info in infos if info.name not in live and info.last_modified < before]
    return delete_each(lake, blob_names.STATE_CONTAINER, gone, customer=state.customer, step="table_files")
