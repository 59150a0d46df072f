"""What decides about the days of a stream: the settings, and what one look at storage found (contract section 6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from processing.domain.receipts import ReceiptSummary
from processing.domain.stream_state import DayChange, ExpectedFile, MarkerRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessPolicy:
    """The settings of the installation and of the customer that readiness depends on."""

    settle: timedelta = timedelta(seconds=60)
    """How long after it was written a marker takes effect."""
    first_day_wait: timedelta = timedelta(hours=1)
    """How old the stream's markers must be before its first day is fixed."""
    first_day_window: int = 28
    """Days back in which the first day is looked for."""
    first_day: date | None = None
    """The first day, where the customer's config names it."""
    infer_gaps: bool = False
    """Whether a marker stands for every earlier unprocessed day too."""
    wait_for_refused: bool = False
    """Whether a day waits for files that were refused."""
    hold_late: bool = False
    """Whether late rows leave a processed day as it is until the operator says otherwise."""
    late_threshold: float = 0.01
    """The share of a day's rows that must have joined or left before it is processed again."""
    late_window_days: int = 14
    """Age in days beyond which a day is not processed again by itself."""
    compare_every: timedelta = timedelta(hours=1)
    """How often published days are compared with the rows in force."""
    reconcile_every: timedelta = timedelta(days=7)
    """How often everything is listed again though nothing asks for it: what was lost or restored is found by it."""
    marker_margin: timedelta = timedelta(hours=1)
    """How much later than its habit a marker may be before it counts as late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMarker:
    """A marker that is there now and marks this stream."""

    day: date
    ref: MarkerRef
    written: datetime
    """Last-Modified."""
    own: bool
    """Whether it marks this stream alone."""
    alone: bool = True
    """Whether its blob marks this one day alone."""
    expected: tuple[ExpectedFile, ...] = ()
    """What its manifest names of this stream's folders; read only where the marker may take a cut."""


Marked = Mapping[date, tuple[ListedMarker, ...]]
"""Days to the markers that are in effect for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedUpload:
    """The present version of an upload."""

    etag: str
    modified: datetime
    """Last-Modified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What storage held, listed in this order: the time, the markers, the uploads, the receipts, the parts.

    Nothing uploaded before a listed marker can be missing from uploads, because their listing began later.
    """

    now: datetime
    markers: Sequence[ListedMarker]
    uploads: Mapping[str, ListedUpload] = field(default_factory=dict)
    """Data blobs of the stream, by name."""
    receipts: Mapping[str, ReceiptSummary] = field(default_factory=dict)
    """Upload name to the summary of its receipt, also of uploads that are gone."""
    parts: Mapping[date, Collection[str]] | None = None
    """Names of the parts in force of the days that are compared, maybe none; None when no day is."""
    is_of_all: bool = False
    """Whether everything was listed, so that all published days are among them."""
    changes: Mapping[date, DayChange] = field(default_factory=dict)
    """The rows that joined or left, of published days whose parts differ."""
    expected: Mapping[str, Sequence[ExpectedFile]] = field(default_factory=dict)
    """The long lists of expected files that were read (DayRecord.expected_in), by the name of their blob."""
    own_markers: bool = False
    """Of `exposures`: whether its own folder of signals ever marked anything."""
    has_unread_markers: bool = False
    """Whether anything that may mark days has no answer yet, so that it is not known which."""
