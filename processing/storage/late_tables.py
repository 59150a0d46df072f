"""The tables of one account, whose library is imported when the first of them is opened: most commands open none."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from processing.domain.publications import TableSpec
from processing.ports import BlobStore, Table
from processing.storage.connections import Connection

if TYPE_CHECKING:
    from processing.storage.delta_tables import DeltaTables


class LateTables:
    """Opens nothing itself."""

    def __init__(self, connection: Connection, store: BlobStore) -> None:
        self._connection = connection
        self._store = store

    def has(self, container: str, name: str) -> bool:
        """Whether there is a table of this name: its log is."""
        return any(True for _ in self._store.list_blobs(container, f"{name}/_delta_log/"))

    def open(self, container: str, spec: TableSpec) -> Table:
        """A fresh handle on the latest version; the table is made, without rows, where there is none."""
        return self._tables.open(container, spec)

    def find(self, container: str, spec: TableSpec) -> Table | None:
        """A fresh handle on the latest version, None when there is no such table."""
        return self._tables.find(container, spec)

    @cached_property
    def _tables(self) -> DeltaTables:
        from processing.storage.delta_tables import DeltaTables  # noqa: PLC0415

        return DeltaTables(self._connection)
