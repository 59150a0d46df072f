"""Why a number is missing: where the rows of one unit and one metric or event of a day are, and what became of each.

What is looked at is bounded: so many rows of the staged parts of a day, those of the newest uploads first, and so many bytes of
the rejected rows of so many uploads. What was left out is counted: "not found" is never more than was looked at.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

import polars as pl

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.days import days_beside
from processing.domain.documents import from_json
from processing.domain.publications import Manifest
from processing.domain.receipts import Receipt
from processing.domain.streams import Stream
from processing.stored.context import JobContext
from processing.stored.customer_config import load_config
from processing.stored.matching_rows import POSITION, matching_rows
from processing.stored.parts_in_force import is_in_force
from processing.stored.receipts import look_at_receipts
from processing.stored.staged_parts import ListedPart, list_parts
from processing.views.days import DayDetails, day_details
from processing.views.log_rows import COLUMNS, LogRow, rows_of
from processing.views.trace_rejected import TracedUploads, trace_uploads

_ROWS: Final = 3_000_000
_PARTS: Final = 200
"""That one answer looks at, of a day and its neighbours."""
_MOST: Final = 50
"""Rows that are told."""
_LAST: Final = "last"
_TIMEUUID: Final = "timeuuid"

_Key = tuple[str | bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which number somebody misses."""

    dataset: Dataset
    """METRICS or EVENTS."""
    name: str
    """Of the metric or the event."""
    unit_id: str
    day: date
    id_type: str | None = None
    """None for any."""


class Outcome(StrEnum):
    """What became of an accepted row."""

    COUNTS = "counts"
    """It is in the published day."""
    LEAVING = "leaving"
    """It is in the published day until that is processed again: its version was replaced, or its upload withdrawn."""
    NO_VALUE = "no_value"
    """It is in the published day without a value: its metric is a ratio there, and the row carries none."""
    STAGED = "staged"
    """It is in, and its day is not published yet."""
    JOINED_LATER = "joined_later"
    """It came after its day was published, and is in once the day is processed again."""
    SUPERSEDED = "superseded"
    """Another row of the same key counts in its place: of metrics a later one, of events the first."""
    REPLACED = "replaced"
    """Another version of its upload is in force, or the upload was withdrawn."""
    TEST = "test"
    """Test rows never enter results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedRow:
    """One accepted row."""

    row: LogRow
    """`upload` is the name of its upload."""
    day: date
    """The day that it is staged for."""
    position: int
    """Its place among the accepted rows of that day in its upload, from 1."""
    outcome: Outcome
    superseded_by: str | None = None
    """The upload whose row counts in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What was found."""

    day: DayDetails | None
    """None where nothing of the day is known."""
    rows: Sequence[TracedRow]
    """At most 50: those of the day, or where it has none those of the days beside it; the newest first."""
    uploads: TracedUploads
    parts_left: int
    """Staged parts that were not looked at to their end."""
    is_closed: bool
    """Whether the day's rows are given up, so that only its results are left."""


def trace(context: JobContext, customer: str, asked: Question) -> Trace:
    """Where the rows are. OperatorError where a manifest is gone, or a part is damaged."""
    stream = Stream(customer, asked.dataset)
    day = day_details(context, stream, asked.day)
    look = _Look(context=context, stream=stream, asked=asked)
    rows = look.rows_of(asked.day, day)
    if not rows:
        # A row near midnight belongs to another day than somebody thinks.
        for beside in filter(None, days_beside(asked.day)):
            rows += look.rows_of(beside, day_details(context, stream, beside))
    return Trace(
        day=day,
        rows=rows[:_MOST],
        uploads=trace_uploads(context, customer, asked.dataset, asked.day, (asked.name, asked.unit_id)),
        parts_left=look.left,
        is_closed=day is not None and day.manifest is not None and day.status.reprocess_until is None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    row: LogRow
    part: ListedPart
    position: int
    timeuuid: str | None = None
    """Of an event."""


@dataclass(slots=True, kw_only=True)
class _Look:
    """What one answer reads."""

    context: JobContext
    stream: Stream
    asked: Question
    budget: int = _ROWS
    parts: int = 0
    left: int = 0
    _names: dict[str, str | None] = field(default_factory=dict)

    def rows_of(self, day: date, details: DayDetails | None) -> list[TracedRow]:
        """The rows that are staged for a day, the newest first."""
        found = [each for part in self._newest(day) for each in self._matching(part)]
        named = {each.part.receipt for each in found if each.part.receipt is not None}
        receipts = look_at_receipts(self.context.drop, self.stream.customer, named)
        manifest = None if details is None else details.manifest
        inputs = {} if manifest is None else {each.part: order for order, each in enumerate(manifest.inputs)}
        there = [each for each in found if is_in_force(each.part, receipts)]

        def published_age(each: _Found) -> tuple[Any, ...]:
            return inputs[str(each.part.part)], each.position

        def age(each: _Found) -> tuple[Any, ...]:
            seen = receipts.get(each.part.receipt or "")
            modified = seen.summary.in_force_modified if seen is not None else None
            return modified or each.part.modified, each.row.upload or "", each.part.part.number, each.position

        # What counts in a publication is known by its own parts alone, whatever came or was replaced since.
        published = self._counting([each for each in found if str(each.part.part) in inputs], published_age)
        following = self._counting(there, age)
        is_ratio = manifest is not None and self._is_ratio(manifest)
        traced = []
        for each in found:
            is_published, is_there = str(each.part.part) in inputs, is_in_force(each.part, receipts)
            key = _key(each)
            by = None if key is None else (published if is_published else following).get(key)
            outcome = _outcome(
                each,
                is_there=is_there,
                is_superseded=by is not None and by is not each,
                has_value=not is_ratio or self._has_ratio(each.row),
                counts=is_published,
                is_day_published=manifest is not None,
            )
            superseded_by = by.row.upload if by is not None and outcome is Outcome.SUPERSEDED else None
            traced.append(
                TracedRow(row=each.row, day=day, position=each.position + 1, outcome=outcome, superseded_by=superseded_by)
            )
        return traced

    def _newest(self, day: date) -> Iterator[ListedPart]:
        parts = sorted(
            list_parts(self.context.lake, self.stream, day), key=lambda each: (each.modified, str(each.part)), reverse=True
        )
        for part in parts:
            if self.parts == _PARTS or self.budget <= 0:
                self.left += 1
                continue
            self.parts += 1
            yield part

    def _matching(self, part: ListedPart) -> Iterator[_Found]:
        dataset, most = self.stream.dataset, self.budget
        self.left += part.rows is not None and part.rows > most
        self.budget -= part.rows or 0
        columns = (*COLUMNS[dataset], _TIMEUUID) if dataset is Dataset.EVENTS else COLUMNS[dataset]
        frames = matching_rows(self.context.lake, str(part.part), columns, self._filter(), most=most)
        name = self._upload_of(part)
        for frame in frames:
            rows = rows_of(frame, dataset, part.modified, name)
            uuids = frame.get_column(_TIMEUUID) if dataset is Dataset.EVENTS else [None] * frame.height
            for row, position, timeuuid in zip(rows, frame.get_column(POSITION), uuids, strict=True):
                if any(self._is_asked(each.unit_id, each.id_type) for each in row.ids):
                    yield _Found(row=row, part=part, position=position, timeuuid=timeuuid)

    def _filter(self) -> pl.Expr:
        asked = self.asked
        if asked.dataset is Dataset.METRICS:
            return (pl.col("metric_name") == asked.name) & (pl.col("unit_id") == asked.unit_id)
        takes = pl.col("event_name") == asked.name
        # As JSON writes it; a text that may be written in several ways is looked for in every user.
        is_plain = asked.unit_id.isascii() and json.dumps(asked.unit_id)[1:-1] == asked.unit_id and "/" not in asked.unit_id
        return takes & pl.col("user").str.contains(asked.unit_id, literal=True) if is_plain else takes

    def _is_asked(self, unit_id: str, id_type: str) -> bool:
        return unit_id == self.asked.unit_id and self.asked.id_type in (None, id_type)

    def _counting(self, rows: Iterable[_Found], age: Callable[[_Found], tuple[Any, ...]]) -> dict[_Key, _Found]:
        """Of each key, the row that counts (contract section 4): of metrics the youngest, of a repeated event the oldest."""
        is_events = self.stream.dataset is Dataset.EVENTS
        if not is_events and self._aggregate() != _LAST:
            return {}
        return {key: each for each in sorted(rows, key=age, reverse=is_events) if (key := _key(each)) is not None}

    def _is_ratio(self, manifest: Manifest) -> bool:
        """Whether the metric is a ratio in a publication, by its rows or as the config pins it."""
        if self.stream.dataset is not Dataset.METRICS:
            return False
        pinned = load_config(self.context.lake, self.stream.customer, self.context.configs).config.pinned.get(self.asked.name)
        return pinned == "ratio" or (pinned is None and self.asked.name in {*manifest.ratios, *manifest.ratios_before})

    def _has_ratio(self, row: LogRow) -> bool:
        """Whether a row says anything of a ratio; where its own quotient is the value, that must be a number."""
        if row.numerator is None or row.denominator is None:
            return False
        numerator, denominator = float(row.numerator), float(row.denominator)
        return self._aggregate() != _LAST or (denominator != 0 and math.isfinite(numerator / denominator))

    def _aggregate(self) -> str:
        settings = load_config(self.context.lake, self.stream.customer, self.context.configs).config.metrics
        found = settings.get(self.asked.name)
        return _LAST if found is None or found.aggregate is None else found.aggregate

    def _upload_of(self, part: ListedPart) -> str | None:
        if part.receipt is None:
            return None
        if part.receipt not in self._names:
            name = blob_names.upload_of_receipt(part.receipt)
            if name is None:  # a hashed name, which the receipt itself tells
                found = self.context.drop.get(blob_names.receipts_container(self.stream.customer), part.receipt)
                name = from_json(Receipt, found[0]).blob if found is not None else None
            self._names[part.receipt] = name
        return self._names[part.receipt]


def _outcome(
    each: _Found, *, is_there: bool, is_superseded: bool, has_value: bool, counts: bool, is_day_published: bool
) -> Outcome:
    if not counts and not is_there:
        return Outcome.REPLACED
    if each.row.is_test:
        return Outcome.TEST
    if is_superseded:
        return Outcome.SUPERSEDED
    if not counts:
        return Outcome.JOINED_LATER if is_day_published else Outcome.STAGED
    if not has_value:
        return Outcome.NO_VALUE
    return Outcome.COUNTS if is_there else Outcome.LEAVING


def _key(each: _Found) -> _Key | None:
    """Of rows of one key one counts; None of an event that is no other's repetition."""
    if each.row.dataset is Dataset.EVENTS:
        return None if each.timeuuid is None else (each.timeuuid, each.row.is_test)
    (own, *_) = each.row.ids
    return own.unit_id, own.id_type, each.row.is_test
