"""What happens to a published day when its rows change (contract section 6, corrections)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess
from tests.support.memory import Memory, metrics, ratios

D1, D2, D3 = date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19)
MANY = {f"u{number}": float(number) for number in range(300)}


def published(values: dict[str, float] | None = None, *, config: str = "") -> Memory:
    """A customer whose D1 is published."""
    world = Memory()
    if config:
        world.config(config)
    world.upload("metrics/a.csv", metrics(D1, values or MANY))
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    return world


def test_a_change_of_more_than_a_hundredth_is_processed_again_and_told_before_and_after() -> None:
    world = published()
    world.upload("metrics/late.csv", metrics(D1, {f"v{number}": 1.0 for number in range(4)}))
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    assert len(world.values(D1)) == 304
    difference = world.difference(D1)
    assert (difference["seq"], difference["replaces"], difference["rows"]) == (2, 1, {"before": 300, "after": 304})
    assert (difference["files_joined"], difference["files_left"]) == (["metrics/late.csv"], [])
    (total,) = difference["totals"]
    assert (total["metric_name"], total["before"]["units"], total["after"]["units"]) == ("m", 300, 304)
    assert "4 rows joined and 0 left" in world.status(D1)["history"][-1]["cause"]


def test_a_smaller_change_is_shown_with_its_counts_and_left_alone() -> None:
    world = published()
    world.upload("metrics/late.csv", metrics(D1, {"v": 1.0}))
    world.settle()
    assert world.states() == {D1: DayState.CHANGED}
    changed = world.status(D1)["changed"]
    assert (changed["joined"], changed["left"]) == (1, 0)
    assert len(world.values(D1)) == 300
    # Changes add up.
    world.upload("metrics/later.csv", metrics(D1, {"w": 1.0, "x": 1.0, "y": 1.0}))
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    assert len(world.values(D1)) == 304


def test_rows_that_leave_count_like_rows_that_join() -> None:
    world = published()
    world.upload("metrics/a.csv", metrics(D1, dict(list(MANY.items())[:299])))
    world.settle()
    assert len(world.values(D1)) == 299  # 299 joined and 300 left: another attempt
    world.upload("metrics/a.csv", b"")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED_EMPTY}
    assert world.values(D1) == {}
    assert world.difference(D1)["totals"][0]["after"] is None


def test_a_change_that_is_taken_back_is_none() -> None:
    world = published()
    world.upload("metrics/late.csv", metrics(D1, {"v": 1.0}))
    world.settle()
    assert world.states() == {D1: DayState.CHANGED}
    world.upload("metrics/late.csv", b"")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    assert world.day(D1).published == published().day(D1).published or world.state().seq == 1


def test_an_empty_day_changes_with_its_first_row() -> None:
    world = Memory()
    world.upload("metrics/a.csv", metrics(D2, {"u": 1}))
    world.upload(f"signals/metrics/{D1}")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED_EMPTY}
    world.upload("metrics/b.csv", metrics(D1, {"u": 1}))
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}


def test_a_day_older_than_the_window_is_shown_and_left_alone_until_the_operator_asks() -> None:
    world = published()
    world.pass_time(days=15)
    world.upload("metrics/late.csv", metrics(D1, dict.fromkeys(MANY, 5.0)))
    world.settle()
    assert world.states() == {D1: DayState.CHANGED}
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), D1)
    assert world.states() == {D1: DayState.READY}
    world.tick()
    assert world.states() == {D1: DayState.PROCESSED}
    assert set(world.values(D1).values()) == {5.0}
    assert "the operator asked for it" in world.status(D1)["history"][-1]["cause"]


def test_held_changes_wait_for_a_marker_that_is_uploaded_again() -> None:
    world = published(config="late_policy: hold\n")
    world.upload("metrics/late.csv", metrics(D1, dict.fromkeys(MANY, 5.0)))
    world.settle()
    assert world.states() == {D1: DayState.CHANGED}
    world.upload(f"signals/{D1}")
    assert [each["code"] for each in world.receipt(f"signals/{D1}")["warnings"]] == ["marked_again"]
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    assert set(world.values(D1).values()) == {5.0}
    assert f"signals/{D1} was uploaded again" in world.status(D1)["history"][-1]["cause"]


def test_a_date_repeated_in_a_file_of_finished_dates_forces_nothing() -> None:
    world = published(config="late_policy: hold\n")
    world.upload("signals/done.csv", f"finished_date\n{D1}\n".encode())
    world.settle()
    world.upload("signals/done.csv", f"finished_date\n{D1}\n\n".encode())
    world.settle()
    assert world.state().seq == 1


def test_a_reprocess_waits_for_what_was_uploaded_before_it() -> None:
    world = published()
    world.put("metrics/late.csv", metrics(D1, {"v": 1.0}))
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.states() == {D1: DayState.WAITING}
    assert world.day(D1).waiting_for == ("metrics/late.csv",)
    assert len(world.values(D1)) == 300  # what is published stays in place
    world.sweep()
    world.tick()
    assert len(world.values(D1)) == 301


def test_a_marker_uploaded_again_before_its_day_is_processed_takes_a_new_cut() -> None:
    world = Memory()
    world.config(f"first_day: {D1}\n")
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.put("metrics/b.csv", metrics(D1, {"v": 1}))
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.day(D1).cut == ("metrics/b.csv",)
    world.put("metrics/c.csv", metrics(D1, {"w": 1}))
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.day(D1).cut == ("metrics/b.csv", "metrics/c.csv")
    world.sweep()
    world.tick()
    assert world.values(D1) == {"u": 1, "v": 1, "w": 1}


def test_the_kinds_of_metrics_are_carried_on_and_later_days_follow_a_reprocess() -> None:
    world = Memory()
    world.upload("metrics/1.csv", ratios(D1, {"u": (1, 2)}))
    both = "unit_id,id_type,date,metric_name,metric_value,numerator,denominator\n"
    world.upload("metrics/2.csv", (both + f"u,user_id,{D2},r,7,,\n").encode())
    world.upload("metrics/3.csv", (both + f"u,user_id,{D3},r,8,,\n").encode())
    for day in (D1, D2, D3):
        world.upload(f"signals/{day}")
    world.settle()
    assert [world.values(day) for day in (D1, D2, D3)] == [{"u": 0.5}, {"u": None}, {"u": None}]
    # Without its numerator the metric is a value on D1, and so on every later day.
    world.upload("metrics/1.csv", (both + f"u,user_id,{D1},r,6,,\n").encode())
    world.settle()
    assert [world.values(day) for day in (D1, D2, D3)] == [{"u": 6}, {"u": 7}, {"u": 8}]
    assert set(world.states().values()) == {DayState.PROCESSED}


def test_a_later_day_that_keeps_a_kind_alive_gives_it_on_when_an_earlier_one_loses_it() -> None:
    world = Memory()
    both = "unit_id,id_type,date,metric_name,metric_value,numerator,denominator\n"
    world.upload("metrics/1.csv", ratios(D1, {"u": (1, 2)}))
    world.upload("metrics/2.csv", ratios(D2, {"u": (1, 4)}))
    world.upload("metrics/3.csv", (both + f"u,user_id,{D3},r,8,,\n").encode())
    for day in (D1, D2, D3):
        world.upload(f"signals/{day}")
    world.settle()
    world.upload("metrics/1.csv", (both + f"u,user_id,{D1},r,6,,\n").encode())
    world.settle()
    assert [world.values(day) for day in (D1, D2, D3)] == [{"u": 6}, {"u": 0.25}, {"u": None}]


def test_first_exposures_move_to_the_day_that_has_them_first_after_a_reprocess() -> None:
    header = "timestamp,experiment,group_id,unit_id\n"
    noon = {day: f"{day}T20:00:00Z" for day in (D1, D2)}
    world = Memory()
    world.upload("exposures/1.csv", (header + f"{noon[D1]},e,a,u\n").encode())
    world.upload("exposures/2.csv", (header + f"{noon[D2]},e,a,u\n{noon[D2]},e,b,v\n").encode())
    for day in (D1, D2):
        world.upload(f"signals/{day}")
    world.settle()

    def firsts() -> set[tuple[str, str]]:
        return set(world.table("first_exposures").select("pst_date", "unit_id").iter_rows())

    assert firsts() == {(str(D1), "u"), (str(D2), "v")}
    world.upload("exposures/1.csv", b"")
    world.settle()
    assert firsts() == {(str(D2), "u"), (str(D2), "v")}


def test_the_days_table_names_the_version_of_each_table_after_a_reprocess() -> None:
    world = published()
    world.upload("metrics/late.csv", metrics(D1, dict.fromkeys(MANY, 5.0)))
    world.settle()
    (row,) = world.table("days").to_dicts()
    assert (row["seq"], row["pst_date"]) == (2, D1)
    results = "results-acme"
    for table in ("metric_rows", "metric_days"):
        named = world.tables.files(results, table, row[f"{table}_version"])
        assert named == world.tables.files(results, table)


def test_only_a_published_day_can_be_processed_again() -> None:
    world = published()
    with pytest.raises(OperatorError, match="has not published"):
        ask_reprocess(world.context, Stream("acme", Dataset.METRICS), D2)


def test_the_status_says_until_when_a_day_can_be_processed_again() -> None:
    assert published().status(D1)["reprocess_until"] == str(D1 + timedelta(days=60))
