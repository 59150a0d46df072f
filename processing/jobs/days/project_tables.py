"""Brings a committed publication into the Delta tables: steps 5 and 6 of the protocol's "Process day D".

Nothing is computed here: the files stand in the manifest. Repeating it any number of times, by any number of workers,
leaves each table with one commit for each publication.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path

import polars as pl

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet, LaterError, OperatorError, Superseded
from processing.domain.publications import Manifest, TableOutput
from processing.domain.readiness.day_states import with_state
from processing.domain.stream_state import DayState, StreamState
from processing.jobs.days.losses import expect_ours
from processing.jobs.measuring import measure_publication
from processing.ports import Table
from processing.publication.delta.files import write_table_file
from processing.publication.delta.specs import DAYS, TABLES
from processing.stored.context import JobContext
from processing.stored.day_documents import print_status
from processing.stored.manifests import read_manifest
from processing.stored.result_files import read_result
from processing.stored.stream_state import StoredState, change_state, expect_epoch, load_state
from processing.stored.tries import MOST_TRIES, tries
from processing.stored.write_once import write_once


def begin_projection(context: JobContext, stored: StoredState, epoch: int) -> StoredState:
    """That one more worker brings the pending publication into the tables, written before it does anything."""
    attempt = blob_names.new_attempt()

    def begun(state: StreamState) -> StreamState:
        day = state.pending
        if day is None or state.days[day].attempt == attempt:
            return state
        record = state.days[day]
        return replace(state, days={**state.days, day: replace(record, attempt=attempt, tries=record.tries + 1)})

    return change_state(context, stored, begun, epoch=epoch)


def project_pending(
    context: JobContext, stored: StoredState, epoch: int, opened: MutableMapping[str, Table] | None = None
) -> StoredState:
    """Finish the publication that the state names as pending; nothing to do when there is none.

    `opened` are tables that the worker has open, by their names, and are kept open: of many days each is opened once.
    Raises Superseded when another worker claimed the stream, OperatorError when a table holds a publication that the state
    does not know.
    """
    day = stored.state.pending
    if day is None:
        return stored
    manifest = read_manifest(context.lake, stored.state, day)
    if manifest is None:
        raise OperatorError(f"{stored.state.stream} has no publication of {day.isoformat()} that its state calls pending")
    try:
        projection = _Projection(context=context, manifest=manifest, opened={} if opened is None else opened)
        versions = {output.table: projection.commit(output.table, _as_it_is(output)) for output in manifest.outputs}
        projection.commit(DAYS.name, partial(_days_rows, context, manifest, versions))
    except Superseded as error:
        # Either another worker has gone on from here, or the state is one from before.
        expect_epoch(load_state(context, stored.state.stream).state, epoch)
        raise OperatorError(f"{error}: the state of the stream is older than its tables, restore it") from error
    now = context.drop.service_time()
    to = DayState.PROCESSED if manifest.rows_in else DayState.PROCESSED_EMPTY

    def projected(state: StreamState) -> StreamState:
        if state.pending != day or state.seq != manifest.seq:
            return state
        record = with_state(state.days[day], to, now, _cause(manifest))
        record = replace(record, waiting_for=(), tries=0, failures=0, next_try=None, error=None)
        return replace(state, pending=None, days={**state.days, day: record})

    stored = change_state(context, stored, projected, epoch=epoch)
    if manifest.replaces is None:
        measure_publication(context.telemetry, stored.state, day, now)
    print_status(context, stored.state)
    return stored


@dataclass(frozen=True, slots=True, kw_only=True)
class _Projection:
    """One publication on its way into the tables."""

    context: JobContext
    manifest: Manifest
    opened: MutableMapping[str, Table]
    """Handles that may be used again."""

    def commit(self, name: str, output_on: Callable[[Table], TableOutput]) -> int:
        """Commit one table, unless it holds the publication already; returns the version that shows it.

        `output_on` gives what the table is to show, by what the same handle shows. LaterError, with what the table said, when
        others were first in every try.
        """
        app, seq = str(self.manifest.dataset), self.manifest.seq
        container = blob_names.results_container(self.manifest.customer)
        lost: ConditionNotMet | None = None
        for _ in tries(self.context):
            # What tells whether the commit is due and the commit itself go through one handle at one version: a fresh one in
            # between could overwrite a newer publication in silence.
            table = self._handle(container, name)
            held = table.seq_of(app)
            if held > seq:
                raise Superseded(f"table {name} holds publication {held} already")
            if held < seq:
                expect_ours(container, name, table.changed_layout())
                output = output_on(table)
                try:
                    table.replace(output.files, partition=output.partition, app=app, seq=seq)
                except ConditionNotMet as error:
                    lost = error
                    continue
            self.opened[name] = table
            return table.version()
        # Whoever wins so often is no worker of ours, or what was lost was no race.
        raise LaterError(f"table {name} was not committed in {MOST_TRIES} tries: {lost}") from lost

    def _handle(self, container: str, name: str) -> Table:
        table = self.opened.pop(name, None)
        if table is None:
            return self.context.tables.open(container, TABLES[name])
        table.refresh()
        return table


def _as_it_is(output: TableOutput) -> Callable[[Table], TableOutput]:
    """What a manifest says, whatever the table shows."""
    return lambda _: output


def _days_rows(context: JobContext, manifest: Manifest, versions: Mapping[str, int], table: Table) -> TableOutput:
    """The rows of table `days` for the dataset, one of them new; they alone are written here, as they name versions.

    A table that an older program made has a partition, and so a file, for each day.
    """
    spec = replace(DAYS, partition_by=table.partitioned_by())
    every = {"dataset": str(manifest.dataset), "pst_date": manifest.day.isoformat()}
    partition = {column: every[column] for column in spec.partition_by}
    rows = pl.DataFrame(
        {
            "pst_date": [manifest.day],
            "seq": [manifest.seq],
            "published_at": [manifest.created_at],
            **{f"{name}_version": [version] for name, version in versions.items()},
        }
    )
    if "pst_date" not in partition:
        names = (f"{DAYS.name}/{path}" for path in table.files_of(partition))
        earlier = [pl.read_parquet(BytesIO(read_result(context.results, manifest.customer, name))) for name in names]
        others = [each.filter(pl.col("pst_date") != manifest.day) for each in earlier]
        rows = pl.concat([*others, rows], how="diagonal_relaxed").sort("pst_date")
    with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch:
        name = f"{manifest.seq:08d}-{manifest.epoch:08d}-{blob_names.new_attempt()[:8]}.parquet"
        file = write_table_file(rows, spec, Path(scratch), name=name, partition=partition)
        blob = f"{DAYS.name}/{file.path}"
        write_once(context.results, blob_names.results_container(manifest.customer), blob, Path(scratch) / blob)
    return TableOutput(table=DAYS.name, partition=partition, files=(file,))


def _cause(manifest: Manifest) -> str:
    files = len({each.blob for each in manifest.inputs})
    text = f"published {manifest.rows:,} rows of {files:,} uploads as publication {manifest.seq}"
    if manifest.replaces is not None:
        text = f"{text} in place of {manifest.replaces}: {manifest.cause}"
    return f"{text}, without {len(manifest.refused):,} refused uploads" if manifest.refused else text
