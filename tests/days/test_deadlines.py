"""One attempt at a file or a day ends in time, and who is at fault for its length is told (contract section 3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from processing.domain.stream_state import DayState
from tests.support.in_memory import ServiceTime
from tests.support.memory import Memory, metrics

D1 = date(2026, 11, 17)


class HurriedClock:
    """An hour goes by between two looks."""

    def __init__(self, time: ServiceTime) -> None:
        self._time = time

    def now(self) -> datetime:
        self._time.advance(timedelta(hours=1))
        return self._time()


def test_a_file_that_keeps_a_worker_busy_for_too_long_is_refused() -> None:
    world = Memory()
    world.context = replace(world.context, attempt_limit=timedelta(0))
    assert world.upload("metrics/a.csv", metrics(D1, {"u": 1})) == "rejected"
    error = world.receipt("metrics/a.csv")["error"]
    assert error["code"] == "takes_too_long"
    assert "upload several" in error["message"]
    assert world.upload("signals/done.csv", f"finished_date\n{D1}\n".encode()) == "rejected"


def test_a_file_that_had_to_wait_for_most_of_the_time_is_tried_again() -> None:
    world = Memory()
    patient = world.context
    world.context = replace(patient, clock=HurriedClock(world.time))
    assert world.upload("metrics/a.csv", metrics(D1, {"u": 1})) == "failed"
    world.context = patient
    world.pass_time(hours=2)
    world.sweep()
    assert world.receipt("metrics/a.csv")["status"] == "accepted"


def test_a_day_that_keeps_a_worker_busy_for_too_long_fails_and_is_tried_again() -> None:
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/{D1}")
    patient = world.context
    world.context = replace(patient, attempt_limit=timedelta(0))
    world.settle()
    assert world.states() == {D1: DayState.FAILED}
    world.context = patient
    world.settle()
    assert world.values(D1) == {"u": 1}
