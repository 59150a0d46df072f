"""For how long the status document of a day is kept (contract section 6, retention)."""

from __future__ import annotations

from datetime import date, timedelta

from processing.domain.stream_state import StreamState


def keeps_document(state: StreamState, day: date, *, today: date, receipts: int) -> bool:
    """Whether a day has a status document: until it is over and older than `receipts` days.

    By then no receipt speaks of it any more, and nothing is done to it. One that was deleted is not printed again; should the
    first day be moved before it, it is one that has a document.
    """
    return not state.is_over(day) or day + timedelta(days=receipts) >= today
