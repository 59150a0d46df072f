"""What this process read a moment ago, for those to whom its age makes no difference: an upload costs fewer requests by it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar, cast

_T = TypeVar("_T")


@dataclass(slots=True)
class Recent:
    """Values by their keys, each for a while."""

    keep: timedelta = timedelta()
    """How long, by the host's clock; nothing is kept when zero."""
    _read: dict[Hashable, tuple[datetime, object]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(
        self,
        key: Hashable,
        now: datetime,
        read: Callable[[], _T],
        *,
        keeps: Callable[[_T], bool] = lambda _: True,
        keep: timedelta | None = None,
    ) -> _T:
        """The value that was read a moment ago, or that `read` gives now, which is kept when `keeps` says so.

        `keep` is how long this one is kept, where anything is.
        """
        with self._lock:
            read_at, value = self._read.get(key, (None, None))
        # A clock that was set back makes nothing young again.
        if read_at is not None and timedelta() <= now - read_at < (keep or self.keep):
            return cast("_T", value)
        fresh = read()
        with self._lock:
            if self.keep and keeps(fresh):
                self._read[key] = (now, fresh)
            else:
                self._read.pop(key, None)
        return fresh
