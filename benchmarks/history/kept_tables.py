"""Delta tables whose handles stay open: to publish hundreds of days in a row without opening three tables for each."""

from __future__ import annotations

from processing.domain.publications import TableSpec
from processing.ports import Table, Tables


class KeptTables:
    """Opens each table once. Right for as long as nobody else commits to them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._open: dict[tuple[str, str], Table] = {}

    def open(self, container: str, spec: TableSpec) -> Table:
        """The handle that every commit so far went through; a fresh one the first time."""
        key = container, spec.name
        if key not in self._open:
            self._open[key] = self._tables.open(container, spec)
        return self._open[key]

    def has(self, container: str, name: str) -> bool:
        """Whether there is a table of this name."""
        return self._tables.has(container, name)

    def find(self, container: str, spec: TableSpec) -> Table | None:
        """A fresh handle, None when there is no such table."""
        return self._tables.find(container, spec)
