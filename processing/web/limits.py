"""What one customer, or one address, may do at once, so that the others do not notice (contract section 7, fair).

All of it is this process's own affair, and bounded whoever comes: the least recently seen is forgotten.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from processing.web.problems import Refused
from schemas.customer_config import Limits

MOST_ROWS: Final = 10_000
"""Rows of one request."""
_MOST_KNOWN: Final = 10_000
_FAILURES: Final = 20
"""Failed attempts of one address that are answered; further ones must wait."""
_FAILURES_PER_SECOND: Final = 0.2


@dataclass(slots=True)
class _Bucket:
    """Something that is used up and comes back with time."""

    left: float
    at: float


class Buckets:
    """One bucket for each name; safe to share between threads. Times are seconds of any clock that only goes on."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._known: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str, amount: float, *, size: float, per_second: float) -> float:
        """Take so much; 0 when it was there, else the seconds after which it will be, and nothing is taken."""
        with self._lock:
            bucket = self._filled(name, size, per_second)
            if bucket.left >= amount:
                bucket.left -= amount
                return 0.0
            return (amount - bucket.left) / per_second

    def wait(self, name: str, *, size: float, per_second: float) -> float:
        """The seconds after which something is there again, 0 when something is."""
        with self._lock:
            if name not in self._known:
                return 0.0
            bucket = self._filled(name, size, per_second)
            return max(0.0, (1 - bucket.left) / per_second)

    def _filled(self, name: str, size: float, per_second: float) -> _Bucket:
        now = self._seconds()
        bucket = self._known.setdefault(name, _Bucket(left=size, at=now))
        self._known.move_to_end(name)
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        bucket.left = min(size, bucket.left + max(0.0, now - bucket.at) * per_second)
        bucket.at = now
        return bucket


class FairUse:
    """Rows each second and requests at once, for each customer."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._rows = Buckets(seconds)
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()

    @contextmanager
    def request(self, customer: str, limits: Limits) -> Iterator[None]:
        """Hold one of the customer's places; Refused with 429 when all are taken."""
        with self._lock:
            running = self._running.get(customer, 0)
            if running >= limits.concurrent_requests:
                raise Refused(
                    HTTPStatus.TOO_MANY_REQUESTS, f"{running} requests are worked on already: send fewer at once", retry_after=1
                )
            self._running[customer] = running + 1
        try:
            yield
        finally:
            with self._lock:
                self._running[customer] -= 1
                if not self._running[customer]:
                    del self._running[customer]

    def take_rows(self, customer: str, count: int, limits: Limits) -> None:
        """Refused with 429 when these rows are more than the customer may send now."""
        # A whole request fits, however few rows a second there are.
        size = max(limits.rows_per_second, MOST_ROWS)
        wait = self._rows.take(customer, count, size=size, per_second=limits.rows_per_second)
        if wait:
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"more than {limits.rows_per_second:,} rows a second: send fewer, or wait",
                retry_after=math.ceil(wait),
            )


class FailedAttempts:
    """Attempts with keys that open nothing, for each address."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._attempts = Buckets(seconds)

    def add(self, address: str) -> None:
        """One more failed."""
        self._attempts.take(address, 1, size=_FAILURES, per_second=_FAILURES_PER_SECOND)

    def wait(self, address: str) -> int:
        """Seconds after which the address is answered again, 0 when it is."""
        return math.ceil(self._attempts.wait(address, size=_FAILURES, per_second=_FAILURES_PER_SECOND))
