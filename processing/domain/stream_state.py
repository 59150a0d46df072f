"""The state of a stream and its days, and the status document of a day (contract section 6).

Each is a frozen record whose JSON form `documents` writes and reads. Instants are UTC; ETags carry no quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Self

from processing.domain.datasets import Dataset
from processing.domain.streams import Stream
from processing.domain.unknown import Unknown, foreign


class DayState(StrEnum):
    """Where a day of a stream stands; a state that a newer program wrote is kept as it is written."""

    OPEN = "open"
    READY = "ready"
    WAITING = "waiting"
    PROCESSING = "processing"
    PROCESSED = "processed"
    PROCESSED_EMPTY = "processed_empty"
    CHANGED = "changed"
    FAILED = "failed"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return foreign(cls, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerRef:
    """One version of a marker blob."""

    name: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of a day's history."""

    state: DayState
    at: datetime
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFile:
    """A file that a manifest of the customer names."""

    name: str
    """From the container's root."""
    rows: int | None = None
    md5: str | None = None
    """Of the bytes, 32 hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindChange:
    """Metrics that a day shows as another kind, value or ratio (contract section 4)."""

    metrics: tuple[str, ...]
    """At most 5 of them, those with the most such rows first; none where the config masks their names."""
    count: int
    """All of them."""
    rows: int
    """Rows that lose their value by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a day last published."""

    seq: int
    """The stream's publication number."""
    manifest: str
    """Name of the manifest in `state`."""
    files: int
    """Uploads whose rows are in it."""
    rows: int
    """Rows after duplicates were removed."""
    superseded: int
    """Rows that a later row replaced."""
    rows_in: int = 0
    """Rows of the parts that went in."""
    inputs: str = ""
    """Digest of the names of those parts: another one means that rows joined or left."""
    carried: str = ""
    """Digest of what earlier days gave to this one."""
    hands_on: str = ""
    """Digest of what this day gives to later ones, where that is no list of ratios."""
    ratios: int = 0
    """Metrics that the day's own rows show to be ratios: bit n stands for position n in the stream's `ratio_names`."""
    overflowed: int = 0
    """Totals that are beyond all floats, and so are null."""
    meaning: str = ""
    """Digest of what the config said of how rows are put together; empty where it said nothing."""
    kind_changed: KindChange | None = None
    """The metrics that are ratios on the day and were values before, or of which rows have no value by it; None for none."""
    unknown: Unknown = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayChange:
    """How the rows of a published day differ from what was published."""

    inputs: str
    """Digest of the parts that would go in now."""
    carried: str
    """Digest of what earlier days would give now."""
    joined: int = 0
    """Rows of parts that joined."""
    left: int = 0
    """Rows of parts that left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRecord:
    """One day of a stream, as its state blob holds it."""

    state: DayState = DayState.OPEN
    revision: int = 0
    """The revision of the stream state that last changed this record."""
    stamp: str = ""
    """Drawn at random with every change, as revisions come again after a restore."""
    markers: tuple[MarkerRef, ...] = ()
    """Every marker that has been in effect for the day, each in the version that was seen last."""
    marked_at: datetime | None = None
    """When the first of them was written, by the service's clock."""
    round: int = 0
    """Rises with every cut, so that a publication knows whether the day was cut again while it was computed."""
    cut: tuple[str, ...] | None = None
    """Uploads that the day still waits for; None until its cut is taken. Days that one look cut share one list."""
    cut_at: datetime | None = None
    expected_files: tuple[ExpectedFile, ...] = ()
    """Files of manifests that are not in as the manifest says: all of them, or the first where `expected_in` has all."""
    expected_in: str | None = None
    """Name of the blob that holds a long list of expected files; None for a short one."""
    expected_count: int = 0
    """How many files `expected_in` has that are not in yet."""
    mismatch: str | None = None
    """How files that are in differ from the manifest."""
    refused: tuple[str, ...] = ()
    """Uploads that the day is published without because they were refused."""
    waiting_for: tuple[str, ...] = ()
    """Why the day is not processed yet, in words and names, at most 100."""
    published: Published | None = None
    reprocess: str | None = None
    """Why the published day is to be processed again; None when it is not."""
    touched: bool = False
    """Whether the rows in force of the published day may be others than when they were compared last."""
    change: DayChange | None = None
    """What a reprocess would change; None when nothing."""
    difference: str | None = None
    """Name of the blob, beside the status document, that holds what the last reprocess changed."""
    late_marker: bool = False
    """Whether the marker is later than the customer's habit."""
    attempt: str | None = None
    """Id of the attempt that has the day in hand, or had it last."""
    tries: int = 0
    """Attempts at the day that were begun and have not ended; those whose workers died never do."""
    failures: int = 0
    next_try: datetime | None = None
    error: str | None = None
    history: tuple[Change, ...] = ()
    """The last 10; the status document has more of them."""
    unknown: Unknown = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The uploads that must be answered before the first day of a stream is fixed: a cut like that of a day."""

    markers: str
    """Digest of the markers that decide; another one means that it must be taken anew."""
    cut: tuple[str, ...]
    """Uploads that were there before those markers and have no answer yet."""
    at: datetime
    """When it was taken, or last looked at without finding a first day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredRows:
    """Rows before the first day that retention gave up, so that nobody takes them for lost."""

    before: date
    """They are of days before this one."""
    arrived: datetime
    """They came in uploads that were written at this instant or earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedDays:
    """Closed days in a row, of one month, whose records stand in a document of their own, and what they give to later days."""

    first: date
    last: date
    document: str
    """Name of the document in `state`: a stream's state with these days alone. It is never written again."""
    ratios: int = 0
    """The ratios of all these days (Published.ratios)."""
    hands_on: str = ""
    """The digest of what all these days give to later ones (Published.hands_on)."""
    known_keys: str | None = None
    """Name of the file in `state` with the keys of all their first exposures; None where there is none."""

    def has(self, day: date) -> bool:
        """Whether a day is one of them."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """All that is decided about one stream, in one blob written only with If-Match (protocol, Objects)."""

    customer: str
    dataset: Dataset
    revision: int = 0
    """Rises with every write."""
    epoch: int = 0
    """Rises with every claim."""
    holder: str | None = None
    """The claim that may publish."""
    seq: int = 0
    """The number of the last publication."""
    first_day: date | None = None
    opening: Opening | None = None
    """What the first day waits for; None when it is known, or no marker asks for it yet."""
    pending: date | None = None
    """The day whose publication `seq` is committed and not yet in every table."""
    compared_at: datetime | None = None
    """When published days were last compared with the rows in force, by the service's clock."""
    reconciled_at: datetime | None = None
    """When everything was listed last, by the service's clock. Until it was once, no note tells of rows that came before."""
    own_markers: bool = False
    """Of `exposures`: whether a marker for it alone was ever used, so that those of `events` mark it no more."""
    first_seen: Mapping[str, datetime] = field(default_factory=dict)
    """When markers that have not settled were first seen, by their names and by the service's clock."""
    closed_through: date | None = None
    """The staged rows of published days up to this one are given up: none of these days can be processed again."""
    given_up: ExpiredRows | None = None
    """Which rows of days before the first are given up, too."""
    stopped: str | None = None
    """Why the stream stands still until an operator has fixed something; None while it does not."""
    ratio_names: tuple[str, ...] = ()
    """The metrics that any published day showed to be ratios; days refer to them by position."""
    closed: tuple[ClosedDays, ...] = ()
    """Closed days that are not among `days` any more, in order."""
    days: Mapping[date, DayRecord] = field(default_factory=dict)
    unknown: Unknown = field(default_factory=dict)

    @property
    def stream(self) -> Stream:
        """Whose state it is."""
        return Stream(self.customer, self.dataset)

    def rests_since(self, marker: str, written: datetime) -> datetime:
        """Since when a marker is to settle: one that is rewritten all the time would never come to it."""
        return min(written, self.first_seen.get(marker, written))

    def is_published(self, day: date) -> bool:
        """Whether a day was published, and may be processed again or not."""
        record = self.days.get(day)
        return self.closed_with(day) is not None if record is None else record.published is not None

    def closed_with(self, day: date) -> ClosedDays | None:
        """The closed days that a day is one of whose record stands in a document of its own; None for any other day."""
        return next((each for each in self.closed if each.has(day)), None)

    def is_closed(self, day: date) -> bool:
        """Whether a day is published and its staged rows are given up."""
        return self.closed_through is not None and day <= self.closed_through and self.is_published(day)

    def is_comparable(self, day: date) -> bool:
        """Whether a day is published and may still be processed again."""
        return self.is_published(day) and not self.is_closed(day)

    def is_over(self, day: date) -> bool:
        """Whether nothing is done with a day any more: it is closed, or lies before the first day and was never published.

        A day that was published stays as long as its rows, also when the first day was moved behind it.
        """
        if self.is_published(day):
            return self.is_closed(day)
        return self.first_day is not None and day < self.first_day

    def is_awaited(self, day: date) -> bool:
        """Whether a day may still be published for the first time."""
        return not self.is_published(day) and not self.is_over(day)

    def closed_days(self) -> frozenset[date]:
        """All closed days."""
        apart = (each.first + timedelta(days=n) for each in self.closed for n in range((each.last - each.first).days + 1))
        return frozenset((*apart, *(day for day in self.days if self.is_closed(day))))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStatus:
    """The status document of a day, printed from the stream state and never read back."""

    customer: str
    dataset: Dataset
    day: date
    state: DayState
    seq: int | None
    files: int
    """Of a day that is not published, what was staged when the document was printed; the same of `rows`."""
    rows: int
    superseded: int
    refused: tuple[str, ...]
    waiting_for: tuple[str, ...]
    history: tuple[Change, ...]
    error: str | None
    late_marker: bool = False
    changed: DayChange | None = None
    """Rows that joined or left since the publication."""
    difference: str | None = None
    """Name of the blob that holds what the last reprocess changed."""
    reprocess_until: date | None = None
    """The last day on which the rows are kept that another processing needs."""
    needs: str | None = None
    """What stands in the way of the day, and who does what about it; None when nothing does."""
    tries: int = 0
    """Attempts that ended their worker without a word."""
    overflowed: int = 0
    """Totals of the publication that are beyond all floats, and so are null."""
    kind_changed: KindChange | None = None
    """The metrics that are ratios on the day and were values before, or of which rows have no value by it; None for none."""
