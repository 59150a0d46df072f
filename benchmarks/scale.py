"""How much is measured: `bench` in minutes, `bench-full` in hours, and any part of it smaller to try something out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Sizes are rows unless said otherwise."""

    runs: int = 7
    """Rounds that count, for ours, the base and DuckDB."""
    slow_runs: int = 3
    """Rounds for the peers that take much longer."""
    rows: int = 2_000_000
    event_rows: int = 500_000
    pandas_rows: int = 1_000_000
    spark_rows: int = 1_000_000
    dlt_rows: int = 100_000
    memory_rows: tuple[int, ...] = (5_500_000, 18_000_000)
    """About 300 MB and 1 GB of CSV."""
    many_days_rows: int = 5_500_000
    """Of the file of 400 days."""
    memory_runs: int = 1
    uploads: tuple[int, ...] = (100, 1_000, 10_000)
    """Uploads in a stream."""
    look_runs: int = 3
    days: tuple[tuple[int, int], ...] = ((5_000_000, 25),)
    """Rows and parts of a day."""
    day_runs: int = 3
    history_days: tuple[int, int] = (60, 400)
    """Published days of a new customer and of an old one; tens, because every tenth commit of a table is a checkpoint."""
    history_files: int = 50
    """Uploads a day."""
    history_runs: int = 3
    customers: int = 100
    """Small ones, side by side."""
    http_seconds: float = 60.0
    """For which clients send rows."""
    exposed_units: int = 1_000_000
    """Of an experiment."""
    result_runs: int = 3
    publications: tuple[int, ...] = (50, 500, 2_000)
    """Of a table."""
    listed_files: int = 200_000
    """Of a customer of whose files pages are asked for."""
    experiments: int = 10_000
    """Simulated ones of each kind."""
    on_progress: Callable[[str], None] = lambda _: None
    """Is told what is being run."""

    def limited_to(self, rows: int) -> Scale:
        """The same with about `rows` rows for the largest ingest ratio, and everything else in proportion."""
        share = rows / self.rows
        return replace(
            self,
            rows=rows,
            event_rows=_part(self.event_rows, share),
            pandas_rows=_part(self.pandas_rows, share),
            spark_rows=_part(self.spark_rows, share),
            dlt_rows=_part(self.dlt_rows, share),
            memory_rows=tuple(_part(each, share) for each in self.memory_rows),
            many_days_rows=_part(self.many_days_rows, share),
            uploads=tuple(_part(each, share, least=10) for each in self.uploads),
            days=tuple((_part(each, share), parts) for each, parts in self.days),
            history_days=(_tens(self.history_days[0], share), _tens(self.history_days[1], share)),
            history_files=_part(self.history_files, share, least=2),
            customers=_part(self.customers, share, least=4),
            http_seconds=max(2.0, self.http_seconds * share),
            exposed_units=_part(self.exposed_units, share, least=10_000),
            publications=tuple(_part(each, share, least=10) for each in self.publications),
            listed_files=_part(self.listed_files, share),
            experiments=_part(self.experiments, share),
        )


QUICK: Final = Scale()
FULL: Final = Scale(
    rows=5_000_000,
    event_rows=2_000_000,
    dlt_rows=1_000_000,
    memory_rows=(5_500_000, 18_000_000, 108_000_000),
    many_days_rows=18_000_000,
    look_runs=5,
    days=((5_000_000, 25), (20_000_000, 100), (50_000_000, 200)),
    history_files=500,
)


def _part(whole: int, share: float, least: int = 1_000) -> int:
    return max(least, round(whole * share))


def _tens(whole: int, share: float) -> int:
    return 10 * _part(whole // 10, share, least=1)
