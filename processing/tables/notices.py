"""Warnings about what is accepted and may not be meant; they save a customer a day (contract sections 3 and 4)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.days import parse_day
from processing.domain.records import Notice
from processing.tables.casts import as_text
from processing.tables.explanation import MASKED
from processing.tables.lanes import Lane
from processing.tables.timestamps import is_finer_than_seconds

_KNOWN_IDS: Final = {"userid": "user_id", "stableid": "stable_id"}
_FOLDER_DAY: Final = re.compile(r"(?:[A-Za-z_]+=)?(\d{4}-\d{2}-\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDays:
    """What is known of the days of a stream that an upload has rows of."""

    first_day: date | None = None
    """The first day that is processed, where it is known."""
    closed: frozenset[date] = frozenset()
    """Days whose rows cannot be changed any more."""
    kept_until: date | None = None
    """Until when rows of days before the first are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """What may be worth a warning in one batch."""

    ids: Mapping[str, int]
    """Accepted rows of each id type."""
    finer: int
    """Times in ms, us or ns."""


def notice(lane: Lane, kept: pl.DataFrame, accepted: pl.DataFrame) -> Noticed:
    """Look at a batch: at the records that were kept, and at those of them that were accepted."""
    ids = _counts(accepted.get_column("id_type")) if "id_type" in accepted.columns else {}
    planned = lane.plan.columns.get("timestamp")
    finer = 0
    if planned is not None and not isinstance(planned.dtype, pl.Datetime):
        finer = int(kept.select(is_finer_than_seconds(as_text(planned.raw, planned.dtype)).sum()).item() or 0)
    return Noticed(ids=ids, finer=finer)


@dataclass(slots=True)
class NoticeTally:
    """Counts what is worth a warning while the batches of one upload go by."""

    name: str
    """The upload's name."""
    streams: Mapping[Dataset, StreamDays] = field(default_factory=dict)
    """The streams whose days are known."""
    _ids: Counter[str] = field(default_factory=Counter)
    _ids_are_masked: bool = False
    _finer: int = 0

    def add(self, lane: Lane, noticed: Noticed) -> None:
        """Count what was noticed in a batch."""
        self._ids_are_masked |= lane.validator.masks("id_type")
        self._ids.update(noticed.ids)
        self._finer += noticed.finer

    def notices(self, days: Mapping[Dataset, Counter[date]]) -> list[Notice]:
        """The warnings, given the accepted rows of each dataset's days."""
        every = sum(days.values(), Counter())
        return [*self._near_misses(), *self._units(), *self._other_days(every), *self._early_days(days)]

    def _near_misses(self) -> list[Notice]:
        found = []
        for id_type, count in sorted(self._ids.items()):
            meant = _KNOWN_IDS.get(re.sub("[^a-z]", "", id_type.lower()).removesuffix("s"))
            if meant is not None and id_type != meant:
                shown = MASKED if self._ids_are_masked else repr(id_type[:64])
                message = f"{shown} is an id type of its own: was {meant} meant?"
                found.append(Notice(code="id_type_near_miss", message=message, count=count))
        return found

    def _units(self) -> list[Notice]:
        message = "times of 13, 16 or 19 digits were read as ms, us or ns; write seconds if you mean seconds"
        return [Notice(code="timestamp_not_seconds", message=message, count=self._finer)] if self._finer else []

    def _other_days(self, days: Counter[date]) -> list[Notice]:
        folder = folder_day(self.name)
        other = sum(count for day, count in days.items() if day != folder)
        if folder is None or not other:
            return []
        message = f"rows of other days lie in the folder of {folder.isoformat()}; each row counts for its own day"
        return [Notice(code="day_differs_from_folder", message=message, count=other)]

    def _early_days(self, days: Mapping[Dataset, Counter[date]]) -> list[Notice]:
        found = []
        for dataset, own in days.items():
            stream = self.streams.get(dataset, StreamDays())
            first = stream.first_day
            early = sum(count for day, count in own.items() if first is not None and day < first)
            if first is not None and early:
                kept = f" until {stream.kept_until.isoformat()}" if stream.kept_until is not None else ""
                message = f"rows lie before {first.isoformat()}, the first day that is processed"
                message += f"; they are kept{kept} and not processed"
                found.append(Notice(code="before_first_day", message=message, count=early))
        return found


def _counts(texts: pl.Series) -> dict[str, int]:
    # Most files have one id type, and comparing is quicker than counting.
    if len(texts) and (texts == texts[0]).all():
        return {texts[0]: len(texts)}
    return dict(texts.value_counts().iter_rows())


def folder_day(name: str) -> date | None:
    """The day that the folders of a name speak of: `2026-11-18/` or `dt=2026-11-18/`, the last one if there are several."""
    for folder in reversed(name.split("/")[:-1]):
        match = _FOLDER_DAY.fullmatch(folder)
        day = parse_day(match[1]) if match else None
        if day is not None:
            return day
    return None
