"""What lies in the archive tier is refused, and read by itself once it is moved: that makes no new version of it."""

from __future__ import annotations

from datetime import date

from processing.domain.stream_state import DayState
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from processing.jobs.uploads.sweep import sweep_customer
from processing.ports import ARCHIVED
from tests.support.memory import Memory, metrics

DAY = date(2026, 11, 17)
NAME = "metrics/a.csv"


def test_an_archived_upload_is_refused_and_its_day_goes_on_without_it_until_it_is_moved() -> None:
    world = Memory()
    world.upload("metrics/b.csv", metrics(DAY, {"v": 2}))
    world.put(NAME, metrics(DAY, {"u": 1}))
    world.drop.make_unreadable(world.container, NAME, ARCHIVED)
    world.upload(f"signals/{DAY}")
    world.pass_time(hours=1)
    world.sweep()
    error = world.receipt(NAME)["error"]
    assert error["code"] == "unreadable_blob"
    assert "Hot tier" in error["message"]
    world.settle()
    assert (world.states(), world.status(DAY)["refused"]) == ({DAY: DayState.PROCESSED}, [NAME])
    world.sweep()
    assert world.receipt(NAME)["status"] == "rejected"  # announced no more while it lies there
    world.drop.make_unreadable(world.container, NAME, None)
    world.sweep()
    assert world.receipt(NAME)["status"] == "accepted"
    world.settle()
    assert world.values(DAY) == {"u": 1, "v": 2}


def test_a_refused_upload_that_is_archived_still_is_not_announced_again() -> None:
    world = Memory()
    world.put(NAME, b"x")
    world.drop.make_unreadable(world.container, NAME, ARCHIVED)
    world.pass_time(hours=1)
    world.sweep()
    assert sweep_customer(world.context, world.customer, 10) == 0


def test_an_upload_that_was_archived_after_its_answer_keeps_it_when_another_is_asked_for() -> None:
    world = Memory()
    world.upload(NAME, metrics(DAY, {"u": 1}))
    world.drop.make_unreadable(world.container, NAME, ARCHIVED)
    before = world.receipt(NAME)
    assert reingest(world.context, world.customer, ReingestFilter()) == 1
    world.answer_events()
    assert world.receipt(NAME) == before
    world.pass_time(hours=1)
    assert sweep_customer(world.context, world.customer, 10) == 0  # the request is done with
