"""Which uploads of a customer hold which bytes, by their MD5: a cache, of which a warning alone depends.

It may be old, lost, or written by two at once: whoever finds a name in it asks the receipt of that upload. The sweep, which
asks for the receipt of every new answer, adds what they say; a process adds what it reads itself until it reads this again.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from processing.domain import blob_names
from processing.stored.context import JobContext

MOST_KEPT: Final = 50_000
"""Uploads of a customer; of more, those that were answered last."""
_DIGITS: Final = 16
"""Of an MD5, which are kept: the receipt that is asked decides."""
_REMEMBERED: Final = timedelta(minutes=10)
"""How long a process relies on what it has read: as long as sweeps rest by default."""
_FAST: Final = 1


@dataclass(slots=True)
class UploadsByBytes:
    """Names of uploads by the bytes that they held when they were answered."""

    _names: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, md5: str) -> None:
        """That an upload holds bytes with this MD5 (hexadecimal)."""
        names = self._names[md5[:_DIGITS]]
        if name not in names:
            names.append(name)

    def others(self, name: str, md5: str) -> list[str]:
        """The other uploads that may hold them, oldest first."""
        return [each for each in self._names.get(md5[:_DIGITS], ()) if each != name]


def recent_bytes(context: JobContext, customer: str) -> UploadsByBytes:
    """What is known of a customer, as this process has read it some minutes ago."""

    def read() -> UploadsByBytes:
        found = UploadsByBytes()
        for name, md5 in _load(context, customer).items():
            found.add(name, md5)
        return found

    return context.recent.get(("bytes", customer), context.clock.now(), read, keep=_REMEMBERED)


def keep_bytes(context: JobContext, customer: str, new: Mapping[str, str]) -> None:
    """Add uploads with their MD5s, in the order in which they were answered."""
    if not new:
        return
    known = _load(context, customer)
    for name, md5 in new.items():
        known.pop(name, None)  # what was answered last stands last
        known[name] = md5[:_DIGITS]
    data = json.dumps(dict(list(known.items())[-MOST_KEPT:]), separators=(",", ":")).encode()
    context.lake.put(blob_names.STATE_CONTAINER, blob_names.bytes_name(customer), gzip.compress(data, _FAST, mtime=0))


def _load(context: JobContext, customer: str) -> dict[str, str]:
    found = context.lake.get(blob_names.STATE_CONTAINER, blob_names.bytes_name(customer))
    if found is None:
        return {}
    try:
        loaded = json.loads(gzip.decompress(found[0]))
    except (OSError, EOFError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
