"""What every job is given: the ports and the settings of the installation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from processing.domain.days import PST, DayZone
from processing.domain.listings import ReadinessPolicy
from processing.jobs.customer_config import ConfigCache
from processing.ports import BlobStore, Clock, Queue, Silence, Tables, Telemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Days for which things are kept (contract section 6)."""

    uploads: int = 30
    rejected: int = 30
    receipts: int = 400
    staged: int = 60
    """After the day that the rows belong to."""
    delta: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """The outside world of a job."""

    drop: BlobStore
    """Account of the drop and receipts containers."""
    lake: BlobStore
    """Account of staged rows, results, state and config."""
    tables: Tables
    drop_events: Queue
    stream_work: Queue
    clock: Clock
    sleep: Callable[[float], None] = time.sleep
    """Waits so many seconds before something is tried again; a test need not."""
    telemetry: Telemetry = field(default_factory=Silence)
    zone: DayZone = PST
    readiness: ReadinessPolicy = field(default_factory=ReadinessPolicy)
    retention: Retention = field(default_factory=Retention)
    sweep_grace: timedelta = timedelta(minutes=2)
    """How old an unanswered upload must be before the sweep announces it: its own event is given the time."""
    attempt_limit: timedelta = timedelta(minutes=20)
    """How long one attempt at an upload or a day may take, by the host's clock."""
    program: str
    """Version of the program, for receipts and manifests."""
    configs: ConfigCache = field(default_factory=ConfigCache)
    scratch: Path | None = None
    """Where temporary folders are made; None for the system's place."""

    def deadline(self) -> Callable[[], bool]:
        """Asks whether the attempt that begins now has taken as long as it may."""
        end = self.clock.now() + self.attempt_limit
        return lambda: self.clock.now() >= end
