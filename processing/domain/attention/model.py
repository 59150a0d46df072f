"""One thing that somebody should know, with who acts next and how."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Actor(StrEnum):
    """Who acts next."""

    CUSTOMER = "customer"
    OPERATOR = "operator"
    DROPZONE = "dropzone"
    """The installation itself: nobody need do anything."""


class AttentionCode(StrEnum):
    """What it is about; alerts and other programs go by it."""

    CONFIG_BROKEN = "config_broken"
    CONFIG_MISPLACED = "config_misplaced"
    DAY_CHANGED = "day_changed"
    DAY_FAILED = "day_failed"
    DAY_NOT_OVER = "day_not_over"
    DAY_NOT_MARKED = "day_not_marked"
    DAY_WAITING = "day_waiting"
    EARLIER_ROWS = "earlier_rows"
    EXPERIMENT_UNKNOWN = "experiment_unknown"
    FIRST_DAY_OPEN = "first_day_open"
    LATE_MARKER = "late_marker"
    MARKER_SETTLING = "marker_settling"
    NOT_DELETED = "not_deleted"
    NO_MARKER = "no_marker"
    STREAM_SILENT = "stream_silent"
    STREAM_STOPPED = "stream_stopped"
    TABLE_LOST = "table_lost"
    UPLOADS_FAILED = "uploads_failed"
    UPLOADS_REFUSED = "uploads_refused"
    UPLOADS_WAITING = "uploads_waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One fact, and what follows from it."""

    code: AttentionCode
    message: str
    """A sentence without a full stop; names of blobs and counts, never a value of a row."""
    who: Actor
    do: str
    """What they do: an upload, a command, or what happens by itself and when."""
    day: date | None = None
    """The day that it is about, if it is about one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedDay:
    """The rows in force of one day of a stream, published or not."""

    files: int = 0
    """Uploads that have rows of the day."""
    rows: int = 0
    oldest: date | None = None
    """The day on which the oldest of these uploads was written."""
