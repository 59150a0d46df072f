"""The writing end of the journal: one for a process, safe to share between its threads (protocol, Journal).

Each customer and dataset has a segment of its own, to which rows are appended before they are answered. Rows that arrive
while an append is under way share the next one. A segment is given up after a minute, at a size, and whenever it is not
certain what became of an append; given up, it becomes an upload, by this process or by whoever comes first.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from processing.domain.datasets import Dataset
from processing.domain.errors import ConditionNotMet, DropzoneError, LaterError
from processing.domain.journal_names import Segment
from processing.jobs.journal.roll_journal import is_rolled
from processing.stored.context import JobContext
from processing.stored.journal import holds

OPEN_SECONDS: Final = 60.0
"""After which a segment is given up."""
OPEN_BYTES: Final = 8 * 1024 * 1024
_MOST_APPENDS: Final = 40_000
"""To one blob; the service allows 50,000."""
_LARGEST_APPEND: Final = 32 * 1024 * 1024
"""Bytes that share one, but for a request that is larger by itself; the service takes 100 MiB."""
_TRIES: Final = 3


class Journal:
    """Appends rows, and makes uploads of them."""

    def __init__(self, context: JobContext, *, seconds: Callable[[], float] = time.monotonic) -> None:
        """`seconds` tells how long a segment has been open."""
        self._context = context
        self._seconds = seconds
        self._writers: dict[tuple[str, Dataset], _Writer] = {}
        self._lock = threading.Lock()

    def append(self, customer: str, dataset: Dataset, rows: bytes, *, claim: Claim | None = None) -> None:
        """Return once these rows, whole lines of NDJSON, are durable.

        Raises LaterError when they are not, or when nobody can tell, and OperatorError when storage is not as it must be.
        `claim` is told where they are going to be before they are; what it raises is raised, and its rows are left out.
        """
        with self._lock:
            writer = self._writers.get((customer, dataset))
            if writer is None:
                writer = self._writers[customer, dataset] = _Writer(self._context, customer, dataset, self._seconds)
        writer.append(rows, claim)

    def roll(self, *, everything: bool = False) -> int:
        """Make uploads of the segments that were open for long enough, or of all; returns of how many.

        One that fails is left to the next time, and to the sweep.
        """
        with self._lock:
            writers = list(self._writers.values())
        return sum(writer.roll(everything=everything) for writer in writers)


class Claim(Protocol):
    """Sees to it that rows are appended once, whoever asks for it how often."""

    def begin(self, segment: Segment, at: int) -> None:
        """Write down that these rows are about to be appended at a position; again where that came to nothing."""
        ...


@dataclass(slots=True)
class _Open:
    """A segment that is written to."""

    segment: Segment
    etag: str
    since: float
    length: int = 0
    appends: int = 0


@dataclass(slots=True, eq=False)
class _Rows:
    """Rows of one request."""

    data: bytes
    claim: Claim | None
    is_over: bool = False
    error: DropzoneError | None = None


@dataclass(slots=True, eq=False)
class _Writer:
    """Of one customer and dataset."""

    context: JobContext
    customer: str
    dataset: Dataset
    seconds: Callable[[], float]
    waiting: deque[_Rows] = field(default_factory=deque)
    open: _Open | None = None
    has_container: bool = False
    """It is made with the customer's first row."""
    left: list[Segment] = field(default_factory=list)
    """Given up, and maybe not uploads yet."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held by the one that appends."""

    def append(self, data: bytes, claim: Claim | None) -> None:
        rows = _Rows(data, claim)
        self.waiting.append(rows)
        with self.lock:
            # Whoever held the lock before may have taken these along.
            while not rows.is_over:
                self._append_waiting()
        if rows.error is not None:
            raise rows.error

    def roll(self, *, everything: bool) -> int:
        with self.lock:
            if self.open is not None and (everything or self._is_old(self.open)):
                self._give_up()
            segments, self.left = self.left, []
        failed = [segment for segment in segments if not is_rolled(self.context, segment)]
        with self.lock:
            self.left += failed
        return len(segments) - len(failed)

    def _append_waiting(self) -> None:
        taken = [self.waiting.popleft()]
        size = len(taken[0].data)
        while self.waiting and size + len(self.waiting[0].data) <= _LARGEST_APPEND:
            taken.append(self.waiting.popleft())
            size += len(taken[-1].data)
        error: DropzoneError | None = LaterError("the append was given up")
        try:
            self._append(taken)
            error = None
        except DropzoneError as raised:
            error = raised
        finally:
            for each in taken:
                each.error, each.is_over = each.error or error, True

    def _append(self, taken: Sequence[_Rows]) -> None:
        for _ in range(_TRIES):
            try:
                present = self._opened()
            except ConditionNotMet:
                continue  # nobody else begins it: the answer was lost on the way, and its version with it
            data = self._claimed(present, taken)
            if data is None:
                continue
            if not data:
                return
            try:
                etag = self.context.append_blobs.append(
                    present.segment.container, str(present.segment), data, at=present.length, etag=present.etag
                )
            except ConditionNotMet:
                # Somebody sealed it, or the answer to this very append was lost on the way.
                if self._is_in(present, data):
                    return
            except LaterError:
                if self._is_in(present, data):
                    return
                raise
            else:
                present.etag, present.length, present.appends = etag, present.length + len(data), present.appends + 1
                return
        raise LaterError("segments are sealed faster than they are written to, or answers are lost")

    def _claimed(self, present: _Open, taken: Sequence[_Rows]) -> bytes | None:
        """The rows that are to be appended together: all but those whose claims do not hold.

        None where a claim may be written or not: then nothing else may come to stand in the place that it names.
        """
        data = b""
        for rows in taken:
            if rows.error is None and rows.claim is not None:
                try:
                    rows.claim.begin(present.segment, present.length + len(data))
                except LaterError as error:
                    rows.error = error
                    self._give_up()
                    return None
                except DropzoneError as error:
                    rows.error = error
            if rows.error is None:
                data += rows.data
        return data

    def _is_in(self, present: _Open, data: bytes) -> bool:
        self._give_up()
        return holds(self.context, present.segment, present.length + len(data))

    def _opened(self) -> _Open:
        if self.open is not None and self._is_full(self.open):
            self._give_up()
        if self.open is None:
            day = self.context.zone.day_of(self.context.clock.now())
            segment = Segment.begin(self.customer, self.dataset, day)
            self.open = _Open(segment=segment, etag=self._begun(segment), since=self.seconds())
        return self.open

    def _begun(self, segment: Segment) -> str:
        try:
            if not self.has_container:
                self.context.drop.create_container(segment.container)
                self.has_container = True
            return self.context.append_blobs.create(segment.container, str(segment))
        except (ConditionNotMet, LaterError):
            self.left.append(segment)  # it may be there, empty
            raise

    def _give_up(self) -> None:
        if self.open is not None:
            self.left.append(self.open.segment)
        self.open = None

    def _is_full(self, present: _Open) -> bool:
        return present.length >= OPEN_BYTES or present.appends >= _MOST_APPENDS or self._is_old(present)

    def _is_old(self, present: _Open) -> bool:
        return self.seconds() - present.since >= OPEN_SECONDS
