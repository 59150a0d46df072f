"""Runs a timer-triggered function by its schedule, in UTC, never beside itself.

As in Azure, occurrences that pass while the function still runs are skipped. Unlike Azure nothing is remembered from one
start to the next, so a run is past due only when this process was late for it (a machine that slept).
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Final

from azure.functions.timer import TimerRequest
from cronsim import CronSim, CronSimError

from processing.domain.errors import OperatorError
from processing.local.host.doors import Door
from processing.local.host.failures import log_failure
from processing.local.loop import Loop
from processing.ports import Clock

_FIELDS: Final = 6
_LATE: Final = timedelta(seconds=1)
# The longest sleep: how soon a clock that was moved, or a machine that woke, is noticed.
_NAP: Final = 1.0


class TimerRunner:
    """One timer function and the thread that it runs on."""

    def __init__(self, door: Door, clock: Clock) -> None:
        self.name = door.name
        self._door = door
        self._clock = clock
        self._schedule = Schedule(door)
        self._last: datetime | None = None
        self._run_now = bool(door.trigger.get("runOnStartup"))
        self._loop = Loop(f"timer-{door.name}", self._once)

    def start(self) -> None:
        """Begin to keep the schedule."""
        self._loop.start()

    def stop(self) -> None:
        """Start no further run; returns at once."""
        self._loop.stop()

    def busy(self) -> bool:
        """Whether the function may still be running."""
        return self._loop.is_alive()

    def abandon(self) -> None:
        """Nothing to give back: the schedule will come round again."""

    def _once(self, stop: threading.Event) -> None:
        now = self._clock.now()
        due = now if self._run_now else self._schedule.after(now)
        self._run_now = False
        while (left := (due - self._clock.now()).total_seconds()) > 0:
            if stop.wait(min(left, _NAP)):
                return
        self._run(due)

    def _run(self, due: datetime) -> None:
        now = self._clock.now()
        request = TimerRequest(
            past_due=now - due >= _LATE,
            schedule_status={
                "Last": self._last.isoformat() if self._last else None,
                "Next": self._schedule.after(now).isoformat(),
                "LastUpdated": now.isoformat(),
            },
            schedule={"AdjustForDST": False},
        )
        self._last = now
        try:
            self._door.call(request)
        except Exception as error:  # noqa: BLE001 - whatever a function raises, its timer goes on
            log_failure(self.name, error)


class Schedule:
    """The NCRONTAB expression of a timer: second, minute, hour, day, month, day of the week."""

    def __init__(self, door: Door) -> None:
        self._expression = str(door.trigger.get("schedule", ""))
        fields = self._expression.upper().split()
        try:
            self.after(datetime(2000, 1, 1, tzinfo=UTC))
            # Five fields, L and # are of other crons: accepted here, they would fail only in Azure.
            known = len(fields) == _FIELDS and not any(sign in fields[3] + fields[5] for sign in "L#")
        except (CronSimError, StopIteration):
            known = False
        if not known:
            raise OperatorError(
                f"function {door.name}: the schedule {self._expression!r} is not of six fields that come true: "
                "second, minute, hour, day, month, weekday"
            )

    def after(self, moment: datetime) -> datetime:
        """The first occurrence later than `moment`."""
        occurrences = CronSim(self._expression, moment)
        # In NCRONTAB a day must fit both of its fields; other crons ask for either.
        occurrences.day_and = True
        return next(occurrences)
