"""What earlier days hand on to later ones, and whether a published day was given what it would be given now.

A metric that is a ratio on one day is one on every later day; a unit's first exposure on one day is no first on a later
one (contract sections 4 and 8). A day that was given something else than it would be given now is `changed`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.stream_state import ClosedDays, Published, StreamState

_DIGITS: Final = 16
_SUMS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """What the published days before one day give to it."""

    ratios: tuple[str, ...]
    """Ratio metrics, in order."""
    digest: str


def inherited_by(state: StreamState, day: date) -> Inherited:
    """What `day` is given by the days that are published before it."""
    earlier: list[ClosedDays | Published] = [each for each in state.closed if each.last < day]
    earlier += [record.published for each, record in state.days.items() if each < day and record.published is not None]
    ratios = 0
    for published in earlier:
        ratios |= published.ratios
    return Inherited(
        ratios=_names(state, ratios), digest=_digest(state, ratios, sum_of_keys(published.hands_on for published in earlier))
    )


def inherited_by_each(state: StreamState) -> Iterator[tuple[date, str]]:
    """Each published day that has a record in the state, in order, with the digest of what it would be given now."""
    ratios, keys = 0, sum_of_keys(())
    digest = _digest(state, ratios, keys)
    giving: dict[date, ClosedDays | Published] = {each.first: each for each in state.closed}
    giving |= {day: record.published for day, record in state.days.items() if record.published is not None}
    for day, gives in sorted(giving.items()):
        if isinstance(gives, Published):
            yield day, digest
        before = ratios, keys
        ratios, keys = ratios | gives.ratios, sum_of_keys((keys, gives.hands_on))
        if (ratios, keys) != before:
            digest = _digest(state, ratios, keys)


def ratios_since(state: StreamState) -> dict[str, date]:
    """The metrics that published days show to be ratios, with the first day that does; of closed days, the first together."""
    giving = [(each.first, each.ratios) for each in state.closed]
    giving += [(day, record.published.ratios) for day, record in state.days.items() if record.published is not None]
    since: dict[str, date] = {}
    seen = 0
    for day, ratios in sorted(giving):
        if ratios & ~seen:
            since.update(dict.fromkeys(_names(state, ratios & ~seen), day))
            seen |= ratios
    return since


def shown_ratios(state: StreamState, names: Iterable[str]) -> tuple[tuple[str, ...], int]:
    """The stream's `ratio_names` with these among them, and their bits (Published.ratios)."""
    known = {name: place for place, name in enumerate(state.ratio_names)}
    bits = bits_of([known.setdefault(name, len(known)) for name in names])
    return tuple(known), bits


def bits_of(places: Collection[int]) -> int:
    """The number that has these bits."""
    # Added up one by one, they would take the square of their number.
    bits = bytearray(max(places, default=0) // 8 + 1)
    for place in places:
        bits[place // 8] |= 1 << place % 8
    return int.from_bytes(bits, "little")


def sum_of_keys(sums: Iterable[str]) -> str:
    """The digest of several sets of keys as that of one: each is two sums of hashes, 16 hexadecimal digits each.

    The first exposures of two days have no key in common, so that the sum stands for all keys of both. Which day has a key
    makes no difference to the days after it.
    """
    totals = [0] * _SUMS
    for each in sums:
        for place in range(_SUMS if each else 0):
            totals[place] += int(each[place * _DIGITS : (place + 1) * _DIGITS], 16)
    return "".join(f"{total % 2**64:0{_DIGITS}x}" for total in totals)


def digest_of(texts: Iterable[str]) -> str:
    """A short name for a set of texts."""
    return hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()[:32]


def _digest(state: StreamState, ratios: int, keys: str) -> str:
    match state.dataset:
        case Dataset.METRICS:
            return digest_of(_names(state, ratios))
        case Dataset.EXPOSURES:
            return keys
        case _:
            return ""


def _names(state: StreamState, ratios: int) -> tuple[str, ...]:
    return tuple(sorted(name for name, bit in zip(state.ratio_names, reversed(f"{ratios:b}"), strict=False) if bit == "1"))
