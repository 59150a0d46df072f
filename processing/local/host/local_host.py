"""Runs the functions of an app on this machine as the Azure Functions host would, without Core Tools.

Timers, queues and HTTP are served by the app's own doors, unchanged, with the app's own host.json. Not imitated are
`functionTimeout`, retry policies and keys of the host.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, Protocol, Self

import azure.functions as func
import structlog

from processing.local.host.doors import HTTP, QUEUE, TIMER, doors_of
from processing.local.host.host_json import QueueSettings
from processing.local.host.http_server import HttpServer
from processing.local.host.queue_listener import QueueListener
from processing.local.host.timers import TimerRunner
from processing.local.host.work_queue import QueueFactory
from processing.ports import Clock
from processing.storage.clock import SystemClock

log = structlog.get_logger()

_LOOK: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """What differs from one start to the next."""

    port: int = 7071
    """Of the HTTP server; 0 takes a free one."""
    lease_seconds: int = 600
    """How long a message stays hidden; renewed at half of it while its function runs. So late it comes again after a kill."""
    max_poll_seconds: float = 0.5
    """Longest pause between two looks at an empty queue; host.json may say less."""
    grace_seconds: float = 10.0
    """How long running functions may go on after the stop."""


class LocalHost:
    """The functions of one app, from start to stop; a host runs once."""

    def __init__(
        self,
        app: func.FunctionApp,
        *,
        queues: QueueFactory,
        host_json: Mapping[str, Any],
        settings: Mapping[str, str],
        options: HostOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._app = app
        self._queues = queues
        self._host_json = host_json
        self._settings = settings
        self._options = options or HostOptions()
        self._clock = clock or SystemClock()
        self._runners: list[_Runner] = []
        self._http: HttpServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str | None:
        """Where the HTTP functions are served, without the route prefix; None when there are none or it is not started."""
        return self._http.url if self._http else None

    def start(self) -> None:
        """Begin to run every function; OperatorError, and nothing runs, when one of them cannot be."""
        doors = doors_of(self._app, self._settings)
        timers = [TimerRunner(door, self._clock) for door in doors if door.kind == TIMER]
        queue_settings = QueueSettings.read(self._host_json)
        listeners = [
            QueueListener(
                door,
                self._queues,
                queue_settings,
                lease_seconds=self._options.lease_seconds,
                max_poll_seconds=self._options.max_poll_seconds,
            )
            for door in doors
            if door.kind == QUEUE
        ]
        pages = [door for door in doors if door.kind == HTTP]
        if pages:
            self._http = HttpServer(pages, self._host_json, port=self._options.port)
        self._runners = [*([self._http] if self._http else []), *timers, *listeners]
        try:
            for runner in self._runners:
                runner.start()
        except BaseException:
            self.stop()
            raise
        log.info("host_started", functions=sorted(door.name for door in doors), url=self.url)

    def stop(self) -> bool:
        """Begin no new work, let running functions end within the grace; False when some had to be left behind."""
        if not self._runners:
            return True
        runners, self._runners = self._runners, []
        for runner in runners:
            runner.stop()
        deadline = time.monotonic() + self._options.grace_seconds
        while (busy := [runner for runner in runners if runner.busy()]) and time.monotonic() < deadline:
            time.sleep(_LOOK)
        for runner in busy:
            log.warning("function_left_behind", function=runner.name, grace_seconds=self._options.grace_seconds)
            runner.abandon()
        log.info("host_stopped", clean=not busy)
        return not busy

    def run_until_signal(self) -> bool:
        """Start unless started, run until Ctrl-C or SIGTERM, then stop; the answer is that of `stop`.

        A second signal raises KeyboardInterrupt at once. Call it from the main thread, which alone receives signals.
        """
        asked = 0

        def ask(_number: int, _frame: FrameType | None) -> None:
            nonlocal asked
            asked += 1
            if asked > 1:
                raise KeyboardInterrupt

        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("run_until_signal belongs on the main thread")
        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            if not self._runners:
                self.start()
            # Sleeping in short steps, because a handler that set an event could meet the event's lock held by this very thread.
            while not asked:
                time.sleep(_LOOK)
            log.info("host_stopping")
            return self.stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Runner(Protocol):
    """What serves one function, or all HTTP functions."""

    name: str

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """Take no new work."""

    def busy(self) -> bool:
        """Whether work is still running."""
        ...

    def abandon(self) -> None:
        """Leave what is running behind; the process is about to end."""
