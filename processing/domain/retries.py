"""When something that failed is tried again, after a minute, doubling to an hour, and when it is not (protocol, Retries)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

_FIRST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(hours=1)
_ENOUGH_DOUBLINGS: Final = 10
MOST_DEATHS: Final = 3
"""Attempts that may end without a word, their workers dead; after them the work itself is taken to be the reason."""
DAY_OF_REST: Final = timedelta(days=1)
"""How long a day rests that ended its workers, unless an operator asks for another try."""
REST_OF_PARTS: Final = timedelta(hours=24)
"""How long staged parts are kept that nothing names: longer than any attempt, which may still come to name them."""


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many failures, from 1."""
    doublings = max(min(failures - 1, _ENOUGH_DOUBLINGS), 0)
    return min(_FIRST * (1 << doublings), _LONGEST)
