"""What a day hands on reaches exactly the later days that it changes, whatever their age (contract section 6, corrections)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess
from tests.support.memory import HEADER, Memory, metrics, ratios

FIRST = date(2026, 11, 17)
DAYS = [FIRST + timedelta(days=each) for each in range(5)]


def exposures(day: date, *units: str) -> bytes:
    return ("unit_id,experiment,group_id,timestamp\n" + "".join(f"{u},e,a,{day}T10:00:00Z\n" for u in units)).encode()


def with_exposures(config: str = "") -> Memory:
    world = Memory()
    world.config(config)
    for number, day in enumerate(DAYS):
        world.upload(f"exposures/{day}.csv", exposures(day, f"u{number}"))
        world.upload(f"signals/exposures/{day}")
        world.pass_time(hours=26)
        world.tick()
    world.pass_time(days=20)
    world.tick()
    return world


def shown(world: Memory) -> set[tuple[str, str]]:
    rows = list(world.table("first_exposures").select("pst_date", "unit_id").iter_rows())
    assert len({unit for _, unit in rows}) == len(rows), "a unit has two first exposures"
    return set(rows)


def seqs(world: Memory, dataset: Dataset) -> list[int | None]:
    return [record.published.seq if (record := world.day(day, dataset)).published else None for day in DAYS]


def go_on(world: Memory) -> None:
    for _ in range(6):
        world.pass_time(hours=2)
        world.tick()


@pytest.mark.parametrize("config", ["", "late_policy: hold\n", "late_window_days: 1\n"])
def test_a_unit_that_moves_to_an_old_day_leaves_the_later_one_and_no_other_is_touched(config: str) -> None:
    world = with_exposures(config)
    before = seqs(world, Dataset.EXPOSURES)
    world.upload("exposures/late.csv", exposures(DAYS[0], "u2"))
    ask_reprocess(world.context, Stream("acme", Dataset.EXPOSURES), DAYS[0])
    go_on(world)
    expected = {(str(day), f"u{number}") for number, day in enumerate(DAYS) if number != 2} | {(str(DAYS[0]), "u2")}
    assert shown(world) == expected
    moved = [place for place, (old, new) in enumerate(zip(before, seqs(world, Dataset.EXPOSURES), strict=True)) if old != new]
    assert moved == [0, 2]
    assert [world.states(Dataset.EXPOSURES)[day] for day in DAYS[:3]] == [DayState.PROCESSED] * 3
    # And back again.
    world.upload("exposures/late.csv", b"")
    ask_reprocess(world.context, Stream("acme", Dataset.EXPOSURES), DAYS[0])
    go_on(world)
    assert shown(world) == {(str(day), f"u{number}") for number, day in enumerate(DAYS)}


def test_a_unit_that_no_other_day_has_touches_no_other_day() -> None:
    world = with_exposures()
    before = seqs(world, Dataset.EXPOSURES)
    world.upload("exposures/late.csv", exposures(DAYS[1], "new"))
    ask_reprocess(world.context, Stream("acme", Dataset.EXPOSURES), DAYS[1])
    go_on(world)
    after = seqs(world, Dataset.EXPOSURES)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True, True, True]
    states = world.states(Dataset.EXPOSURES)
    assert {states[day] for day in DAYS} == {DayState.PROCESSED}
    (cause,) = (each["cause"] for each in world.status(DAYS[2], Dataset.EXPOSURES)["history"][-1:])
    assert cause == "what earlier days hand on changes nothing"


def with_metrics() -> Memory:
    world = Memory()
    for day in DAYS[:3]:
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}) + metrics(day, {"u": 5}, metric="other").split(b"\n", 1)[1])
        world.upload(f"signals/{day}")
    world.upload(f"metrics/{DAYS[3]}.csv", metrics(DAYS[3], {"u": 7}, metric="other"))
    world.upload(f"metrics/{DAYS[4]}.csv", metrics(DAYS[4], {"u": 7}, metric="other"))
    for day in DAYS[3:]:
        world.upload(f"signals/{day}")
        world.pass_time(hours=26)
    for _ in range(4):
        world.pass_time(hours=26)
        world.tick()
    world.pass_time(days=20)
    world.tick()
    return world


def test_a_metric_that_becomes_a_ratio_reaches_old_days_that_have_it_and_no_others() -> None:
    world = with_metrics()
    before = seqs(world, Dataset.METRICS)
    world.upload("metrics/late.csv", ratios(DAYS[0], {"v": (1, 2)}, metric="m"))
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), DAYS[0])
    go_on(world)
    table = world.table("metric_rows")
    shown = {(day, metric): value for day, metric, value in table.select("pst_date", "metric_name", "value").iter_rows()}
    assert [shown[str(day), "m"] for day in DAYS[1:3]] == [None, None]
    assert shown[str(DAYS[1]), "other"] == 5
    after = seqs(world, Dataset.METRICS)
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, False, True, True]
    assert {world.states()[day] for day in DAYS} == {DayState.PROCESSED}


def test_late_rows_stay_as_the_policy_says_though_what_is_handed_on_does_not() -> None:
    world = with_exposures("late_policy: hold\n")
    world.upload("exposures/late.csv", exposures(DAYS[0], "u2"))
    go_on(world)
    assert world.states(Dataset.EXPOSURES)[DAYS[0]] is DayState.CHANGED
    assert (str(DAYS[2]), "u2") in shown(world)


def test_a_day_that_nothing_reached_is_still_processed_again_when_its_rows_change_too() -> None:
    world = with_metrics()
    world.upload("metrics/late.csv", ratios(DAYS[0], {"v": (1, 2)}, metric="m"))
    world.upload("metrics/more.csv", (HEADER + f"w,user_id,{DAYS[3]},other,1,,\n").encode())
    for day in (DAYS[0], DAYS[3]):
        ask_reprocess(world.context, Stream("acme", Dataset.METRICS), day)
    go_on(world)
    assert world.values(DAYS[3]) == {"u": 7, "w": 1}
