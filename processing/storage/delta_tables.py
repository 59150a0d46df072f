"""Delta tables in a customer's results container: check and commit on one handle (protocol, Process day 5)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from deltalake import CommitProperties, DeltaTable, Field, PostCommitHookProperties, Schema, Transaction
from deltalake.exceptions import (
    CommitFailedError,
    DeltaError,
    DeltaProtocolError,
    SchemaMismatchError,
    TableNotFoundError,
)
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, RemoveAction

from processing.domain.errors import ConditionNotMet, LaterError, OperatorError
from processing.domain.publications import TableFile, TableSpec
from processing.storage.azure_errors import storage_errors
from processing.storage.connections import Connection
from processing.storage.foreign_commits import MARK, changed_layout, foreign_commit

_NO_PERMISSION = ("401 Unauthorized", "403 Forbidden")
_PROTOCOL: Final = (1, 2)
"""Versions for readers and for writers that our tables have, so that any reader opens them."""
_CHECKPOINT_INTERVAL: Final = 10
_PROPERTIES: Final[dict[str, str]] = {"delta.checkpointInterval": str(_CHECKPOINT_INTERVAL)}
"""A reader opens a table by its last checkpoint and every commit since: by default that are up to a hundred."""
_TRIES: Final = 20
_STORAGE_FAILED: Final = "Log storage error"
_REFUSED: Final = ("Unsupported table features", "Unsupported: ", "Table features must be specified", "append-only")
"""What delta-rs says when a table asks for what it does not do; its class of error is the one that it has for lost races."""
_LONGEST_TOLD: Final = 300


class DeltaTables:
    """The tables of one account, through delta-rs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._logs = connection.blob_service()

    def open(self, container: str, spec: TableSpec) -> _OpenTable:
        """A fresh handle on the latest version; the table is made, without rows, where there is none."""
        uri = f"az://{container}/{spec.name}"
        options = self._connection.delta_options()
        with _translated(container, spec.name):
            try:
                table = DeltaTable(uri, storage_options=options)
            except TableNotFoundError:
                self._create(uri, spec, options)
                table = DeltaTable(uri, storage_options=options)
            return self._opened(table, container, spec)

    def has(self, container: str, name: str) -> bool:
        """Whether there is a table of this name."""
        with _translated(container, name):
            return DeltaTable.is_deltatable(f"az://{container}/{name}", self._connection.delta_options())

    def find(self, container: str, spec: TableSpec) -> _OpenTable | None:
        """A fresh handle on the latest version, None when there is no such table."""
        with _translated(container, spec.name):
            try:
                uri, options = f"az://{container}/{spec.name}", self._connection.delta_options()
                return self._opened(DeltaTable(uri, storage_options=options), container, spec)
            except TableNotFoundError:
                return None

    def _opened(self, table: DeltaTable, container: str, spec: TableSpec) -> _OpenTable:
        _refuse_features(table, container, spec.name)
        _set_properties(table)
        _add_columns(table, spec)
        return _OpenTable(table, container, spec, self._logs)

    def _create(self, uri: str, spec: TableSpec, options: dict[str, str]) -> None:
        # Of several workers that make the table at once, one does; the others find it made. A retry would commit the
        # same beginning again, as a later version.
        with suppress(CommitFailedError):
            DeltaTable.create(
                uri,
                schema=_schema(spec),
                mode="ignore",
                partition_by=list(spec.partition_by),
                storage_options=options,
                configuration=_PROPERTIES,
                commit_properties=CommitProperties(max_commit_retries=0, custom_metadata={MARK: "made"}),
            )


class _OpenTable:
    def __init__(self, table: DeltaTable, container: str, spec: TableSpec, logs: BlobServiceClient) -> None:
        self._table = table
        self._logs = logs
        self._container = container
        self._spec = spec
        self._seqs: dict[str, int] = {}
        """Of this version; to read one from the log takes several requests."""
        self._committed: int | None = None
        """The version of our own commit, as long as the library's handle is still at one before it."""

    def refresh(self) -> None:
        """Move to the latest version."""
        before, self._committed = self.version(), None
        with _translated(self._container, self._spec.name):
            self._table.update_incremental()
        if self._table.version() != before:
            self._seqs.clear()
        _refuse_features(self._table, self._container, self._spec.name)

    def seq_of(self, app: str) -> int:
        """The highest publication of `app` in this version; 0 for none."""
        if app not in self._seqs:
            with _translated(self._container, self._spec.name):
                self._seqs[app] = self._moved().transaction_version(app) or 0
        return self._seqs[app]

    def version(self) -> int:
        """The version that this handle sees."""
        return self._table.version() if self._committed is None else self._committed

    def changed_layout(self) -> str | None:
        """How columns or partitions differ from those of its specification; None where they do not."""
        return changed_layout(self._moved(), self._spec)

    def foreign_commit(self) -> str | None:
        """The last commit by which another program changed what the table shows; None where all of it is ours."""
        return foreign_commit(self._read_commit, self.version())

    def _read_commit(self, version: int) -> bytes | None:
        # Not by the library's own history, which lets no other thread of the process run meanwhile.
        name = f"{self._spec.name}/_delta_log/{version:020}.json"
        with storage_errors(f"read {self._container}/{name}"):
            try:
                return bytes(self._logs.get_blob_client(self._container, name).download_blob().readall())
            except ResourceNotFoundError:
                return None

    def partitioned_by(self) -> tuple[str, ...]:
        """The columns that the table is partitioned by, as it was made."""
        return tuple(self._table.metadata().partition_columns)

    def files_of(self, partition: Mapping[str, str]) -> Sequence[str]:
        """The files that this version shows of one partition, as paths below the table's folder."""
        with _translated(self._container, self._spec.name):
            uris = self._moved().file_uris(file_pruning_predicate=[(column, "=", value) for column, value in partition.items()])
        # Names of ours need no escapes.
        root = self._table.table_uri.rstrip("/") + "/"
        return sorted(uri.removeprefix(root) for uri in uris)

    def unused_files(self, keep: timedelta) -> Sequence[str]:
        """Files below the table's folder that are older than `keep` and that no version of that time shows."""
        hours = int(keep.total_seconds() // 3600)
        with _translated(self._container, self._spec.name):
            return self._moved().vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True)

    def replace(self, files: Sequence[TableFile], *, partition: Mapping[str, str], app: str, seq: int) -> int:
        """Commit `files` as the whole of one partition; ConditionNotMet when others changed what this handle saw."""
        now = int(datetime.now(UTC).timestamp() * 1_000)
        adds: list[AddAction | RemoveAction] = [
            AddAction(
                path=file.path,
                size=file.size,
                partition_values=dict(file.partition),
                modification_time=now,
                data_change=True,
                stats=file.statistics,
            )
            for file in files
        ]
        with _translated(self._container, self._spec.name):
            table = self._moved()
            before = table.version()
            table.create_write_transaction(
                adds,
                "overwrite",
                _schema(self._spec),
                list(self.partitioned_by()),
                partition_filters=[(column, "=", value) for column, value in partition.items()],
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(app, seq)], custom_metadata={MARK: f"{app} {seq}"}
                ),
                post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=_has_checkpoint(before + 1)),
            )
        self._seqs.clear()
        if self._is_ours(before + 1, app, seq):
            # The handle does not move by itself, and to move it reads all names of files: most are done with now.
            self._committed, self._seqs[app] = before + 1, seq
        else:
            # The latest version holds commits of others as well, but none of this `app`: a version that shows a later
            # publication must not be named as showing this one.
            with _translated(self._container, self._spec.name):
                table.update_incremental()
            if self.seq_of(app) != seq:
                raise ConditionNotMet(self._container, self._spec.name)
        return self.version()

    def _moved(self) -> DeltaTable:
        """The library's handle, at the version that this one sees."""
        if self._committed is not None:
            with _translated(self._container, self._spec.name):
                # No further: what the caller knows of this version would not hold of a later one.
                self._table.load_as_version(self._committed)
            self._committed = None
        return self._table

    def _is_ours(self, version: int, app: str, seq: int) -> bool:
        """Whether `version` is the commit that was just made.

        No other has the transaction of this `app`: of two commits with it one is refused.
        """
        actions = [json.loads(line) for line in (self._read_commit(version) or b"").splitlines() if line.strip()]
        return any((txn.get("appId"), txn.get("version")) == (app, seq) for each in actions if (txn := each.get("txn")))


def _has_checkpoint(version: int) -> bool:
    """Whether delta-rs writes a checkpoint with this version.

    Old entries of the log are looked for then alone, as other writers of Delta do: by default delta-rs lists the whole log
    after every commit, which may have thousands of entries after a backfill.
    """
    return (version + 1) % _CHECKPOINT_INTERVAL == 0


def _set_properties(table: DeltaTable) -> None:
    """See to it that a table which an older program made has them too."""
    if not _PROPERTIES.items() <= table.metadata().configuration.items():
        with suppress(CommitFailedError):  # another worker does it just now
            table.alter.set_table_properties(
                _PROPERTIES, commit_properties=CommitProperties(max_commit_retries=0, custom_metadata={MARK: "properties"})
            )
        table.update_incremental()


def _add_columns(table: DeltaTable, spec: TableSpec) -> None:
    """See to it that a table which an older program made has the columns that came since; its rows have null in them."""
    for _ in range(_TRIES):
        there = {field.name for field in table.schema().fields}
        missing = [Field(name, PrimitiveType(spec.columns[name]), nullable=True) for name in spec.added if name not in there]
        if not missing:
            return
        with suppress(CommitFailedError):  # another worker does it just now, or committed a day
            table.alter.add_columns(
                missing, commit_properties=CommitProperties(max_commit_retries=0, custom_metadata={MARK: "columns"})
            )
        table.update_incremental()


def _refuse_features(table: DeltaTable, container: str, name: str) -> None:
    """OperatorError when another program raised the table's protocol.

    Some of what a table may ask for then delta-rs does not do and does not refuse either: under column mapping, say, other
    readers would find our columns empty.
    """
    found = table.protocol()
    versions = (found.min_reader_version, found.min_writer_version)
    features = sorted({*(found.reader_features or ()), *(found.writer_features or ())})
    if features:
        asked = f"the table features {', '.join(features)[:_LONGEST_TOLD]}"
    elif versions[0] > _PROTOCOL[0] or versions[1] > _PROTOCOL[1]:
        asked = f"protocol {versions} in the place of {_PROTOCOL}"
    else:
        return
    raise _changed_by_others(container, name, f"it has {asked}")


def _changed_by_others(container: str, table: str, detail: str) -> OperatorError:
    return OperatorError(
        f"table {table} in {container} was changed by another program: {detail}; nothing is written to it until that is "
        "dropped again, or the table is moved away and made anew with `dropzone rebuild`"
    )


@contextmanager
def _translated(container: str, table: str) -> Iterator[None]:
    try:
        yield
    except (SchemaMismatchError, DeltaProtocolError) as error:
        raise OperatorError(f"table {table} in {container} was made or changed by another program: restore it") from error
    except (DeltaError, OSError) as error:
        # delta-rs gives the service's answer, and what it lacks, as text alone.
        said = str(error)
        if any(sign in said for sign in _NO_PERMISSION):
            raise OperatorError(f"no permission for table {table} in {container}: a data role is needed") from None
        if "ContainerNotFound" in said:
            raise OperatorError(f"there is no container {container} for table {table}") from None
        if any(sign in said for sign in _REFUSED):
            raise _changed_by_others(container, table, said[:_LONGEST_TOLD]) from error
        if isinstance(error, CommitFailedError) and not said.startswith(_STORAGE_FAILED):
            # Another commit removed what this one read, or carries the same application's transaction.
            raise ConditionNotMet(container, table, said[:_LONGEST_TOLD]) from error
        raise LaterError(f"table {table} in {container} could not be read or written: {type(error).__name__}") from error


def _schema(spec: TableSpec) -> Schema:
    return Schema([Field(name, PrimitiveType(kind), nullable=True) for name, kind in spec.columns.items()])
