"""Checks the rows of requests that come at the same time together: most of what a check costs is the same for a few rows.

Rows are judged each by itself, so that those which are good among others are good alone. A request with a bad row is checked
once more by itself, and is told of nobody else's rows.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from processing.domain.datasets import Dataset
from processing.stored.context import JobContext
from schemas.customer_config import CustomerConfig

if TYPE_CHECKING:
    from processing.jobs.uploads.check_rows import BadRow

Bad = Mapping[int, "tuple[BadRow, ...]"]
"""Of lines that are not accepted, by their index from 0, why."""
_MOST_LINES: Final = 10_000
"""Of several requests together."""


class SharedChecks:
    """One for a process, safe to share between its threads; requests of different customers never meet."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._queues: dict[tuple[str, Dataset], _Queue] = {}
        self._lock = threading.Lock()

    def check(self, customer: str, dataset: Dataset, lines: Sequence[bytes], *, config: CustomerConfig, now: datetime) -> Bad:
        """What `check_rows` finds in these lines; raises what it raises."""
        with self._lock:
            queue = self._queues.setdefault((customer, dataset), _Queue(self._context, customer, dataset))
        return queue.check(_Lines(lines, config, now))


@dataclass(slots=True, eq=False)
class _Lines:
    """Of one request."""

    lines: Sequence[bytes]
    config: CustomerConfig
    now: datetime
    bad: Bad | None = None
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class _Queue:
    context: JobContext
    customer: str
    dataset: Dataset
    waiting: deque[_Lines] = field(default_factory=deque)
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held by the one that checks for all who wait."""

    def check(self, own: _Lines) -> Bad:
        self.waiting.append(own)
        with self.lock:
            while own.bad is None and own.error is None:
                self._check_waiting()
        if own.error is not None:
            raise own.error
        return own.bad or {}

    def _check_waiting(self) -> None:
        taken = [self.waiting.popleft()]
        size = len(taken[0].lines)
        while self.waiting and self.waiting[0].config is taken[0].config and size + len(self.waiting[0].lines) <= _MOST_LINES:
            taken.append(self.waiting.popleft())
            size += len(taken[-1].lines)
        if len(taken) > 1:
            self._check_together(taken)
        for each in taken:
            if each.bad is None:
                self._check_alone(each)

    def _check_together(self, taken: Sequence[_Lines]) -> None:
        """Find those all of whose lines are good."""
        lines = [line for each in taken for line in each.lines]
        try:
            # By the earliest of their times no rule against "now" is laxer for any of them.
            bad = self._found(_Lines(lines, taken[0].config, min(each.now for each in taken)))
        except Exception:  # noqa: BLE001 - whoever is to blame hears of it alone
            return
        ends = accumulate(len(each.lines) for each in taken)
        for each, end in zip(taken, ends, strict=True):
            if not any(index in bad for index in range(end - len(each.lines), end)):
                each.bad = {}

    def _check_alone(self, each: _Lines) -> None:
        try:
            each.bad = self._found(each)
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked
            each.error = error

    def _found(self, each: _Lines) -> Bad:
        from processing.jobs.uploads.check_rows import check_rows  # noqa: PLC0415 - with it comes the engine

        return check_rows(self.context, self.customer, self.dataset, each.lines, config=each.config, now=each.now)
