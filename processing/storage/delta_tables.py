"""Delta tables in a customer's results container: check and commit on one handle (protocol, Process day 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
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
from processing.storage.connections import Connection

_NO_PERMISSION = ("401 Unauthorized", "403 Forbidden")
_PROTOCOL: Final = (1, 2)
"""Versions for readers and for writers that our tables have, so that any reader opens them."""
_PROPERTIES: Final[dict[str, str]] = {"delta.checkpointInterval": "10"}
"""A reader opens a table by its last checkpoint and every commit since: by default that are up to a hundred."""
_STORAGE_FAILED: Final = "Log storage error"
_REFUSED: Final = ("Unsupported table features", "Unsupported: ", "Table features must be specified", "append-only")
"""What delta-rs says when a table asks for what it does not do; its class of error is the one that it has for lost races."""
_LONGEST_TOLD: Final = 300


class DeltaTables:
    """The tables of one account, through delta-rs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
            _refuse_features(table, container, spec.name)
            _set_properties(table)
            return _OpenTable(table, container, spec)

    def find(self, container: str, spec: TableSpec) -> _OpenTable | None:
        """A fresh handle on the latest version, None when there is no such table."""
        with _translated(container, spec.name):
            try:
                uri, options = f"az://{container}/{spec.name}", self._connection.delta_options()
                return _OpenTable(DeltaTable(uri, storage_options=options), container, spec)
            except TableNotFoundError:
                return None

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
                commit_properties=CommitProperties(max_commit_retries=0),
            )


class _OpenTable:
    def __init__(self, table: DeltaTable, container: str, spec: TableSpec) -> None:
        self._table = table
        self._container = container
        self._spec = spec

    def seq_of(self, app: str) -> int:
        """The highest publication of `app` in this version; 0 for none."""
        # Read from the log when it is first asked for.
        with _translated(self._container, self._spec.name):
            return self._table.transaction_version(app) or 0

    def version(self) -> int:
        """The version that this handle sees."""
        return self._table.version()

    def partitioned_by(self) -> tuple[str, ...]:
        """The columns that the table is partitioned by, as it was made."""
        return tuple(self._table.metadata().partition_columns)

    def files_of(self, partition: Mapping[str, str]) -> Sequence[str]:
        """The files that this version shows of one partition, as paths below the table's folder."""
        with _translated(self._container, self._spec.name):
            uris = self._table.file_uris(file_pruning_predicate=[(column, "=", value) for column, value in partition.items()])
        # Names of ours need no escapes.
        root = self._table.table_uri.rstrip("/") + "/"
        return sorted(uri.removeprefix(root) for uri in uris)

    def unused_files(self, keep: timedelta) -> Sequence[str]:
        """Files below the table's folder that are older than `keep` and that no version of that time shows."""
        hours = int(keep.total_seconds() // 3600)
        with _translated(self._container, self._spec.name):
            return self._table.vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True)

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
            self._table.create_write_transaction(
                adds,
                "overwrite",
                _schema(self._spec),
                list(self.partitioned_by()),
                partition_filters=[(column, "=", value) for column, value in partition.items()],
                commit_properties=CommitProperties(app_transactions=[Transaction(app, seq)]),
            )
            # The handle does not move by itself. The latest version may hold commits of others as well, but none of
            # this `app`: a version that shows a later publication must not be named as showing this one.
            self._table.update_incremental()
        if self.seq_of(app) != seq:
            raise ConditionNotMet(self._container, self._spec.name)
        return self._table.version()


def _set_properties(table: DeltaTable) -> None:
    """See to it that a table which an older program made has them too."""
    if not _PROPERTIES.items() <= table.metadata().configuration.items():
        with suppress(CommitFailedError):  # another worker does it just now
            table.alter.set_table_properties(_PROPERTIES, commit_properties=CommitProperties(max_commit_retries=0))
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
        "dropped again or the table is restored"
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
