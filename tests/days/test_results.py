"""Results of experiments follow the days that they are computed from: in order, once, and again when one of these changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.readiness import results as readiness_of_results
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.days import publish_results
from processing.jobs.operate import ask_reprocess, move_first_day
from processing.stored.context import Retention
from processing.views.status import status
from tests.support.experiments import CONFIG, D1, D2, exposures, mark, two_groups, two_groups_on_two_days
from tests.support.memory import START, Memory, metrics

RESULTS = Dataset.EXPERIMENTS


@pytest.fixture
def world() -> Memory:
    return two_groups_on_two_days()


def rows(world: Memory, day: date) -> dict[tuple[str, str], dict[str, Any]]:
    """By metric and group."""
    found = world.table("experiment_results").filter(pl.col("pst_date") == day.isoformat()).to_dicts()
    assert len({(each["metric_name"], each["kind"], each["group_id"]) for each in found}) == len(found), "a row stands twice"
    return {(each["metric_name"], each["group_id"]): each for each in found}


def test_a_day_of_results_follows_the_days_of_its_streams(world: Memory) -> None:
    mark(world, D1)
    found = rows(world, D1)
    assert found["m", "control"]["mean"] == pytest.approx(1.15)
    assert found["m", "blue"]["delta"] == pytest.approx(1.4)
    assert found["m", "blue"]["ci_low"] < 1.4 < found["m", "blue"]["ci_high"]
    assert world.states(RESULTS) == {D1: DayState.PROCESSED}
    mark(world, D2)
    assert rows(world, D2)["m", "control"]["mean"] == pytest.approx(2.15), "totals run on from day to day"
    assert rows(world, D1) == found
    days = world.table("days").filter(pl.col("dataset") == "experiments").sort("pst_date")
    assert days["seq"].to_list() == [1, 2]
    assert days["experiment_results_version"].null_count() == 0


def test_nothing_happens_twice_while_nothing_changes(world: Memory) -> None:
    mark(world, D1, D2)
    before = world.state(RESULTS).seq
    for _ in range(3):
        world.pass_time(hours=2)
        world.tick()
    assert world.state(RESULTS).seq == before == 2


def test_a_day_waits_for_the_stream_that_is_behind(world: Memory) -> None:
    mark(world, D1)
    world.upload(f"signals/exposures/{D2}")
    world.settle()
    record = world.day(D2, RESULTS)
    assert record.state is DayState.WAITING
    assert record.waiting_for == (f"metrics of {D2}",)
    assert record.history[-1].cause == f"not published yet: metrics of {D2}"


def test_a_corrected_day_brings_its_results_after_it_and_all_that_follow(world: Memory) -> None:
    mark(world, D1, D2)
    world.upload("metrics/1.csv", metrics(D1, dict.fromkeys(two_groups(), 5.0)))
    world.settle()
    world.settle()
    assert rows(world, D1)["m", "blue"]["mean"] == 5.0
    assert rows(world, D2)["m", "blue"]["mean"] == 6.0
    record = world.day(D2, RESULTS)
    assert record.published is not None
    assert record.published.seq == 4, "each of them once"


def _forget_the_day_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day is not computed again when the results of the day before it are others."""
    for module in (readiness_of_results, publish_results):
        monkeypatch.setattr(module, "carried_to", lambda _state, _day: "")


def _forget_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day is not computed again when a day that it was computed from is published again."""
    monkeypatch.setattr(readiness_of_results.Sources, "digest", lambda _sources, _day: None)


@pytest.mark.parametrize("mutant", [None, _forget_the_day_before, _forget_what_was_read])
def test_a_program_that_does_not_follow_its_days_is_found_out(
    mutant: Callable[[pytest.MonkeyPatch], None] | None, world: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without covariates a day reads no day before its own: that one is corrected, it learns from its results alone."""
    if mutant is not None:
        mutant(monkeypatch)
    world.config("experiments:\n  button: {winsorize: 1, cuped_days: 0}\n")
    mark(world, D1, D2)
    world.upload("metrics/1.csv", metrics(D1, dict.fromkeys(two_groups(), 5.0)))
    world.settle()
    world.settle()
    found = tuple(rows(world, day)["m", "control"]["mean"] for day in (D1, D2))
    assert (found == pytest.approx((5.0, 6.0))) == (mutant is None), found


def test_a_unit_that_sees_two_groups_is_left_out_from_then_on(world: Memory) -> None:
    world.upload("exposures/b.csv", exposures(D2, {"c0": "blue", "b0": "blue"}))
    mark(world, D1, D2)
    assert rows(world, D1)["m", "control"]["units"] == 4
    assert rows(world, D2)["m", "control"]["units"] == 3
    assert {each["mixed_units"] for each in rows(world, D2).values()} == {1}
    assert rows(world, D2)["m", "blue"]["units"] == 4, "the same group again is no other group"


def test_another_definition_is_taken_with_the_last_day_and_from_its_first_exposure_on(world: Memory) -> None:
    mark(world, D1, D2)
    world.config("experiments:\n  button: {metrics: [m, n], confidence: 0.8}\n")
    world.pass_time(hours=2)
    world.tick()
    world.tick()
    found = rows(world, D2)
    assert found["m", "blue"]["mean"] == pytest.approx(rows(world, D2)["m", "blue"]["total"] / 4)
    assert found["m", "blue"]["confidence"] == 0.8
    assert found["n", "blue"]["note"] == "no_rows"
    assert rows(world, D1)["m", "blue"]["confidence"] == 0.95


def test_totals_run_from_the_first_published_day_though_the_stream_is_told_to_begin_later(world: Memory) -> None:
    mark(world, D1, D2)
    move_first_day(world.context, Stream("acme", Dataset.EXPOSURES), D2)
    container = blob_names.results_container(world.customer)
    for info in list(world.results.list_blobs(container, "_unit_totals/")):
        world.results.delete(container, info.name)
    ask_reprocess(world.context, Stream("acme", RESULTS), D2)
    world.tick()
    assert rows(world, D2)["m", "control"]["mean"] == pytest.approx(2.15)


def test_lost_totals_are_made_anew(world: Memory) -> None:
    mark(world, D1)
    container = blob_names.results_container(world.customer)
    for info in list(world.results.list_blobs(container, "_unit_totals/")):
        world.results.delete(container, info.name)
    mark(world, D2)
    assert rows(world, D2)["m", "control"]["mean"] == pytest.approx(2.15)


def test_an_experiment_that_nobody_defined_has_no_results(world: Memory) -> None:
    world.config("experiments: {other: {}}\n")
    mark(world, D1)
    assert rows(world, D1) == {}
    assert world.states(RESULTS) == {D1: DayState.PROCESSED_EMPTY}


def test_without_experiments_in_the_config_there_is_no_stream_of_results(world: Memory) -> None:
    world.config("late_threshold: 0.5\n")
    mark(world, D1)
    assert world.states(RESULTS) == {}
    assert not [
        info for info in world.lake.list_blobs(blob_names.STATE_CONTAINER, "streams/acme/") if "experiments" in info.name
    ]


def test_an_experiment_begins_and_ends_with_its_days(world: Memory) -> None:
    world.upload("exposures/b.csv", exposures(D2, {"new": "blue"}))
    world.config(f"experiments:\n  button: {{start: {D2}, end: {D2}}}\n")
    world.upload("metrics/3.csv", metrics(D2, {"new": 7.0}))
    mark(world, D1, D2)
    assert rows(world, D1) == {}
    assert rows(world, D2)["m", "blue"]["units"] == 1


def test_the_days_before_a_units_exposure_make_the_estimate_narrower(world: Memory) -> None:
    """The units differ from each other on the day before just as on the day of their exposure."""
    apart = {unit: float(number**2) for number, unit in enumerate(two_groups())}
    world = Memory()
    world.config(CONFIG)
    world.upload("metrics/1.csv", metrics(D1, apart))
    world.upload("metrics/2.csv", metrics(D2, {unit: value + (unit == "b1") for unit, value in apart.items()}))
    world.upload("exposures/a.csv", exposures(D2, two_groups()))
    world.upload(f"signals/metrics/{D1}")
    mark(world, D2)
    row = rows(world, D2)["m", "blue"]
    assert row["variance_reduction"] > 0.9
    assert row["cuped_ci_high"] - row["cuped_ci_low"] < row["ci_high"] - row["ci_low"]


def test_names_that_nothing_was_found_for_are_told_with_what_there_is(world: Memory) -> None:
    world.config(
        "experiments:\n  button: {control: contro, metrics: [mm], events: [click], weights: {blue: 1, red: 1}}\n  others:\n"
    )
    mark(world, D1)
    (found,) = (each for each in status(world.context, ["acme"]).customers[0].streams if each.dataset is RESULTS)
    assert [(each.code, each.message) for each in found.attention] == [
        ("experiment_unknown", "experiment button names group contro, which no unit is in; is it control"),
        ("experiment_unknown", "experiment button names group red, which no unit is in; there are blue, control"),
        ("experiment_unknown", "experiment button names metric mm, of which no unit has rows; is it m"),
        ("experiment_unknown", "experiment button names event click, of which no unit has rows"),
        ("experiment_unknown", "experiment others has no exposures yet"),
    ]
    assert {each["note"] for each in rows(world, D1).values()} == {"no_rows"}


def test_a_day_that_waits_is_told_with_what_it_waits_for(world: Memory) -> None:
    mark(world, D1)
    world.upload(f"signals/exposures/{D2}")
    world.settle()
    (found,) = (each for each in status(world.context, ["acme"]).customers[0].streams if each.dataset is RESULTS)
    assert [each.message for each in found.attention] == [f"results of {D2} wait for metrics of {D2}"]


def test_an_operator_has_results_computed_again(world: Memory) -> None:
    mark(world, D1, D2)
    before = rows(world, D1), rows(world, D2)
    ask_reprocess(world.context, Stream("acme", RESULTS), D1)
    world.tick()
    world.tick()
    assert (rows(world, D1), rows(world, D2)) == before
    assert world.state(RESULTS).seq == 4
    assert world.states(RESULTS) == {D1: DayState.PROCESSED, D2: DayState.PROCESSED}


def test_what_replaced_publications_kept_beside_the_tables_goes(world: Memory) -> None:
    mark(world, D1, D2)
    world.upload("exposures/a.csv", exposures(D1, {**two_groups(), "c9": "control"}))
    world.settle()
    world.settle()
    container = blob_names.results_container(world.customer)
    kept = {
        f"{output.table}/{file.path}"
        for day in (D1, D2)
        for output in world.manifest(day, RESULTS).kept
        for file in output.files
    }
    kept |= {
        f"{output.table}/{file.path}"
        for day in (D1, D2)
        for output in world.manifest(day, Dataset.EXPOSURES).kept
        for file in output.files
    }
    before = {info.name for info in world.results.list_blobs(container, "_")}
    assert before > kept
    world.pass_time(days=2)
    world.clean_up()
    assert {info.name for info in world.results.list_blobs(container, "_")} == kept
    world.upload("metrics/2.csv", metrics(D2, dict.fromkeys(two_groups(), 3.0)))
    world.settle()
    world.settle()
    assert rows(world, D2)["m", "control"]["mean"] == pytest.approx((4.6 + 4 * 3) / 5), "what it goes on from is there"


def test_closed_days_of_rows_close_those_of_results() -> None:
    """Results go on from totals, though the records of the days behind them have left the states."""
    world = Memory()
    world.context = replace(world.context, retention=Retention(staged=3, uploads=3, receipts=400))
    world.config(CONFIG)
    world.upload("exposures/a.csv", exposures(D1, two_groups()))
    world.upload("metrics/1.csv", metrics(D1, dict.fromkeys(two_groups(), 1.0)))
    mark(world, D1)
    for number in range(1, 12):
        day = D1 + timedelta(days=number)
        world.time.advance(max(datetime.combine(day, START.time(), tzinfo=UTC) + timedelta(days=1) - world.time(), timedelta()))
        world.upload(f"metrics/{day}.csv", metrics(day, dict.fromkeys(two_groups(), 1.0)))
        world.upload(f"exposures/{day}.csv", exposures(day, {"c0": "control"}))
        mark(world, day)
        world.clean_up()
    last = D1 + timedelta(days=11)
    assert rows(world, last)["m", "control"]["mean"] == 12.0
    assert world.state(RESULTS).closed, "days of results have left the state"
    assert world.state(RESULTS).seq == 12, "each was computed once"
