"""A publication that does not get into its tables ends in a day that says so, and goes on by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from processing.domain.publications import TableSpec
from processing.domain.stream_state import DayState
from processing.jobs.days.work_stream import WorkOutcome
from tests.support.in_memory import InMemoryTable, InMemoryTables
from tests.support.memory import Memory, metrics

D1 = date(2026, 11, 17)
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
