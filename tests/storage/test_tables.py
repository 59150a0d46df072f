"""What tables do, Delta's on the emulator and those in memory alike."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import NamedTuple
from uuid import uuid4

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from processing.domain.errors import ConditionNotMet, DropzoneError, LaterError, OperatorError
from processing.domain.publications import TableFile, TableSpec
from processing.ports import Table
from processing.storage import delta_tables
from processing.storage.azure_blob import AzureBlobStore
from processing.storage.connections import Connection
from processing.storage.delta_tables import DeltaTables
from tests.storage.conftest import BOTH, Lake
from tests.support.door_process import service_address
from tests.support.faults import impatient
from tests.support.proxy import Moment, Proxy, Reaction, Reply, Request


def _protocol(
    reads: int, writes: int, *, reader: list[str] | None = None, writer: list[str] | None = None
) -> dict[str, object]:
    features = {"readerFeatures": reader, "writerFeatures": writer}
    given = {name: found for name, found in features.items() if found is not None}
    return {"minReaderVersion": reads, "minWriterVersion": writes, **given}


SPEC = TableSpec(
    name="numbers", columns={"dataset": "string", "pst_date": "date", "n": "long"}, partition_by=("dataset", "pst_date")
)
MONDAY = {"dataset": "metrics", "pst_date": "2026-11-16"}
TUESDAY = {"dataset": "metrics", "pst_date": "2026-11-17"}
OTHER_MONDAY = {"dataset": "events", "pst_date": "2026-11-16"}
WORKERS = 8
RAISED: Mapping[str, tuple[dict[str, object], str]] = {
    "row tracking": (_protocol(1, 7, writer=["rowTracking", "domainMetadata"]), "domainMetadata, rowTracking"),
    "clustering": (_protocol(1, 7, writer=["clustering"]), "clustering"),
    "deletion vectors": (_protocol(3, 7, reader=["deletionVectors"], writer=["deletionVectors"]), "deletionVectors"),
    "column mapping": (_protocol(2, 5), r"protocol \(2, 5\)"),
    "change data feed": (_protocol(1, 4), r"protocol \(1, 4\)"),
    "what nobody knows": (_protocol(3, 7, reader=["newest"], writer=["newest"]), "newest"),
    "a protocol that nobody knows": (_protocol(9, 9), "reader version 9"),
}
"""What somebody's ALTER TABLE leaves in a log, and how it is told."""


@BOTH
def test_a_table_is_made_empty_when_it_is_first_opened(lake: Lake) -> None:
    table = lake.tables.open(lake.container, SPEC)
    assert (table.version(), table.seq_of("metrics")) == (0, 0)
    assert lake.tables.open(lake.container, SPEC).version() == 0
    assert lake.rows("numbers") == []


@BOTH
def test_a_handle_tells_how_its_table_was_made_and_what_its_version_shows_of_a_partition(lake: Lake) -> None:
    table = lake.tables.open(lake.container, SPEC)
    assert table.partitioned_by() == SPEC.partition_by
    assert table.files_of(MONDAY) == []
    names = [f"dataset=metrics/pst_date={each['pst_date']}/a.parquet" for each in (MONDAY, TUESDAY)]
    monday, tuesday = (lake.write("numbers", name, [1], **each) for name, each in zip(names, (MONDAY, TUESDAY), strict=True))
    before = lake.tables.open(lake.container, SPEC)
    table.replace([monday], partition=MONDAY, app="metrics", seq=1)
    table.replace([tuesday], partition=TUESDAY, app="metrics", seq=2)
    assert table.files_of(MONDAY) == [monday.path]
    assert table.files_of(TUESDAY) == [tuesday.path]
    assert before.files_of(MONDAY) == []
    other = replace(SPEC, partition_by=("dataset",))
    assert lake.tables.open(lake.container, other).partitioned_by() == SPEC.partition_by


@BOTH
def test_many_who_make_a_table_at_once_make_one(lake: Lake) -> None:
    barrier = threading.Barrier(WORKERS)

    def version(_: int) -> int:
        barrier.wait()
        return lake.tables.open(lake.container, SPEC).version()

    with ThreadPoolExecutor(WORKERS) as pool:
        assert list(pool.map(version, range(WORKERS))) == [0] * WORKERS


@BOTH
def test_a_commit_replaces_one_partition_and_no_other(lake: Lake) -> None:
    table = lake.tables.open(lake.container, SPEC)
    table.replace([lake.write("numbers", "a", [1, 2], **MONDAY)], partition=MONDAY, app="metrics", seq=1)
    table.replace([lake.write("numbers", "b", [3], **TUESDAY)], partition=TUESDAY, app="metrics", seq=2)
    table.replace([lake.write("numbers", "c", [4], **OTHER_MONDAY)], partition=OTHER_MONDAY, app="events", seq=1)
    version = table.replace(
        [lake.write("numbers", "d", [5], **MONDAY), lake.write("numbers", "e", [6], **MONDAY)],
        partition=MONDAY,
        app="metrics",
        seq=3,
    )
    assert lake.rows("numbers") == [
        ("events", "2026-11-16", "4"),
        ("metrics", "2026-11-16", "5"),
        ("metrics", "2026-11-16", "6"),
        ("metrics", "2026-11-17", "3"),
    ]
    assert version == table.version() == lake.tables.open(lake.container, SPEC).version() == 4


@BOTH
def test_no_file_clears_the_partition(lake: Lake) -> None:
    table = lake.tables.open(lake.container, SPEC)
    table.replace([lake.write("numbers", "a", [1], **MONDAY)], partition=MONDAY, app="metrics", seq=1)
    table.replace([lake.write("numbers", "b", [2], **TUESDAY)], partition=TUESDAY, app="metrics", seq=2)
    table.replace([], partition=MONDAY, app="metrics", seq=3)
    assert lake.rows("numbers") == [("metrics", "2026-11-17", "2")]
    assert table.seq_of("metrics") == 3


@BOTH
def test_clearing_what_is_empty_counts_as_a_publication(lake: Lake) -> None:
    table = lake.tables.open(lake.container, SPEC)
    assert table.replace([], partition=MONDAY, app="metrics", seq=1) == 1
    assert lake.tables.open(lake.container, SPEC).seq_of("metrics") == 1
    assert lake.rows("numbers") == []


@BOTH
def test_each_version_stays_readable(lake: Lake) -> None:
    table = lake.tables.open(lake.container, SPEC)
    first = table.replace([lake.write("numbers", "a", [1], **MONDAY)], partition=MONDAY, app="metrics", seq=1)
    second = table.replace([lake.write("numbers", "b", [2], **MONDAY)], partition=MONDAY, app="metrics", seq=2)
    assert lake.rows("numbers", first) == [("metrics", "2026-11-16", "1")]
    assert lake.rows("numbers", second) == [("metrics", "2026-11-16", "2")]


@BOTH
def test_each_app_has_its_own_sequence(lake: Lake) -> None:
    table = lake.tables.open(lake.container, SPEC)
    table.replace([], partition=MONDAY, app="metrics", seq=7)
    table.replace([], partition=OTHER_MONDAY, app="events", seq=2)
    fresh = lake.tables.open(lake.container, SPEC)
    assert (fresh.seq_of("metrics"), fresh.seq_of("events"), fresh.seq_of("exposures")) == (7, 2, 0)


@BOTH
def test_a_stale_handle_cannot_replace_a_newer_publication(lake: Lake) -> None:
    """Both saw publication 1; the one that commits second does not know of the other's, and must not cover it."""
    table = lake.tables.open(lake.container, SPEC)
    table.replace([lake.write("numbers", "a", [1], **MONDAY)], partition=MONDAY, app="metrics", seq=1)
    stale = lake.tables.open(lake.container, SPEC)
    table.replace([lake.write("numbers", "new", [3], **MONDAY)], partition=MONDAY, app="metrics", seq=3)
    assert stale.seq_of("metrics") == 1
    with pytest.raises(ConditionNotMet):
        stale.replace([lake.write("numbers", "old", [2], **MONDAY)], partition=MONDAY, app="metrics", seq=2)
    assert lake.rows("numbers") == [("metrics", "2026-11-16", "3")]
    assert lake.tables.open(lake.container, SPEC).seq_of("metrics") == 3


@BOTH
def test_a_stale_handle_cannot_add_beside_the_first_publication_of_a_partition(lake: Lake) -> None:
    table, stale = lake.tables.open(lake.container, SPEC), lake.tables.open(lake.container, SPEC)
    table.replace([lake.write("numbers", "new", [2], **MONDAY)], partition=MONDAY, app="metrics", seq=2)
    with pytest.raises(ConditionNotMet):
        stale.replace([lake.write("numbers", "old", [1], **MONDAY)], partition=MONDAY, app="metrics", seq=1)
    with pytest.raises(ConditionNotMet):
        stale.replace([], partition=MONDAY, app="metrics", seq=1)
    assert lake.rows("numbers") == [("metrics", "2026-11-16", "2")]


@BOTH
def test_streams_that_add_to_one_table_at_once_do_not_lose_each_others_rows(lake: Lake) -> None:
    """Each worker checks and commits on one handle, and opens again on a conflict (protocol, Process day 5)."""
    barrier = threading.Barrier(WORKERS)
    lake.tables.open(lake.container, SPEC)

    def publish(worker: int) -> None:
        barrier.wait()
        for seq in (1, 2, 3):
            partition = {"dataset": f"stream{worker}", "pst_date": "2026-11-16"}
            files = [lake.write("numbers", f"{worker}-{seq}", [seq], **partition)]
            _publish(lake, files=files, partition=partition, app=f"stream{worker}", seq=seq)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(publish, range(WORKERS)))
    assert lake.rows("numbers") == [(f"stream{worker}", "2026-11-16", "3") for worker in range(WORKERS)]
    assert lake.tables.open(lake.container, SPEC).version() == 3 * WORKERS


@BOTH
def test_of_workers_that_race_on_one_partition_the_highest_publication_stays(lake: Lake) -> None:
    barrier = threading.Barrier(WORKERS)
    lake.tables.open(lake.container, SPEC)

    def publish(seq: int) -> None:
        files = [lake.write("numbers", f"{seq}", [seq], **MONDAY)]
        barrier.wait()
        _publish(lake, files=files, partition=MONDAY, app="metrics", seq=seq)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(publish, range(1, WORKERS + 1)))
    assert lake.rows("numbers") == [("metrics", "2026-11-16", str(WORKERS))]
    assert lake.tables.open(lake.container, SPEC).seq_of("metrics") == WORKERS


@BOTH
def test_a_handle_stays_at_its_own_commit_whatever_others_commit_after_it(lake: Lake) -> None:
    table = lake.tables.open(lake.container, SPEC)
    first = table.replace([lake.write("numbers", "a", [1], **MONDAY)], partition=MONDAY, app="metrics", seq=1)
    other = lake.tables.open(lake.container, SPEC)
    other.replace([lake.write("numbers", "b", [2], **OTHER_MONDAY)], partition=OTHER_MONDAY, app="events", seq=1)
    other.replace([lake.write("numbers", "c", [3], **MONDAY)], partition=MONDAY, app="metrics", seq=3)
    assert (table.version(), table.seq_of("metrics"), table.seq_of("events")) == (first, 1, 0)
    assert table.files_of(MONDAY) == ["a"]
    with pytest.raises(ConditionNotMet):
        table.replace([lake.write("numbers", "d", [4], **MONDAY)], partition=MONDAY, app="metrics", seq=2)
    table.refresh()
    assert (table.version(), table.seq_of("metrics"), table.seq_of("events")) == (first + 2, 3, 1)
    assert table.files_of(MONDAY) == ["c"]


@BOTH
def test_a_commit_after_that_of_another_stream_shows_both(lake: Lake) -> None:
    table, other = (lake.tables.open(lake.container, SPEC) for _ in range(2))
    other.replace([lake.write("numbers", "a", [1], **OTHER_MONDAY)], partition=OTHER_MONDAY, app="events", seq=1)
    assert table.replace([lake.write("numbers", "b", [2], **MONDAY)], partition=MONDAY, app="metrics", seq=1) == 2
    assert (table.version(), table.seq_of("metrics"), table.seq_of("events")) == (2, 1, 1)
    assert (table.files_of(MONDAY), table.files_of(OTHER_MONDAY)) == (["b"], ["a"])


@pytest.mark.parametrize("kind", ["azurite"])
def test_any_reader_can_open_the_table(lake: Lake) -> None:
    """Protocol (1, 2) without features, and statistics that readers skip files by."""
    table = lake.tables.open(lake.container, SPEC)
    table.replace([lake.write("numbers", "a", [1, 2], **MONDAY)], partition=MONDAY, app="metrics", seq=1)
    first = lake.store.get(lake.container, "numbers/_delta_log/00000000000000000000.json")
    second = lake.store.get(lake.container, "numbers/_delta_log/00000000000000000001.json")
    assert first is not None
    assert second is not None
    assert b'{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}' in first[0]
    assert b'{"txn":{"appId":"metrics","version":1}}' in second[0]
    assert rb"\"maxValues\":{\"n\":2}" in second[0]


@pytest.mark.parametrize("kind", ["azurite"])
def test_a_table_in_a_container_that_is_not_there_is_the_operators_matter(lake: Lake) -> None:
    with pytest.raises(OperatorError, match="no container"):
        lake.tables.open("no-such-container", SPEC)


@pytest.mark.parametrize("kind", ["azurite"])
def test_a_table_without_permission_is_the_operators_matter(lake: Lake) -> None:
    lake.tables.open(lake.container, SPEC)
    assert lake.connection is not None
    assert lake.connection.connection_string is not None
    wrong = replace(
        lake.connection, connection_string=lake.connection.connection_string.replace("AccountKey=E", "AccountKey=b")
    )
    with pytest.raises(OperatorError, match="no permission") as caught:
        DeltaTables(wrong).open(lake.container, SPEC)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("kind", ["azurite"])
@pytest.mark.parametrize(("protocol", "told"), RAISED.values(), ids=RAISED)
def test_a_table_whose_protocol_another_program_raised_is_the_operators_matter_and_stays_as_it_is(
    lake: Lake, protocol: dict[str, object], told: str
) -> None:
    stale = lake.tables.open(lake.container, SPEC)
    log = f"numbers/_delta_log/{1:020d}.json"
    lake.store.put(lake.container, log, json.dumps({"protocol": protocol}).encode())
    with pytest.raises(OperatorError, match=told) as caught:
        lake.tables.open(lake.container, SPEC)
    assert "table numbers" in str(caught.value)
    # The handle from before sees a race, after which nobody can open the table.
    with pytest.raises(ConditionNotMet, match="Protocol changed"):
        stale.replace([lake.write("numbers", "a", [1], **MONDAY)], partition=MONDAY, app="metrics", seq=1)
    assert lake.store.head(lake.container, f"numbers/_delta_log/{2:020d}.json") is None


@pytest.mark.parametrize("kind", ["azurite"])
def test_a_checkpoint_comes_every_ten_commits(lake: Lake) -> None:
    for seq in range(1, 22):
        table = lake.tables.open(lake.container, SPEC)
        table.replace([lake.write("numbers", f"a{seq}", [seq], **MONDAY)], partition=MONDAY, app="metrics", seq=seq)
    names = [info.name for info in lake.store.list_blobs(lake.container, "numbers/_delta_log/")]
    assert sum(name.endswith(".checkpoint.parquet") for name in names) == 2
    assert lake.tables.open(lake.container, SPEC).seq_of("metrics") == 21
    assert lake.rows("numbers") == [("metrics", "2026-11-16", "21")]


@pytest.mark.parametrize("kind", ["azurite"])
def test_the_whole_log_is_listed_with_a_checkpoint_alone_and_old_entries_go_then(lake: Lake, azurite: str) -> None:
    whole: list[int] = []

    def count(request: Request, moment: Moment) -> bool:
        is_whole = "comp=list" in request.query and "_delta_log" in request.query and "startFrom" not in request.query
        whole[-1] += is_whole and moment is Moment.BEFORE
        return False

    lake.tables.open(lake.container, SPEC)
    assert lake.connection is not None
    shared = DeltaTable(f"az://{lake.container}/numbers", storage_options=lake.connection.delta_options())
    shared.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds"})
    table = lake.tables.open(lake.container, SPEC)
    for seq in range(1, 7):
        table.replace([], partition=MONDAY, app="metrics", seq=seq)
    with Proxy(upstream=service_address(azurite, "Blob"), hook=count) as proxy:
        whole.append(0)
        table = DeltaTables(Connection(connection_string=proxy.through(azurite))).open(lake.container, SPEC)
        for seq in (7, 8):
            whole.append(0)
            table.replace([], partition=MONDAY, app="metrics", seq=seq)
    assert (table.version(), whole) == (9, [0, 0, 1])
    names = [info.name for info in lake.store.list_blobs(lake.container, "numbers/_delta_log/0")]
    assert not any(name.endswith(f"{5:020}.json") for name in names)
    assert lake.tables.open(lake.container, SPEC).seq_of("metrics") == 8


@pytest.mark.parametrize("kind", ["azurite"])
def test_a_table_of_an_older_program_gets_the_interval_once_whoever_opens_it(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta_tables, "_PROPERTIES", {})
    table = lake.tables.open(lake.container, SPEC)
    table.replace([lake.write("numbers", "a", [1], **MONDAY)], partition=MONDAY, app="metrics", seq=1)
    monkeypatch.undo()
    with ThreadPoolExecutor(WORKERS) as pool:
        opened = list(pool.map(lambda _: lake.tables.open(lake.container, SPEC), range(WORKERS)))
    assert {table.version() for table in opened} == {2}
    assert {table.seq_of("metrics") for table in opened} == {1}
    assert lake.tables.open(lake.container, SPEC).version() == 2
    assert lake.rows("numbers") == [("metrics", "2026-11-16", "1")]


@pytest.mark.parametrize("kind", ["azurite"])
def test_a_table_of_an_older_program_gets_the_columns_that_came_since_whoever_opens_it(lake: Lake) -> None:
    new = replace(SPEC, columns={"more": "long", **SPEC.columns}, added=("more",))
    table = lake.tables.open(lake.container, SPEC)
    table.replace([lake.write("numbers", "a", [1], **MONDAY)], partition=MONDAY, app="metrics", seq=1)
    assert "lacks the column more" in str(lake.tables.open(lake.container, replace(new, added=())).changed_layout())
    before = table.version()
    with ThreadPoolExecutor(WORKERS) as pool:
        opened = list(pool.map(lambda _: lake.tables.open(lake.container, new), range(WORKERS)))
    assert {each.version() for each in opened} == {before + 1}
    assert {(each.changed_layout(), each.foreign_commit(), each.seq_of("metrics")) for each in opened} == {(None, None, 1)}
    opened[0].replace([lake.write("numbers", "b", [2], **TUESDAY)], partition=TUESDAY, app="metrics", seq=2)
    assert lake.tables.open(lake.container, new).changed_layout() is None
    assert lake.rows("numbers") == [("metrics", "None", "2026-11-16", "1"), ("metrics", "None", "2026-11-17", "2")]


@pytest.mark.parametrize("kind", ["azurite"])
@pytest.mark.parametrize(
    ("status", "expected"), [(403, OperatorError), (503, LaterError)], ids=["no permission", "storage is busy"]
)
def test_a_commit_that_storage_refuses_is_no_lost_race(
    lake: Lake, azurite: str, status: int, expected: type[DropzoneError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", azurite)
    lake.tables.open(lake.container, SPEC)

    def refuse_commits(request: Request, moment: Moment) -> bool | Reaction:
        is_commit = request.method == "PUT" and "/_delta_log/" in request.path
        return Reply(status=status) if is_commit and moment is Moment.BEFORE else False

    with Proxy(upstream=service_address(azurite, "Blob"), hook=refuse_commits) as proxy:
        table = impatient(proxy.through(azurite)).tables.open(lake.container, SPEC)
        with pytest.raises(expected):
            table.replace([lake.write("numbers", "a", [1], **MONDAY)], partition=MONDAY, app="metrics", seq=1)
    assert lake.tables.open(lake.container, SPEC).version() == 0


def _publish(lake: Lake, *, files: list[TableFile], partition: dict[str, str], app: str, seq: int) -> None:
    while True:
        table = lake.tables.open(lake.container, SPEC)
        if table.seq_of(app) >= seq:
            return
        try:
            table.replace(files, partition=partition, app=app, seq=seq)
        except ConditionNotMet:
            continue
        return


# What another program makes of a table


class Replaced(NamedTuple):
    """A table of ours with one publication, and where it lies for others."""

    lake: Lake
    uri: str
    options: dict[str, str]

    def open(self) -> Table:
        return self.lake.tables.open(self.lake.container, SPEC)


@pytest.fixture
def shared(connection: Connection, azure_store: AzureBlobStore) -> Replaced:
    box = f"box-{uuid4().hex}"
    azure_store.create_container(box)
    delta_lake = Lake(tables=DeltaTables(connection), store=azure_store, container=box, connection=connection)
    table = delta_lake.tables.open(delta_lake.container, SPEC)
    file = delta_lake.write("numbers", "dataset=metrics/pst_date=2026-11-16/a.parquet", [1], **MONDAY)
    table.replace([file], partition=MONDAY, app="metrics", seq=1)
    assert (table.changed_layout(), table.foreign_commit()) == (None, None)
    return Replaced(delta_lake, f"az://{box}/numbers", connection.delta_options())


def rows_of_others(**columns: object) -> pa.Table:
    given = {"dataset": "metrics", "pst_date": date(2026, 11, 16), "n": 7} | columns
    return pa.table({name: [value] for name, value in given.items() if value is not None})


@pytest.mark.parametrize(
    ("columns", "partitions", "told"),
    [
        ({"n": None, "m": 1}, ["dataset", "pst_date"], "it lacks the column n"),
        ({"more": 1}, ["dataset", "pst_date"], "it has a column 'more'"),
        ({"n": "x"}, ["dataset", "pst_date"], "its column n is string and not long"),
        ({}, [], "it is partitioned by nothing and not by dataset, pst_date"),
        ({}, ["n"], "it is partitioned by n"),
    ],
)
def test_columns_and_partitions_of_another_program_are_told(
    shared: Replaced, columns: dict[str, object], partitions: list[str], told: str
) -> None:
    write_deltalake(
        shared.uri,
        rows_of_others(**columns),
        mode="overwrite",
        schema_mode="overwrite",
        partition_by=partitions,
        storage_options=shared.options,
    )
    assert told in str(shared.open().changed_layout())


def test_rows_that_another_program_adds_are_told_until_the_table_is_restored(shared: Replaced) -> None:
    before = shared.open().version()
    write_deltalake(shared.uri, rows_of_others(), mode="append", storage_options=shared.options)
    told = str(shared.open().foreign_commit())
    assert f"its version {before + 1} (WRITE at 20" in told
    DeltaTable(shared.uri, storage_options=shared.options).restore(before)
    assert shared.open().foreign_commit() is None


def test_columns_that_a_table_is_given_hide_no_rows_of_another_program(shared: Replaced) -> None:
    write_deltalake(shared.uri, rows_of_others(), mode="append", storage_options=shared.options)
    spec = replace(SPEC, columns={**SPEC.columns, "more": "long"}, added=("more",))
    table = shared.lake.tables.open(shared.lake.container, spec)
    assert table.changed_layout() is None
    assert "(WRITE at 20" in str(table.foreign_commit())


def test_maintenance_by_another_program_is_no_change(shared: Replaced) -> None:
    DeltaTable(shared.uri, storage_options=shared.options).optimize.compact()
    DeltaTable(shared.uri, storage_options=shared.options).vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert shared.open().foreign_commit() is None
