"""What the tables show of one stream, and that it is what was published."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date

import polars as pl

from processing.domain.publications import Manifest
from tests.days.machine.contents import Feed, Shown
from tests.days.machine.customer import Customer


class Projection:
    """The tables of one stream."""

    def __init__(self, customer: Customer, stream: Feed) -> None:
        self._customer = customer
        self._world = customer.world
        self._stream = stream
        self._commits: dict[str, int] = {}
        self._sound: set[tuple[str, date]] = set()
        self._shown: dict[str, Shown] = {}

    def check_commits(self) -> None:
        """Invariant 4."""
        app = str(self._stream.dataset)
        for (container, table), log in self._world.tables._logs.items():
            if container != self._customer.results:
                continue
            seen = self._commits.get(table, 0)
            for before, version in zip(log[seen:], log[seen + 1 :], strict=False):
                if version.app == app:
                    assert version.seqs[app] > before.seqs.get(app, 0), "a table took a publication twice, or an older one"
            self._commits[table] = len(log) - 1

    def check(self, live: Mapping[date, Manifest]) -> None:
        """Invariant 6: every table shows each published day exactly as its manifest says."""
        files: dict[tuple[str, frozenset[tuple[str, str]]], set[str]] = {}
        for container, table in self._world.tables._logs:
            for file in self._world.tables.files(container, table) if container == self._customer.results else ():
                files.setdefault((table, frozenset(file.partition.items())), set()).add(file.path)
        for day, manifest in live.items():
            for output in manifest.outputs:
                shown = files.get((output.table, frozenset(output.partition.items())), set())
                assert shown == {file.path for file in output.files}, f"{output.table} does not show {day} as it was published"
            partition = frozenset({"dataset": str(self._stream.dataset)}.items())
            assert len(files.get(("days", partition), set())) == 1
            (path,) = files["days", partition]
            self._check_versions(manifest, f"days/{path}", day)

    def shown_by(self, manifest: Manifest) -> Shown:
        """What the files of a publication show."""
        shown: dict[tuple[str, str], object] = {}
        for output in manifest.outputs:
            for file in output.files if output.table == self._stream.table else ():
                found = self._read(f"{output.table}/{file.path}")
                assert not shown.keys() & found.keys(), "a table shows a row twice"
                shown |= found
        return shown

    def _read(self, name: str) -> Shown:
        if name not in self._shown:
            self._shown[name] = self._stream.days.read(pl.read_parquet(io.BytesIO(self._file(name))))
        return self._shown[name]

    def _file(self, name: str) -> bytes:
        found = self._world.lake.get(self._customer.results, name)
        assert found is not None, "a file of a table is gone"
        return found[0]

    def _check_versions(self, manifest: Manifest, path: str, day: date) -> None:
        """The versions that the row of `days` names show the publication, each in its table."""
        if (path, day) in self._sound:
            return
        rows = pl.read_parquet(io.BytesIO(self._file(path)))
        (row,) = rows.filter(pl.col("pst_date") == day).to_dicts()
        assert row["seq"] == manifest.seq
        for output in manifest.outputs:
            files = self._world.tables.files(self._customer.results, output.table, row[f"{output.table}_version"])
            shown = {file.path for file in files if file.partition == output.partition}
            assert shown == {file.path for file in output.files}, "table `days` names a version of another publication"
        self._sound.add((path, day))
