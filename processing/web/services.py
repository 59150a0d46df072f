"""What the calls share: the outside world, the journal, the keys and the limits of one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from processing.jobs.journal.journal import Journal
from processing.stored.context import JobContext
from processing.stored.customer_config import LoadedConfig, load_config
from processing.stored.keys import Keys
from processing.web.limits import FailedAttempts, FairUse
from processing.web.operators import Operators
from processing.web.shared_checks import SharedChecks
from schemas.customer_config import Limits

_CLOCK_KEPT: Final = timedelta(minutes=5)


@dataclass(slots=True)
class Services:
    """One for each process; safe to share between threads."""

    context: JobContext
    journal: Journal
    keys: Keys
    operators: Operators = field(default_factory=lambda: Operators(None))
    """Whose tokens of Entra are taken; nobody's unless the installation says so."""
    seconds: Callable[[], float] = time.monotonic
    """A clock that only goes on, for limits."""
    fair_use: FairUse = field(init=False)
    failed_attempts: FailedAttempts = field(init=False)
    checks: SharedChecks = field(init=False)

    def __post_init__(self) -> None:
        """The limits begin unused."""
        self.fair_use = FairUse(self.seconds)
        self.failed_attempts = FailedAttempts(self.seconds)
        self.checks = SharedChecks(self.context)

    def now(self) -> datetime:
        """The storage service's time, by the host's clock and how far that was off a few minutes ago."""
        clock = self.context.clock

        def offset() -> timedelta:
            return self.context.drop.service_time() - clock.now()

        return clock.now() + self.context.recent.get("service clock", clock.now(), offset, keep=_CLOCK_KEPT)

    def config_of(self, customer: str) -> LoadedConfig:
        """What is in force for a customer, as ingest remembers it."""

        def read() -> LoadedConfig:
            return load_config(self.context.lake, customer, self.context.configs)

        return self.context.recent.get(
            ("config", customer), self.context.clock.now(), read, keeps=lambda loaded: loaded.problem is None
        )

    def limits_of(self, customer: str) -> Limits:
        """How much a customer may send."""
        return self.config_of(customer).config.limits
