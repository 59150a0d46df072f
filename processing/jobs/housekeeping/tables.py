"""Deletes files of Delta tables that no version within retention shows, and manifests of publications long replaced."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.records import StreamState, TableOutput
from processing.jobs.changes import read_manifest
from processing.jobs.context import JobContext
from processing.jobs.stream_state import load_state
from processing.tables.table_specs import TABLES


def delete_table_files(context: JobContext, customer: str, dataset: Dataset) -> int:
    """Delete what vacuum finds in the tables of a stream, and manifests that nothing refers to; returns how many.

    What a live publication names stays, whatever else a table says: an unfinished one may not have reached it.
    """
    now = context.drop.service_time()
    keep = timedelta(days=context.retention.delta)
    state = load_state(context, customer, dataset).state
    if state.pending is not None:
        return 0
    deleted = _delete_manifests(context, state, now - keep)
    results = blob_names.results_container(customer)
    named = {f"{output.table}/{file.path}" for output in _outputs(context, state) for file in output.files}
    for table in {name.partition("/")[0] for name in named}:
        unused = context.tables.open(results, TABLES[table]).unused_files(keep)
        gone = [name for name in (f"{table}/{path}" for path in unused) if name not in named and _is_of(dataset, name)]
        for name in gone:
            context.lake.delete(results, name)
        deleted += len(gone)
    return deleted


def _outputs(context: JobContext, state: StreamState) -> Iterator[TableOutput]:
    for day, record in state.days.items():
        manifest = read_manifest(context, state, day) if record.published is not None else None
        if manifest is not None:
            yield from manifest.outputs


def _is_of(dataset: Dataset, name: str) -> bool:
    """Whether a file lies in a partition of this stream: of another's, nothing is known here."""
    parts = name.split("/")
    shared = [part for part in parts if part.startswith("dataset=")]
    return not shared or f"dataset={dataset}" in shared


def _delete_manifests(context: JobContext, state: StreamState, before: datetime) -> int:
    live = {record.published.manifest for record in state.days.values() if record.published is not None}
    prefix = blob_names.manifests_prefix(state.customer, state.dataset)
    infos = list(context.lake.list_blobs(blob_names.STATE_CONTAINER, prefix))
    gone = [info.name for info in infos if info.name not in live and info.last_modified < before]
    for name in gone:
        context.lake.delete(blob_names.STATE_CONTAINER, name)
    return len(gone)
