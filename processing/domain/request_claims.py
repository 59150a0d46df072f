"""What is known of a request that its caller may send again: an `Idempotency-Key` (contract section 7)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

KEPT: Final = timedelta(hours=24)
"""For how long a request is known."""
LONGEST_KEY: Final = 255
CLAIMS_PREFIX: Final = "claims/"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestClaim:
    """A request that was answered, or is about to be."""

    fingerprint: str
    """SHA-256 of what the request asked for."""
    attempt: str
    """Of the one who appends its rows."""
    segment: str
    """Name of the segment that its rows are appended to; empty of a request of which no row is kept."""
    end: int
    """The length of the segment once they are in."""
    answer: str
    """The body of the answer."""
    is_answered: bool = False
    """Whether the rows are known to be in."""


def claim_name(key: str) -> str:
    """The blob of a key, in the customer's container of journals."""
    return f"{CLAIMS_PREFIX}{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()}.json"
