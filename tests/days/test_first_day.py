"""The first day is fixed by what lay there before its markers, all of it, and not by what happens to be answered first."""

from __future__ import annotations

from datetime import date, timedelta

from processing.domain.datasets import Dataset
from processing.domain.stream_state import DayState
from processing.jobs.uploads.receive_file import receive_file
from tests.support.all_customers import clean_up_all
from tests.support.memory import Memory, metrics

DAYS = [date(2026, 11, 15) + timedelta(days=each) for each in range(4)]
EXPOSURE = '{{"timestamp":"{day}T10:00:00Z","event_name":"e","user":{{"userID":"u"}}}}\n'


def backlog() -> Memory:
    """Four marked days, of which the third alone was answered."""
    world = Memory()
    for day in DAYS:
        world.put(f"metrics/{day}.csv", metrics(day, {"u": 1}))
    for day in DAYS:
        world.upload(f"signals/{day}")
    receive_file(world.context, world.container, f"metrics/{DAYS[2]}.csv")
    return world


def test_a_backlog_that_is_longer_than_an_hour_does_not_move_the_first_day() -> None:
    world = backlog()
    world.settle()
    assert world.state().first_day is None
    waiting = world.status(DAYS[2])["waiting_for"]
    assert waiting == [f"metrics/{day}.csv" for day in DAYS if day != DAYS[2]]
    world.sweep()
    world.tick()
    assert world.state().first_day == DAYS[0]
    assert [world.values(day) for day in DAYS] == [{"u": 1}] * 4


def test_uploads_after_the_markers_do_not_hold_the_first_day() -> None:
    world = backlog()
    world.settle()
    for day in DAYS:
        receive_file(world.context, world.container, f"metrics/{day}.csv")
    world.put("metrics/later.csv", metrics(DAYS[3], {"v": 1}))
    world.tick()
    assert world.state().first_day == DAYS[0]


def test_a_marker_that_comes_while_the_first_day_is_looked_for_counts_with_what_lay_there_before_it() -> None:
    world = Memory()
    world.upload(f"metrics/{DAYS[1]}.csv", metrics(DAYS[1], {"u": 1}))
    world.put("metrics/slow.csv", metrics(DAYS[1], {"v": 1}))
    world.upload(f"signals/{DAYS[1]}")
    world.settle()
    assert world.state().first_day is None
    world.put(f"metrics/{DAYS[0]}.csv", metrics(DAYS[0], {"u": 1}))
    world.upload(f"signals/{DAYS[0]}")
    receive_file(world.context, world.container, "metrics/slow.csv")
    world.settle()
    assert world.state().first_day is None, "the file of the marker before it has no answer yet"
    world.sweep()
    world.tick()
    assert world.state().first_day == DAYS[0]


def test_a_file_of_finished_dates_without_an_answer_keeps_the_first_day_open() -> None:
    world = Memory()
    for day in DAYS[:2]:
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}))
    world.put("signals/done.csv", f"finished_date\n{DAYS[0]}\n".encode())
    world.upload(f"signals/{DAYS[1]}")
    world.settle()
    assert world.state().first_day is None
    world.sweep()
    world.settle()
    assert world.state().first_day == DAYS[0]


def test_uploads_that_were_all_refused_make_no_stream_and_hold_nothing() -> None:
    world = Memory()
    assert world.upload("events/readme.txt", b"hello") == "rejected"
    for day in DAYS:
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}))
        world.upload(f"signals/{day}")
    assert world.receipt(f"signals/{DAYS[0]}")["marks"] == [f"metrics/{DAYS[0]}"]
    world.settle()
    assert world.states(Dataset.EVENTS) == {}
    world.pass_time(days=70)
    world.tick()
    clean_up_all(world.context)
    assert not list(world.drop.list_blobs(world.container, "signals/"))


def test_a_stream_that_was_one_only_while_its_upload_had_no_answer_shows_nothing_that_waits() -> None:
    world = Memory()
    world.put("events/readme.txt", b"hello")
    world.upload(f"metrics/{DAYS[0]}.csv", metrics(DAYS[0], {"u": 1}))
    world.upload(f"signals/{DAYS[0]}")
    world.settle()
    assert world.states(Dataset.EVENTS) == {DAYS[0]: DayState.WAITING}
    assert world.status(DAYS[0], Dataset.EVENTS)["waiting_for"] == ["events/readme.txt"]
    world.sweep()
    world.tick()
    assert world.states(Dataset.EVENTS) == {DAYS[0]: DayState.OPEN}
    world.pass_time(days=40)
    world.tick()
    assert world.states(Dataset.EVENTS) == {}
    world.upload("events/e.ndjson", EXPOSURE.format(day="2026-12-29").encode())
    world.upload("signals/events/2026-12-29")
    world.settle()
    assert world.state(Dataset.EVENTS).first_day == date(2026, 12, 29)


def test_a_stub_of_a_folder_is_no_marker_of_exposures() -> None:
    world = Memory()
    exposures = "unit_id,experiment,group_id,timestamp\nu1,e,a,{day}T10:00:00Z\n"
    world.upload("exposures/1.csv", exposures.format(day=DAYS[0]).encode())
    world.upload(f"signals/events/{DAYS[0]}")
    world.settle()
    world.drop.put(world.container, "signals/exposures/", b"", metadata={"hdi_isfolder": "true"})
    world.drop.put(world.container, f"signals/exposures/{DAYS[1]}", b"", metadata={"hdi_isfolder": "true"})
    world.upload("signals/exposures/readme.txt", b"hello")
    world.tick()
    for name in ("signals/exposures/", f"signals/exposures/{DAYS[1]}"):
        world.drop.delete(world.container, name)
    world.upload("exposures/2.csv", exposures.format(day=DAYS[1]).encode())
    world.upload(f"signals/events/{DAYS[1]}")
    world.settle()
    assert world.states(Dataset.EXPOSURES) == dict.fromkeys(DAYS[:2], DayState.PROCESSED)


def test_a_first_day_before_the_closed_ones_can_still_come() -> None:
    world = Memory()
    for day in DAYS[2:]:
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}))
        world.upload(f"signals/{day}")
    world.settle()
    world.pass_time(days=62)
    world.tick()
    clean_up_all(world.context)
    assert world.state().is_closed(DAYS[2])
    world.config(f"first_day: {DAYS[1]}\n")
    world.upload("metrics/early.csv", metrics(DAYS[1], {"u": 1}))
    world.upload(f"signals/{DAYS[1]}")
    world.settle()
    assert world.values(DAYS[1]) == {"u": 1}
    assert world.states()[DAYS[1]] is DayState.PROCESSED
