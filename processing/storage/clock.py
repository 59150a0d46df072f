"""The time of the host."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The host's clock."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)
