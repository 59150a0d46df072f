"""The web app of one process, with what must be done beside its requests: rows become uploads, uses of keys are noted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from processing.jobs.failures import log_failure
from processing.jobs.journal.journal import Journal
from processing.stored.context import JobContext
from processing.stored.keys import Keys

_EVERY: Final = 5.0
"""Seconds between two looks."""
_PATIENCE: Final = 30.0
"""Seconds that a look which runs may still take at the stop."""

_log = structlog.get_logger()


@dataclass(slots=True)
class WebApp:
    """What answers requests, and its thread."""

    asgi: Any
    """The ASGI app."""
    journal: Journal
    keys: Keys
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @classmethod
    def begin(cls, context: JobContext, make: Callable[[JobContext, Journal, Keys], Any]) -> WebApp:
        """The app, with its thread running."""
        journal, keys = Journal(context), Keys(context)
        made = cls(asgi=make(context, journal, keys), journal=journal, keys=keys)
        made._thread = threading.Thread(target=made._run, name="web-background", daemon=True)
        made._thread.start()
        return made

    def stop(self) -> None:
        """End the thread, and make uploads of all rows that were taken; to be called once no request comes any more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
        self._look(everything=True)

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY):
            self._look()

    def _look(self, *, everything: bool = False) -> None:
        try:
            self.journal.roll(everything=everything)
            self.keys.write_uses()
        except Exception as error:  # noqa: BLE001 - the next look tries again
            log_failure(_log, "web_background_failed", error)
