"""The time of this machine, for logs and printed times; it decides nothing about data."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The host's clock behind the Clock port."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)
