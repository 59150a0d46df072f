"""Makes lost tables anew from the manifests (contract section 10).

A table is a projection of the stream's state: each published day has a manifest, and that names its files. They are committed
in the order of their publications, each with its own number, so that a rebuild that was killed goes on where it stopped and
the stream stands still until the table holds the last one. A day whose files are gone too is left empty and processed again,
while its staged rows are kept. Table `days` names versions of the others, and is written anew after them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import structlog

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet, LaterError, OperatorError
from processing.domain.publications import Manifest, TableOutput, TableSpec
from processing.domain.queue_messages import stream_work
from processing.domain.readiness.corrections import marked_for_reprocess
from processing.domain.readiness.day_states import with_state
from processing.domain.stream_state import DayState, StreamState
from processing.jobs.days.lease import stream_lease
from processing.jobs.days.losses import expect_ours, is_behind
from processing.ports import Table
from processing.publication.compute_day import TABLES_OF
from processing.publication.delta.files import write_table_file
from processing.publication.delta.specs import DAYS, TABLES
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.customers import expect_customer
from processing.stored.day_documents import print_status
from processing.stored.manifests import read_manifest
from processing.stored.stream_state import StoredState, change_state, load_state
from processing.stored.streams import known_streams
from processing.stored.tries import tries
from processing.stored.write_once import write_once

CAUSE: Final = "a table was made anew without its files, which are gone"
"""Why a day is processed again."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What was made anew of one stream in one table."""

    table: str
    stream: str
    days: int
    """Days that stand in it as they were published."""
    processed_again: int
    """Days whose files are gone, and whose rows are kept."""
    given_up: int
    """Days whose files are gone, and whose rows are, too: nothing can be shown of them any more."""


def rebuild(context: JobContext, customer: str, name: str | None) -> list[Rebuilt]:
    """Make one table anew, or all that are lost; nothing is done to a table that holds what the state says.

    `days` is written anew whenever it is named: it may name versions of tables that a rebuild which was killed left behind.

    OperatorError for a table that there is not, that is not lost, or that another program made; LaterError while a worker
    has a stream in hand.
    """
    expect_customer(context, customer)
    if name is not None and name not in TABLES:
        raise OperatorError(f"there is no table {name[:64]!r}: name one of {', '.join(TABLES)}")
    stored = [load_state(context, stream) for stream in known_streams(context, customer)]
    lost = [(each, spec) for each in stored for spec in _lost(context, each.state, name)]
    if name == DAYS.name:
        lost = [(each, DAYS) for each in stored if each.state.seq]
    if name is not None and not lost:
        raise OperatorError(
            f"table {name} of {customer} is not lost, it holds every publication: where it is to be made anew, move its folder "
            f"away from {blob_names.results_container(customer)} first"
        )
    found = []
    for each in stored:
        specs = [spec for state, spec in lost if state is each]
        if specs:
            found += _rebuild(context, each, specs)
    return found


def _lost(context: JobContext, state: StreamState, name: str | None) -> Iterator[TableSpec]:
    """The tables of a stream that do not hold its last publication."""
    container = blob_names.results_container(state.customer)
    for spec in TABLES_OF[state.dataset] if state.seq else ():
        if name in (None, spec.name):
            table = context.tables.find(container, spec)
            if table is not None:
                expect_ours(container, spec.name, table.changed_layout() or table.foreign_commit())
            if is_behind(context, state, spec, 0 if table is None else table.seq_of(str(state.dataset))):
                yield spec


def _least(state: StreamState) -> int:
    # What is on its way into the tables is brought into the rest of them by the next worker.
    return state.seq if state.pending is None else state.seq - 1


def _rebuild(context: JobContext, stored: StoredState, specs: list[TableSpec]) -> list[Rebuilt]:
    stream = stored.state.stream
    with stream_lease(context.lake, stream) as ours:
        if not ours:
            raise LaterError(f"a worker has {stream} in hand: try again in a minute")
        state = with_closed_days(context.lake, load_state(context, stream).state)
        gone: set[date] = set()
        found = [_fill(context, state, spec, gone) for spec in specs if spec.name != DAYS.name]
        _fill_days(context, state)
        if DAYS in specs:
            found.append(
                Rebuilt(table=DAYS.name, stream=str(stream), days=len(_published(state)), processed_again=0, given_up=0)
            )
        _process_again(context, state, gone)
    context.stream_work.send(stream_work(stream))
    for each in found:
        _log.info("table_rebuilt", customer=stream.customer, dataset=stream.dataset, table=each.table, days=each.days)
    return found


def _published(state: StreamState) -> list[date]:
    """Days in the order of their publications."""
    numbers = {day: record.published.seq for day, record in state.days.items() if record.published is not None}
    return sorted(numbers, key=lambda day: numbers[day])


def _fill(context: JobContext, state: StreamState, spec: TableSpec, gone: set[date]) -> Rebuilt:
    """Commit what each day published into a table; days of which a file is gone are added to `gone`."""
    container, app = blob_names.results_container(state.customer), str(state.dataset)
    present = {info.name for info in context.results.list_blobs(container, f"{spec.name}/")}
    days = _published(state)
    lost: set[date] = set()
    named: set[date] = set()
    """Days that an older program published know nothing of a younger table."""
    for day in days:
        manifest = _manifest(context, state, day)
        is_last = day == days[-1]
        for output in (each for each in manifest.outputs if each.table == spec.name):
            named.add(day)
            if any(f"{spec.name}/{file.path}" not in present for file in output.files):
                lost.add(day)
                output = replace(output, files=())  # noqa: PLW2901
            _commit(context, spec, output, container=container, app=app, seq=state.seq if is_last else manifest.seq)
    gone |= lost
    closed = sum(state.is_closed(day) for day in lost)
    return Rebuilt(
        table=spec.name,
        stream=str(state.stream),
        days=len(named) - len(lost),
        processed_again=len(lost) - closed,
        given_up=closed,
    )


def _commit(context: JobContext, spec: TableSpec, output: TableOutput, *, container: str, app: str, seq: int) -> None:
    """Commit a partition, unless the table holds that publication already."""
    for _ in tries(context):
        table = context.tables.open(container, spec)
        if table.seq_of(app) >= seq:
            return
        try:
            table.replace(output.files, partition=output.partition, app=app, seq=seq)
        except ConditionNotMet:
            continue  # another stream of the customer commits to the same table
        return
    raise LaterError(f"table {spec.name} in {container} changes faster than it can be made anew: run the command again")


def _fill_days(context: JobContext, state: StreamState) -> None:
    """Write what table `days` says of a stream anew: by the versions that the other tables have now, all days stand in them."""
    container, app = blob_names.results_container(state.customer), str(state.dataset)
    days = [day for day in _published(state) if day != state.pending]
    if not days:
        return
    for _ in tries(context):
        versions = _versions(context, state, container)
        table = context.tables.open(container, DAYS)
        try:
            _write_days(context, state, days, versions, table, container=container, app=app)
        except ConditionNotMet:
            continue
        return
    raise LaterError(f"table {DAYS.name} in {container} changes faster than it can be made anew: run the command again")


def _versions(context: JobContext, state: StreamState, container: str) -> dict[str, int]:
    tables = {spec.name: context.tables.find(container, spec) for spec in TABLES_OF[state.dataset] if spec.name != DAYS.name}
    return {f"{name}_version": table.version() for name, table in tables.items() if table is not None}


def _write_days(
    context: JobContext,
    state: StreamState,
    days: list[date],
    versions: Mapping[str, int],
    table: Table,
    *,
    container: str,
    app: str,
) -> None:
    manifests = [_manifest(context, state, day) for day in days]
    rows = pl.DataFrame(
        {
            "pst_date": days,
            "seq": [each.seq for each in manifests],
            "published_at": [each.created_at for each in manifests],
            **{name: [version] * len(days) for name, version in versions.items()},
        }
    ).sort("pst_date")
    spec = replace(DAYS, partition_by=table.partitioned_by())
    # A table that an older program made has a partition for each day.
    parts = rows.partition_by("pst_date") if "pst_date" in spec.partition_by else [rows]
    for part in parts:
        every = {"dataset": app, "pst_date": part["pst_date"][0].isoformat()}
        partition = {column: every[column] for column in spec.partition_by}
        with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch:
            name = f"{state.seq:08d}-{state.epoch:08d}-{blob_names.new_attempt()[:8]}.parquet"
            file = write_table_file(part, spec, Path(scratch), name=name, partition=partition)
            blob = f"{DAYS.name}/{file.path}"
            write_once(context.results, container, blob, Path(scratch) / blob)
        table.replace((file,), partition=partition, app=app, seq=_least(state))


def _manifest(context: JobContext, state: StreamState, day: date) -> Manifest:
    manifest = read_manifest(context.lake, state, day)
    if manifest is None:
        raise LaterError(f"{state.stream} has taken {day.isoformat()} back meanwhile: run the command again")
    return manifest


def _process_again(context: JobContext, state: StreamState, gone: set[date]) -> None:
    now = context.drop.service_time()

    def asked(present: StreamState) -> StreamState:
        days = dict(present.days)
        for day in gone:
            if present.is_comparable(day):
                record = marked_for_reprocess(days[day], CAUSE)
                days[day] = with_state(record, DayState.READY, now, f"to be processed again: {CAUSE}")
        return replace(present, days=days)

    print_status(context, change_state(context, load_state(context, state.stream), asked).state)
