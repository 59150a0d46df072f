"""Warnings about what is accepted and may not be meant; they save a customer a day (contract sections 3 and 4)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.days import parse_day
from processing.domain.reasons import WarningCode
from processing.domain.receipts import MASKED, ReceiptWarning
from processing.frames.casts import as_text
from processing.frames.json_objects import custom_id_types
from processing.frames.one_value import is_one_value
from processing.ingest.bounds import MOST_ID_TYPES, MOST_METRICS
from processing.ingest.columns.timestamps import is_finer_than_seconds
from processing.ingest.metric_kinds import KindRow, KindTally, KnownKinds, kind_rows
from processing.ingest.routes import Route
from processing.ingest.same_keys import KeyedRows, KeyTally, keyed_rows
from processing.ingest.unlikely_ids import UnlikelyIds, UnlikelyTally, inexact, unlikely_ids, unlikely_users
from processing.ingest.validation.explanation import MOST_EXAMPLES

_KNOWN_IDS: Final = {"userid": "user_id", "stableid": "stable_id"}
_SHOWN: Final = 64
_LEFT_OUT: Final[Mapping[WarningCode, str]] = MappingProxyType(
    {
        WarningCode.REPEATED_HEADER: "lines that are the header once more, as where files were joined, were left out",
        WarningCode.OTHER_CALLS: "calls of Segment's that are no events (page, screen, identify, group, alias) were left out",
    }
)
_FOLDER_DAY: Final = re.compile(r"(?:[A-Za-z_]+=)?(\d{4}-\d{2}-\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRows:
    """What becomes of rows that come for a day that is published already (contract section 6, corrections)."""

    published: frozenset[date]
    """The published days that can still be changed."""
    today: date
    """The day of the upload."""
    window_days: int
    """Up to which age a day is processed again by itself."""
    threshold: float
    """Of which share of its rows more must have changed."""
    is_held: bool = False
    """Whether no day is processed again by itself."""

    def fate(self, day: date) -> str:
        """What happens to rows of a published day."""
        if self.is_held:
            return "held by late_policy: they count once the operator reprocesses the day"
        until = day + timedelta(days=self.window_days)
        if until < self.today:
            return f"past the {self.window_days} days in which a day changes by itself: ask the operator to reprocess it"
        share = f"{self.threshold * 100:g} %"
        return f"processed again by itself until {until.isoformat()}, once more than {share} of its rows changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayVolume:
    """What went into a published day."""

    rows: int
    """Of its parts, before duplicates were removed."""
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDays:
    """What is known of the days of a stream that an upload has rows of."""

    first_day: date | None = None
    """The first day that is processed, where it is known."""
    closed: frozenset[date] = frozenset()
    """Days whose rows cannot be changed any more."""
    is_known: bool = True
    """Whether the stream has a state."""
    kept_until: date | None = None
    """Until when rows of days before the first are kept."""
    late: LateRows | None = None
    """What becomes of rows of published days; None where that is not known."""
    kinds: KnownKinds = field(default_factory=KnownKinds)
    """Of a stream of metrics."""
    volumes: tuple[DayVolume, ...] = ()
    """Of the last published days that have rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningCounts:
    """What may be worth a warning in one batch."""

    ids: Mapping[str, int]
    """Accepted rows of each id type; where there are more of them than a file may have, of one more than that."""
    metrics: frozenset[str]
    """Metrics of accepted rows, bounded likewise."""
    custom_ids: frozenset[str]
    """Names of the custom ids of accepted events."""
    finer: int
    """Times in ms, us or ns."""
    unlikely: UnlikelyIds
    """Accepted ids that look like none."""
    keyed: KeyedRows | None = None
    """The rows of metrics by what they are about."""
    kinds: Collection[KindRow] = ()
    """The rows of metrics by kind."""

    def renumbered(self, records: int) -> WarningCounts:
        """The same of a batch behind so many records."""
        return self if self.keyed is None else replace(self, keyed=self.keyed.renumbered(records))


def warning_counts(route: Route, kept: pl.DataFrame, accepted: pl.DataFrame, records: pl.Series | None) -> WarningCounts:
    """Look at a batch: at the records that were kept, and at the rows that were accepted; of metrics, with their records."""
    ids = _counts(accepted.get_column("id_type"), MOST_ID_TYPES + 1) if "id_type" in accepted.columns else {}
    metrics = _different(accepted.get_column("metric_name"), MOST_METRICS + 1) if "metric_name" in accepted.columns else ()
    planned = route.plan.columns.get("timestamp")
    finer = 0
    if planned is not None and not isinstance(planned.dtype, pl.Datetime):
        finer = int(kept.select(is_finer_than_seconds(as_text(planned.raw, planned.dtype)).sum()).item() or 0)
    custom_ids = custom_id_types(accepted.get_column("user")) if "user" in accepted.columns else frozenset()
    counts = WarningCounts(
        ids=ids, metrics=frozenset(metrics), custom_ids=custom_ids, finer=finer, unlikely=_unlikely(route, kept, accepted)
    )
    if records is None:
        return counts
    parts = (route.plan.columns.get("numerator"), route.plan.columns.get("denominator"))
    may_show_ratios = all(part is not None and part.positions for part in parts)
    return replace(
        counts,
        keyed=keyed_rows(accepted, records, route.aggregated),
        kinds=kind_rows(accepted, may_show_ratios=may_show_ratios, ratios=counts.metrics & route.ratios),
    )


def _unlikely(route: Route, kept: pl.DataFrame, accepted: pl.DataFrame) -> UnlikelyIds:
    if "user" in accepted.columns:
        return unlikely_users(accepted.get_column("user"))
    if "unit_id" not in accepted.columns:
        return UnlikelyIds()
    found = unlikely_ids(accepted.get_column("unit_id"))
    planned = route.plan.columns["unit_id"]
    if planned.dtype.is_float():
        return replace(found, inexact=int(kept.select(inexact(planned.raw)).item() or 0))
    return found


@dataclass(slots=True)
class WarningTally:
    """Counts what is worth a warning while the batches of one upload go by."""

    name: str
    """The upload's name."""
    streams: Mapping[Dataset, StreamDays] = field(default_factory=dict)
    """The streams whose days are known."""
    pinned: Collection[str] = ()
    """The metrics whose kind the config pins."""
    _keys: KeyTally = field(default_factory=KeyTally)
    _kinds: KindTally = field(default_factory=KindTally)
    _metrics_are_masked: bool = False
    _ids: Counter[str] = field(default_factory=Counter)
    _ids_are_masked: bool = False
    _finer: int = 0
    _left_out: Counter[WarningCode] = field(default_factory=Counter)
    _unlikely: UnlikelyTally = field(default_factory=UnlikelyTally)

    def add_left_out(self, left_out: Mapping[WarningCode, int]) -> None:
        """Count the records that the reader of a batch filtered."""
        self._left_out.update(left_out)

    def add(self, route: Route, counts: WarningCounts) -> None:
        """Count what was noticed in a batch."""
        self._ids_are_masked |= route.validator.masks("id_type")
        self._ids.update(counts.ids)
        self._finer += counts.finer
        is_masked = any(route.validator.masks(name) for name in ("unit_id", "user") if name in route.plan.columns)
        self._unlikely.add(counts.unlikely, is_masked=is_masked)
        self._kinds.add(counts.kinds)
        if counts.keyed is not None:
            self._metrics_are_masked |= route.validator.masks("metric_name")
            self._keys.add(counts.keyed)

    def warnings(self, days: Mapping[Dataset, Counter[date]]) -> list[ReceiptWarning]:
        """The warnings, given the accepted rows of each dataset's days: none where the file is refused."""
        every = sum(days.values(), Counter())
        unlikely = self._unlikely.warnings(self._ids, types_are_masked=self._ids_are_masked)
        found = [
            *self._filtered(),
            *unlikely,
            *self._near_misses(),
            *self._units(),
            *self._other_days(every),
            *self._early_days(days),
        ]
        if every:
            kinds = self.streams.get(Dataset.METRICS, StreamDays()).kinds
            found += self._keys.warnings()
            found += self._kinds.warnings(kinds, self.pinned, is_masked=self._metrics_are_masked)
        return [*found, *self._late_days(days)]

    def _filtered(self) -> list[ReceiptWarning]:
        return [
            ReceiptWarning(code=code, message=_LEFT_OUT[code], count=count) for code, count in sorted(self._left_out.items())
        ]

    def _near_misses(self) -> list[ReceiptWarning]:
        meant = {id_type: own for id_type in self._ids if (own := _nearly(id_type)) is not None}
        if not meant:
            return []
        frequent = sorted(meant, key=lambda id_type: (-self._ids[id_type], id_type))
        shown = {id_type: MASKED if self._ids_are_masked else repr(id_type[:_SHOWN]) for id_type in frequent[:MOST_EXAMPLES]}
        if len(meant) == 1:
            message = f"{shown[frequent[0]]} is an id type of its own: was {meant[frequent[0]]} meant?"
        else:
            each = (f"{text} (was {meant[id_type]} meant?)" for id_type, text in shown.items())
            more = f" and {len(meant) - len(shown):,} more" if len(meant) > len(shown) else ""
            message = f"these are id types of their own: {', '.join(each)}{more}"
        return [
            ReceiptWarning(
                code=WarningCode.ID_TYPE_NEAR_MISS, message=message, count=sum(self._ids[id_type] for id_type in meant)
            )
        ]

    def _units(self) -> list[ReceiptWarning]:
        message = "times of 13, 16 or 19 digits were read as ms, us or ns; write seconds if you mean seconds"
        return (
            [ReceiptWarning(code=WarningCode.TIMESTAMP_NOT_SECONDS, message=message, count=self._finer)] if self._finer else []
        )

    def _other_days(self, days: Counter[date]) -> list[ReceiptWarning]:
        folder = folder_day(self.name)
        other = sum(count for day, count in days.items() if day != folder)
        if folder is None or not other:
            return []
        message = f"rows of other days lie in the folder of {folder.isoformat()}; each row counts for its own day"
        return [ReceiptWarning(code=WarningCode.DAY_DIFFERS_FROM_FOLDER, message=message, count=other)]

    def _early_days(self, days: Mapping[Dataset, Counter[date]]) -> list[ReceiptWarning]:
        found = []
        for dataset, own in days.items():
            stream = self.streams.get(dataset, StreamDays())
            first = stream.first_day
            early = sum(count for day, count in own.items() if first is not None and day < first)
            if first is not None and early:
                kept = f" until {stream.kept_until.isoformat()}" if stream.kept_until is not None else ""
                message = f"rows lie before {first.isoformat()}, the first day that is processed"
                message += f"; they are kept{kept} and not processed"
                found.append(ReceiptWarning(code=WarningCode.BEFORE_FIRST_DAY, message=message, count=early))
        return found

    def _late_days(self, days: Mapping[Dataset, Counter[date]]) -> list[ReceiptWarning]:
        fates: dict[str, list[date]] = {}
        count = 0
        for dataset, own in sorted(days.items()):
            late = self.streams.get(dataset, StreamDays()).late
            for day, rows in sorted(own.items()):
                if late is not None and rows and day in late.published:
                    fates.setdefault(late.fate(day), []).append(day)
                    count += rows
        if not count:
            return []
        each = (f"{_days(own)} ({fate})" for fate, own in list(fates.items())[:MOST_EXAMPLES])
        more = f"; and {len(fates) - MOST_EXAMPLES:,} more" if len(fates) > MOST_EXAMPLES else ""
        message = f"rows are of days that are published already: {'; '.join(each)}{more}"
        return [ReceiptWarning(code=WarningCode.LATE_FOR_DAY, message=message, count=count)]


def _days(days: Collection[date]) -> str:
    shown = sorted(set(days))
    more = f" and {len(shown) - MOST_EXAMPLES:,} more" if len(shown) > MOST_EXAMPLES else ""
    return ", ".join(day.isoformat() for day in shown[:MOST_EXAMPLES]) + more


def _nearly(id_type: str) -> str | None:
    """The known id type that this one comes near without being it."""
    meant = _KNOWN_IDS.get(re.sub("[^a-z]", "", id_type.lower()).removesuffix("s"))
    return meant if meant != id_type else None


def _counts(texts: pl.Series, most: int) -> dict[str, int]:
    if is_one_value(texts):
        return {texts[0]: len(texts)}
    return dict(texts.value_counts().head(most).iter_rows())


def _different(texts: pl.Series, most: int) -> list[str]:
    if is_one_value(texts):
        return [texts[0]]
    return texts.unique().head(most).to_list()


def folder_day(name: str) -> date | None:
    """The day that the folders of a name speak of: `2026-11-18/` or `dt=2026-11-18/`, the last one if there are several."""
    for folder in reversed(name.split("/")[:-1]):
        match = _FOLDER_DAY.fullmatch(folder)
        day = parse_day(match[1]) if match else None
        if day is not None:
            return day
    return None
