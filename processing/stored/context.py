"""What every job is given: the ports and the settings of the installation."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from processing.domain.days import PST, DayZone
from processing.domain.errors import LaterError
from processing.domain.queue_messages import CUSTOMER_WORK, DROP_EVENTS, STREAM_WORK
from processing.domain.readiness.observation import ReadinessPolicy
from processing.ports import AppendBlobs, BlobStore, Clock, NoTelemetry, Queue, Tables, Telemetry
from processing.stored.customer_config import ConfigCache
from processing.stored.recent import Recent

_WORK: Final = 0.25
"""The share of its time that an attempt must have worked, in any of the process's threads, to be at fault for its length."""


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
    """Account of staged rows, state and config."""
    tables: Tables
    """In the account of results."""
    append_blobs: AppendBlobs
    """Of the account of drop containers: rows that came over HTTP, until they are uploads."""
    drop_events: Queue
    stream_work: Queue
    customer_work: Queue
    clock: Clock
    sleep: Callable[[float], None] = time.sleep
    """Waits so many seconds before something is tried again; a test need not."""
    telemetry: Telemetry = field(default_factory=NoTelemetry)
    zone: DayZone = PST
    readiness: ReadinessPolicy = field(default_factory=ReadinessPolicy)
    retention: Retention = field(default_factory=Retention)
    own_results: BlobStore | None = None
    """Account of results, where it is not the lake's."""
    sweep_grace: timedelta = timedelta(minutes=2)
    """How old an unanswered upload must be before the sweep announces it: its own event is given the time."""
    first_bytes: int = 256 * 1024
    """What is read of an upload together with its properties: a small file whole, by one request."""
    files_at_a_time: int = 1
    """How many small uploads one call of the upload door works on at once; 1: the one of its message alone."""
    small_file_bytes: int = 8 * 1024 * 1024
    """Bytes as uploaded that these may have together; a larger upload is worked on alone."""
    attempt_limit: timedelta = timedelta(minutes=20)
    """How long one attempt at an upload or a day may take, by the host's clock."""
    program: str
    """Version of the program, for receipts and manifests."""
    configs: ConfigCache = field(default_factory=ConfigCache)
    recent: Recent = field(default_factory=Recent)
    """What ingest need not read for each upload."""
    scratch: Path | None = None
    """Where temporary folders are made; None for the system's place."""

    @property
    def results(self) -> BlobStore:
        """Account of results."""
        return self.lake if self.own_results is None else self.own_results

    def queues(self) -> Mapping[str, Queue]:
        """Every queue by its name."""
        return {DROP_EVENTS: self.drop_events, STREAM_WORK: self.stream_work, CUSTOMER_WORK: self.customer_work}

    def deadline(self) -> Callable[[], bool]:
        """Asks whether the attempt that begins now has taken as long as it may, and has worked for a good part of that.

        LaterError when it took as long with little work: then storage was slow, or the machine stood still, and neither is the
        file's fault.
        """
        end, begun = self.clock.now() + self.attempt_limit, time.process_time()

        def is_over() -> bool:
            if self.clock.now() < end:
                return False
            if time.process_time() - begun < _WORK * self.attempt_limit.total_seconds():
                raise LaterError("the attempt took as long as it may, and had to wait for most of that")
            return True

        return is_over
