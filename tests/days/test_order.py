"""Which day comes first, what missing markers and refused files do, and days of 23 and 25 hours (contract section 6)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.days import PST, day_zone
from processing.domain.errors import OperatorError
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.days.work_stream import WorkOutcome
from processing.jobs.operate import mark_ready, move_first_day, retry_now
from processing.stored.installation import check_zone
from processing.views.status import status
from tests.support.in_memory import InMemoryBlobStore, ServiceTime
from tests.support.memory import Memory, metrics

D1, D2, D3 = date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19)


def with_days(*days: date, config: str = "") -> Memory:
    """A customer who has uploaded a row for each day."""
    world = Memory()
    if config:
        world.config(config)
    for day in days:
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": day.day}))
    return world


def test_a_day_without_a_marker_holds_those_after_it() -> None:
    world = with_days(D1, D2, D3)
    world.upload(f"signals/{D1}")
    world.upload(f"signals/{D3}")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED, D3: DayState.WAITING}
    assert world.day(D3).waiting_for == (str(D2),)


def test_a_marker_stands_for_earlier_days_where_gaps_are_inferred() -> None:
    world = with_days(D1, D3, config="gap_policy: infer\n")
    world.upload(f"signals/{D1}")
    world.upload(f"signals/{D3}")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED, D2: DayState.PROCESSED_EMPTY, D3: DayState.PROCESSED}


def test_four_weeks_of_markers_at_once_are_processed_in_order() -> None:
    days = [D3 - timedelta(days=back) for back in range(27, -1, -1)]
    world = with_days(*days)
    for day in reversed(days):
        world.upload(f"signals/{day}")
    world.settle()
    assert world.states() == dict.fromkeys(days, DayState.PROCESSED)
    published = [world.day(day).published for day in days]
    assert [each.seq for each in published if each] == list(range(1, 29))


def test_years_are_taken_up_from_the_first_day_of_the_config() -> None:
    world = with_days(date(2024, 11, 18), D1, config="first_day: 2026-10-01\ngap_policy: infer\n")
    world.upload(f"signals/{D1}")
    world.settle()
    assert min(world.states()) == date(2026, 10, 1)
    assert world.states()[D1] is DayState.PROCESSED
    assert len(world.states()) == (D1 - date(2026, 10, 1)).days + 1


def test_the_operator_moves_the_first_day_both_ways() -> None:
    world = with_days(D1, D2, D3)
    world.upload(f"signals/{D3}")
    world.settle()
    assert world.states() == {D3: DayState.PROCESSED}
    world.upload(f"signals/{D2}")
    move_first_day(world.context, Stream("acme", Dataset.METRICS), D2)
    world.settle()
    assert world.states() == {D2: DayState.PROCESSED, D3: DayState.PROCESSED}
    world.config("first_day: 2026-11-17\n")
    with pytest.raises(OperatorError, match="change it there"):
        move_first_day(world.context, Stream("acme", Dataset.METRICS), D3)


@pytest.mark.parametrize("policy", ["publish", "wait"])
def test_refused_files_do_as_the_config_says(policy: str) -> None:
    world = with_days(D1, config=f"on_refused: {policy}\n")
    world.upload("metrics/bad.csv", b"no,columns\n")
    world.upload(f"signals/{D1}")
    world.settle()
    if policy == "publish":
        assert world.states() == {D1: DayState.PROCESSED}
        assert world.status(D1)["refused"] == ["metrics/bad.csv"]
        assert "without 1 refused uploads" in world.status(D1)["history"][-1]["cause"]
    else:
        assert world.states() == {D1: DayState.WAITING}
        assert world.day(D1).waiting_for == ("metrics/bad.csv",)
        world.upload("metrics/bad.csv", metrics(D1, {"v": 1}))
        world.tick()
        assert world.values(D1) == {"u": 17, "v": 1}


def test_a_refused_file_is_named_by_the_first_day_that_is_cut_after_it_alone() -> None:
    world = with_days(D1, D2)
    world.upload("metrics/bad.csv", b"no,columns\n")
    world.pass_time(minutes=5)
    world.upload(f"signals/{D1}")
    world.settle()
    world.pass_time(minutes=5)
    world.upload(f"signals/{D2}")
    world.settle()
    assert [world.status(day)["refused"] for day in (D1, D2)] == [["metrics/bad.csv"], []]


def test_a_marker_later_than_the_customers_habit_shows_and_then_no_more() -> None:
    world = Memory(time=ServiceTime(PST.end_of(D1)))
    world.config("first_day: 2026-11-17\n")
    for day in (D1, D2, D3):
        world.time.advance(PST.end_of(day) + timedelta(hours=2) - world.time())
        world.upload(f"signals/metrics/{day}")
        world.settle()
    today = date(2026, 11, 20)
    world.time.advance(PST.end_of(today) + timedelta(hours=2, minutes=50) - world.time())
    world.tick()
    assert today not in world.states()
    world.pass_time(minutes=61)  # a stream at rest is looked at once an hour
    world.tick()
    assert (world.states()[today], world.status(today)["late_marker"]) == (DayState.OPEN, True)
    world.upload(f"signals/metrics/{today}")
    world.settle()
    assert (world.states()[today], world.status(today)["late_marker"]) == (DayState.PROCESSED_EMPTY, False)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2025, 11, 2), 25)])
def test_days_of_another_zone_may_have_other_lengths(day: date, hours: int) -> None:
    zone = day_zone("America/Los_Angeles")
    assert zone.end_of(day) - zone.start_of(day) == timedelta(hours=hours)
    world = Memory(zone=zone, time=ServiceTime(zone.start_of(day)))
    header = "timestamp,event_name,user\n"
    last = zone.end_of(day) - timedelta(seconds=1)
    rows = [zone.start_of(day), last, zone.end_of(day)]
    world.time.advance(timedelta(hours=hours + 1))
    text = header + "".join(f'{int(at.timestamp())},e,"{{""userID"":""u""}}"\n' for at in rows)
    world.upload("events/e.csv", text.encode())
    assert world.receipt("events/e.csv")["days"] == {str(day): 2, str(day + timedelta(days=1)): 1}
    world.upload(f"signals/{day}")
    world.settle()
    assert world.states(Dataset.EVENTS) == {day: DayState.PROCESSED}
    assert world.table("events").height == 2


def test_the_zone_is_kept_with_the_first_rows_and_no_other_is_taken() -> None:
    world = Memory()
    check_zone(world.lake, day_zone("America/Los_Angeles"))
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    check_zone(world.lake, day_zone("PST"))
    with pytest.raises(OperatorError, match="began with PST"):
        check_zone(world.lake, day_zone("America/Los_Angeles"))


class FailingLake(InMemoryBlobStore):
    """Cannot read one staged day."""

    def get(self, container: str, name: str):  # type: ignore[no-untyped-def]
        if container == "staged" and f"pst_date={D2}" in name and self.broken:
            raise OperatorError("no permission")
        return super().get(container, name)

    broken = True


def test_a_day_that_fails_is_named_tried_again_and_tried_at_once_when_the_operator_says_so() -> None:
    world = with_days(D1, D2, D3)
    broken = FailingLake(world.time)
    broken._containers = world.lake._containers
    object.__setattr__(world.context, "lake", broken)
    for day in (D1, D2, D3):
        world.upload(f"signals/{day}")
    world.pass_time(hours=2)
    assert world.tick() == [WorkOutcome.FAILED]
    assert world.states() == {D1: DayState.PROCESSED, D2: DayState.FAILED, D3: DayState.WAITING}
    assert world.status(D2)["error"] == "no permission"
    assert world.tick() == [WorkOutcome.DONE]  # its next try is not due
    broken.broken = False
    assert retry_now(world.context, "acme", None) == (0, 1)
    world.tick()
    assert set(world.states().values()) == {DayState.PROCESSED}


def test_operators_mark_a_day_as_customers_do() -> None:
    world = with_days(D1)
    assert mark_ready(world.context, "acme", D1, None) == f"signals/{D1}"
    world.answer_events()
    assert world.receipt(f"signals/{D1}")["marks"] == [f"metrics/{D1}"]
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    with pytest.raises(OperatorError, match="no customer nobody"):
        mark_ready(world.context, "nobody", D1, None)
    with pytest.raises(OperatorError, match="more than a day ahead"):
        mark_ready(world.context, "acme", date(2027, 1, 1), Dataset.METRICS)


def test_the_status_tells_what_each_day_waits_for_and_which_customer_cannot_be_listed() -> None:
    world = with_days(D1, D2)
    world.put("metrics/late.csv", metrics(D1, {"v": 1}))
    world.upload(f"signals/{D1}")
    world.settle()
    (customer,) = status(world.context, ["acme"]).customers
    assert customer.uploads is not None
    assert (customer.uploads.answered, customer.uploads.unanswered) == (3, 1)
    (stream,) = customer.streams
    assert [(day.day, day.state, day.waiting_for) for day in stream.days] == [
        (D1, DayState.WAITING, ("metrics/late.csv",)),
        (D2, DayState.OPEN, ()),
    ]
    assert [(day.files, day.rows) for day in stream.days] == [(1, 1), (1, 1)]
    world.put("metrics/\x01.csv")
    (customer,) = status(world.context, ["acme"]).customers
    assert customer.unlistable is not None
