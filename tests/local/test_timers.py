"""Timer functions run when their schedule says, one run at a time."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import azure.functions as func
import pytest

from processing.domain.errors import OperatorError
from processing.local.host.doors import doors_of
from processing.local.host.timers import Schedule, TimerRunner
from tests.local.conftest import RunHost
from tests.support.waiting import wait_until


def _app(schedule: str) -> func.FunctionApp:
    app = func.FunctionApp()

    @app.timer_trigger(schedule=schedule, arg_name="timer")
    def tick(timer: func.TimerRequest) -> None:
        """Do nothing."""

    return app


def _after(schedule: str, moment: datetime) -> datetime:
    (door,) = doors_of(_app(schedule), {})
    return Schedule(door).after(moment)


class _HandMovedClock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 20, 12, 0, 30, 250_000, tzinfo=UTC)
        self.looks = 0

    def now(self) -> datetime:
        self.looks += 1
        return self.time

    def move(self, seconds: int) -> None:
        """Once somebody waits by it: the first look says until when, the second how long that is."""
        before = self.looks
        wait_until(lambda: self.looks >= before + 2)
        self.time += timedelta(seconds=seconds)


def test_a_timer_fires_at_each_second_that_its_schedule_names() -> None:
    clock = _HandMovedClock()
    fired: list[datetime] = []
    past_due: list[bool] = []
    app = func.FunctionApp()

    @app.timer_trigger(schedule="* * * * * *", arg_name="timer")
    def tick(timer: func.TimerRequest) -> None:
        fired.append(clock.time)
        past_due.append(timer.past_due)

    (door,) = doors_of(app, {})
    runner = TimerRunner(door, clock)
    runner.start()
    begun = clock.time
    try:
        while len(fired) < 3:
            before = len(fired)
            clock.move(seconds=1)
            wait_until(lambda before=before: len(fired) > before)  # type: ignore[misc]
    finally:
        runner.stop()
        wait_until(lambda: not runner.busy())
    assert fired == [begun + timedelta(seconds=number) for number in range(1, 4)]
    assert not any(past_due)


def test_a_timer_never_runs_beside_itself_and_a_failure_does_not_end_it(run_host: RunHost) -> None:
    alone, overlaps, runs = threading.Lock(), [0], [0]
    app = func.FunctionApp()

    @app.timer_trigger(schedule="* * * * * *", arg_name="timer")
    def slow(timer: func.TimerRequest) -> None:
        if not alone.acquire(blocking=False):
            overlaps[0] += 1
            return
        time.sleep(1.2)
        runs[0] += 1
        alone.release()
        raise ValueError("every time")

    host = run_host(app)
    wait_until(lambda: runs[0] >= 2)
    assert host.stop()
    assert overlaps[0] == 0


class _LateClock:
    """Says that an hour has passed between the first look and the second, as after a machine's sleep."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> datetime:
        self.looks += 1
        return datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC) + timedelta(hours=1 if self.looks > 1 else 0)


def test_a_run_that_comes_late_says_so() -> None:
    app = func.FunctionApp()
    got: list[func.TimerRequest] = []

    @app.timer_trigger(schedule="0 */5 * * * *", arg_name="timer")
    def tick(timer: func.TimerRequest) -> None:
        got.append(timer)

    (door,) = doors_of(app, {})
    runner = TimerRunner(door, _LateClock())
    runner.start()
    wait_until(lambda: got)
    runner.stop()
    wait_until(lambda: not runner.busy())
    assert len(got) == 1
    assert got[0].past_due


@pytest.mark.parametrize(
    ("schedule", "moment", "due"),
    [
        ("0 */5 * * * *", "2026-11-20T12:03:10", "2026-11-20T12:05:00"),
        ("0 0 8 * * *", "2026-11-20T08:00:00", "2026-11-21T08:00:00"),
        ("30 0 0 * * MON-FRI", "2026-11-20T12:00:00", "2026-11-23T00:00:30"),
        ("0 0 0 1 * MON", "2026-11-20T12:00:00", "2027-02-01T00:00:00"),
    ],
)
def test_six_fields_are_read_as_ncrontab_in_utc(schedule: str, moment: str, due: str) -> None:
    assert _after(schedule, datetime.fromisoformat(moment + "Z")) == datetime.fromisoformat(due + "Z")


@pytest.mark.parametrize("schedule", ["*/5 * * * *", "0 0 0 L * *", "0 0 0 * * MON#1", "0 0 0 31 2 1", "nonsense", "00:05:00"])
def test_a_schedule_that_azure_would_refuse_is_refused_here(schedule: str) -> None:
    with pytest.raises(OperatorError, match="function tick: the schedule"):
        _after(schedule, datetime(2026, 11, 20, tzinfo=UTC))
