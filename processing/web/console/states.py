"""How states of days and statuses of uploads look: a shape, a word and a tone each, so that no colour alone tells anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from processing.domain.receipts import UploadStatus
from processing.domain.stream_state import DayState


@dataclass(frozen=True, slots=True)
class Look:
    """One of them."""

    shape: str
    word: str
    tone: str
    """A class of the style sheet: good, wait, bad or calm."""
    meaning: str


_DAYS: Final = {
    DayState.OPEN: Look("\u25cb", "open", "calm", "no marker yet"),
    DayState.READY: Look("\u25d4", "ready", "wait", "marked, and about to be processed"),
    DayState.WAITING: Look("\u25d1", "waiting", "wait", "marked, and something comes first"),
    DayState.PROCESSING: Look("\u25d5", "processing", "wait", "being processed now"),
    DayState.PROCESSED: Look("\u25cf", "processed", "good", "its results are published"),
    DayState.PROCESSED_EMPTY: Look("\u25cc", "empty", "good", "published without rows"),
    DayState.CHANGED: Look("\u25b2", "changed", "wait", "published, and rows joined or left since"),
    DayState.FAILED: Look("\u2715", "failed", "bad", "an error stopped it; it is tried again"),
}
LATE: Final = Look("\u2691", "late", "wait", "no marker yet, which is later than usual")
_FILES: Final = {
    UploadStatus.ACCEPTED: Look("\u25cf", "accepted", "good", "every row is in"),
    UploadStatus.ACCEPTED_WITH_REJECTS: Look("\u25d1", "accepted with rejects", "wait", "the good rows are in"),
    UploadStatus.REJECTED: Look("\u2715", "rejected", "bad", "nothing of it is in"),
    UploadStatus.IGNORED: Look("\u25cb", "ignored", "calm", "it is no data"),
    UploadStatus.FAILED: Look("\u21bb", "failed", "wait", "we could not answer yet, and try again"),
}
UNANSWERED: Final = Look("\u2026", "no answer yet", "wait", "it has not been read yet")
DAY_LEGEND: Final = (*_DAYS.values(), LATE)
FILE_LEGEND: Final = (*_FILES.values(), UNANSWERED)


def look_of_day(state: DayState, *, late_marker: bool = False) -> Look:
    """Of a day; a state that a newer program wrote shows as it is written."""
    if late_marker and state is DayState.OPEN:
        return LATE
    return _DAYS.get(state) or Look("?", str(state), "calm", "a newer version of the program knows it")


def look_of_file(status: str | None) -> Look:
    """Of an upload; None for one without an answer."""
    if status is None:
        return UNANSWERED
    return _FILES.get(UploadStatus(status)) or Look("?", status, "calm", "a newer version of the program knows it")
