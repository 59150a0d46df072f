"""A publication that does not get into its tables ends in a day that says so, and goes on by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl

from processing.domain.publications import TableSpec
from processing.domain.stream_state import DayState
from processing.jobs.days.work_stream import WorkOutcome
from processing.publication.delta.specs import DAYS
from tests.support.in_memory import InMemoryTable, InMemoryTables
from tests.support.memory import Memory, metrics

D1, D2 = date(2026, 11, 17), date(2026, 11, 18)
PARTITION = {"dataset": "metrics", "pst_date": D1.isoformat()}


class Contended(InMemoryTables):
    """Tables into which a stranger commits between any opening and what follows it, as long as it is there."""

    stranger = True

    def open(self, container: str, spec: TableSpec) -> InMemoryTable:
        table = super().open(container, spec)
        if self.stranger and spec.name == "metric_days":
            partition = {column: PARTITION[column] for column in spec.partition_by}
            super().open(container, spec).replace([], partition=partition, app="stranger", seq=1)
        return table


def published(world: Memory) -> pl.DataFrame:
    """Two days, the first of them twice; the rows of table `days` for them."""
    for day in (D1, D2):
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}))
        world.upload(f"signals/{day}")
    world.settle()
    world.upload(f"metrics/{D1}.csv", metrics(D1, {"u": 2}))
    world.settle()
    return world.table("days").sort("pst_date")


def test_what_is_said_of_the_published_days_of_a_stream_lies_in_one_file() -> None:
    world = Memory()
    rows = published(world)
    assert rows.select(pl.col("pst_date").cast(pl.String), "seq").rows() == [(str(D1), 3), (str(D2), 2)]
    (file,) = world.tables.files("results-acme", "days")
    assert file.partition == {"dataset": "metrics"}


def test_a_table_that_an_older_program_made_keeps_a_file_for_each_day() -> None:
    world = Memory()
    world.tables.open("results-acme", replace(DAYS, partition_by=("dataset", "pst_date")))
    rows = published(world)
    assert rows.select("pst_date", "seq").rows() == [(str(D1), 3), (str(D2), 2)]
    assert len(world.tables.files("results-acme", "days")) == 2


def test_a_commit_that_is_lost_again_and_again_fails_the_day_with_what_the_table_said() -> None:
    world, pauses = Memory(tables=(tables := Contended())), list[float]()
    world.context = replace(world.context, sleep=pauses.append)
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/{D1}")
    world.pass_time(hours=1, minutes=2)
    assert world.tick() == [WorkOutcome.FAILED]
    assert world.states() == {D1: DayState.FAILED}
    assert world.status(D1)["error"].startswith("table metric_days was not committed in 20 tries")
    assert "changed by someone else" in world.status(D1)["error"]
    assert len(pauses) == 19
    assert pauses == sorted(set(pauses))
    assert sum(pauses) < 30
    tables.stranger = False
    world.pass_time(minutes=2)
    world.tick()
    assert world.states() == {D1: DayState.PROCESSED}
    assert (world.table("metric_days").height, world.state().seq) == (1, 1)
