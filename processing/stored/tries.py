"""How often, and with which pauses, a job tries again what another writer kept it from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from processing.stored.context import JobContext

MOST_TRIES: Final = 20
_LONGER_EACH_TIME: Final = 0.1
"""Seconds; twenty tries wait for 19 seconds in all."""


def tries(context: JobContext) -> Iterator[int]:
    """Numbers from 1 to 20, with a growing pause before each but the first; whoever is left without an answer says so."""
    for number in range(1, MOST_TRIES + 1):
        if number > 1:
            context.sleep((number - 1) * _LONGER_EACH_TIME)
        yield number
