"""What earlier days give to later ones, and whether a published day was given what it would be given now.

A metric that is a ratio on one day is one on every later day; a unit's first exposure on one day is no first on a later
one (contract sections 4 and 8). A day that was given something else than it would be given now is `changed`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from processing.domain.datasets import Dataset
from processing.domain.records import StreamState


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What the published days before one day give to it."""

    ratios: tuple[str, ...]
    """Ratio metrics, in order."""
    digest: str


def carried_into(state: StreamState, day: date) -> Carried:
    """What `day` is given by the days that are published before it."""
    ratios: set[int] = set()
    given: list[str] = []
    for earlier, record in sorted(state.days.items()):
        if earlier >= day:
            break
        if record.published is not None:
            ratios.update(record.published.ratios)
            given.append(f"{earlier.isoformat()}={record.published.gives}")
    return _carried(state, ratios, given)


def carried_into_each(state: StreamState) -> Iterator[tuple[date, str]]:
    """Each published day, in order, with the digest of what it would be given now."""
    ratios: set[int] = set()
    given: list[str] = []
    digest = _carried(state, ratios, given).digest
    for day, record in sorted(state.days.items()):
        if record.published is None:
            continue
        yield day, digest
        before = len(ratios)
        ratios.update(record.published.ratios)
        if len(ratios) > before or state.dataset is Dataset.EXPOSURES:
            given.append(f"{day.isoformat()}={record.published.gives}")
            digest = _carried(state, ratios, given).digest


def digest_of(texts: Iterable[str]) -> str:
    """A short name for a set of texts."""
    return hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()[:32]


def _carried(state: StreamState, ratios: set[int], given: list[str]) -> Carried:
    names = tuple(sorted(state.ratio_names[index] for index in ratios))
    match state.dataset:
        case Dataset.METRICS:
            digest = digest_of(names)
        case Dataset.EXPOSURES:
            digest = digest_of(given)
        case _:
            digest = ""
    return Carried(ratios=names, digest=digest)
