"""What every timer does with the queues: it tells how full they are, and sends work unless the workers are behind."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from processing.domain.telemetry_names import QUEUE_AGE, QUEUE_LENGTH, Attribute
from processing.jobs.failures import log_failure
from processing.ports import Queue
from processing.stored.context import JobContext

_log = structlog.get_logger()


def send_unless_behind(queue: Queue, messages: Sequence[str], *, may_wait: int) -> tuple[int, int]:
    """Send all messages, or none while more than `may_wait` are there already; returns how many, and how many were there.

    Workers that are behind are not helped by more messages about the same things. Messages that are being worked on count.
    """
    waiting = queue.length()
    sent = () if waiting > may_wait else messages
    for message in sent:
        queue.send(message)
    return len(sent), waiting


def measure_queues(context: JobContext) -> None:
    """Tell of each queue how many messages it holds and how long the next one has waited.

    A queue that cannot be asked holds up nothing else.
    """
    for name, queue in context.queues().items():
        try:
            messages, since = queue.length(), queue.waiting_since()
        except Exception as error:  # noqa: BLE001 - the timer's own work does not depend on it
            log_failure(_log, "queue_not_measured", error, queue=name)
            continue
        # Two clocks: the service's and the host's.
        seconds = 0.0 if since is None else max(0.0, (context.clock.now() - since).total_seconds())
        context.telemetry.measure(QUEUE_LENGTH, messages, {Attribute.QUEUE: name})
        context.telemetry.measure(QUEUE_AGE, seconds, {Attribute.QUEUE: name})
        _log.info("queue_measured", queue=name, messages=messages, oldest_seconds=seconds)
