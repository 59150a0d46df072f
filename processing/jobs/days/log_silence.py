"""One log event for a stream that nobody marks, for alerts: it has rows and never had a marker, or it fell silent."""

from __future__ import annotations

from datetime import datetime

import structlog

from processing.domain.readiness.silence import last_marked, silent_days, was_marked
from processing.domain.stream_state import StreamState
from processing.stored.change_notes import list_changes
from processing.stored.context import JobContext

_log = structlog.get_logger()


def log_silence(context: JobContext, state: StreamState, now: datetime) -> None:
    """Say how long the rows of a stream have waited for its first marker, or how many days ended since its last.

    A look at a stream that is marked asks storage for nothing here.
    """
    if not was_marked(state):
        # Notes of rows stay until their days are published.
        since = min((each.written for each in list_changes(context.lake, state.stream)), default=None)
        if since is not None:
            seconds = (now - since).total_seconds()
            _log.info("stream_unmarked", customer=state.customer, dataset=state.dataset, seconds=seconds)
        return
    last = last_marked(state)
    if last is not None and (days := silent_days(last, context.zone, now)):
        _log.info("stream_silent", customer=state.customer, dataset=state.dataset, day=last.isoformat(), days=days)
