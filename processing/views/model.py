"""What status tells of an installation, a customer, its uploads and its streams (contract section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from processing.domain.attention.model import Attention
from processing.domain.datasets import Dataset
from processing.domain.stream_state import DayStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingUpload:
    """An upload without an answer."""

    name: str
    uploaded_at: datetime
    tries: int
    """Attempts that failed; 0 while there was none."""
    error: str | None
    """Why the last attempt failed."""
    next_try: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedUpload:
    """An upload or a marker of which the present version was refused."""

    name: str
    uploaded_at: datetime
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyMarker:
    """A marker that was uploaded before its day has ended."""

    name: str
    day: date
    takes_effect: datetime
    """When the day ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadsStatus:
    """Where the uploads of a customer stand."""

    answered: int
    unanswered: int
    """Without a current receipt, or with one that says that we could not answer yet."""
    oldest_unanswered: datetime | None
    """When the oldest of these was written."""
    waiting: tuple[WaitingUpload, ...]
    """Those without an answer, the oldest first, at most 100; of 20 of them also what the last attempt said."""
    failed: tuple[str, ...]
    """Names of those that we could not answer yet, at most 100."""
    refused: tuple[str, ...] = ()
    """Names of uploads and markers of which the present version was refused, the youngest first, at most 100."""
    refused_count: int = 0
    refusals: tuple[RefusedUpload, ...] = ()
    """Why the youngest 20 of these were refused."""
    early_markers: tuple[EarlyMarker, ...] = ()
    """Markers by name of days that have not ended, at most 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """Where the days of a stream stand."""

    dataset: Dataset
    first_day: date | None
    seq: int
    """The number of its last publication."""
    unfinished: date | None
    """The day whose publication is not in every table yet."""
    stopped: str | None
    """Why the stream stands still until an operator has fixed something; None while it does not."""
    attention: tuple[Attention, ...]
    """What the stream and its days need, and of whom."""
    days: tuple[DayStatus, ...]
    """Days with a marker, a publication or rows, in order; files and rows of days that are not published are those staged."""
    closed_days: int = 0
    """How many days are not among these because their rows were given up: their status documents are final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerStatus:
    """Where a customer stands."""

    customer: str
    unlistable: str | None
    """Why a container of the customer cannot be listed; None when all can. The rest is empty then."""
    broken_config: str | None = None
    """Why the customer's config is not in force, so that the last good one or the defaults are."""
    attention: tuple[Attention, ...] = ()
    """What the customer's config and uploads need, and of whom."""
    uploads: UploadsStatus | None = None
    streams: tuple[StreamStatus, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationStatus:
    """Where everything stands."""

    at: datetime
    """By the storage service's clock."""
    customers: tuple[CustomerStatus, ...]
    misplaced_configs: tuple[str, ...] = ()
    """Names in the container of configs that nobody reads, at most 100."""
    unlistable_configs: str | None = None
    """Why that container cannot be listed; None when it can."""
