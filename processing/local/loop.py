"""Runs a piece of work on a thread of its own, again and again, until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger()

_PAUSE_AFTER_ERROR: Final = 1.0


class Loop:
    """A daemon thread that calls `once(stop)` until stopped; `once` does its own waiting, on `stop`.

    It is a daemon so that work which never ends cannot keep the process alive. An error that nobody expected ends one
    turn, not the loop.
    """

    def __init__(self, name: str, once: Callable[[threading.Event], None]) -> None:
        self._once = once
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no further turn; returns at once."""
        self._stop.set()

    @property
    def stopping(self) -> threading.Event:
        """Set by `stop`; what `once` is given."""
        return self._stop

    def is_alive(self) -> bool:
        """Whether a turn is still running."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait until the last turn has ended, but no longer than `seconds`."""
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._once(self._stop)
            except Exception:
                log.exception("loop_failed", loop=self._thread.name)
                self._stop.wait(_PAUSE_AFTER_ERROR)
