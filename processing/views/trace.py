"""Why a number is missing: where the rows of one unit and one metric or event of a day are, and what became of each.

What is looked at is bounded: so many rows of the staged parts of a day, those of the newest uploads first, and so many bytes of
the rejected rows of so many uploads. What was left out is counted: "not found" is never more than was looked at.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

import polars as pl

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.days import days_beside
from processing.domain.documents import from_json
from processing.domain.receipts import Receipt
from processing.domain.streams import Stream
from processing.stored.context import JobContext
from processing.stored.customer_config import load_config
from processing.stored.matching_rows import POSITION, matching_rows
from processing.stored.parts_in_force import is_in_force
from processing.stored.receipts import ListedReceipt, look_at_receipts
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
    STAGED = "staged"
    """It is in, and its day is not published yet."""
    JOINED_LATER = "joined_later"
    """It came after its day was published, and is in once the day is processed again."""
    SUPERSEDED = "superseded"
    """A later row of the same key counts in its place."""
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
        there = [each for each in found if is_in_force(each.part, receipts)]
        inputs = None if details is None or details.manifest is None else {each.part for each in details.manifest.inputs}
        counting = self._counting(there, receipts)
        return [self._traced(each, day, there, inputs, counting) for each in found]

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
        frames = matching_rows(self.context.lake, str(part.part), COLUMNS[dataset], self._filter(), most=most)
        name = self._upload_of(part)
        for frame in frames:
            rows = rows_of(frame, dataset, part.modified, name)
            for row, position in zip(rows, frame.get_column(POSITION), strict=True):
                if any(self._is_asked(each.unit_id, each.id_type) for each in row.ids):
                    yield _Found(row=row, part=part, position=position)

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

    def _counting(self, there: Collection[_Found], receipts: dict[str, ListedReceipt]) -> dict[tuple[str, str, bool], _Found]:
        """Of each key, the row that counts: that of the later upload, within one the later row (contract section 4)."""
        if self.stream.dataset is not Dataset.METRICS or self._aggregate() != _LAST:
            return {}

        def age(each: _Found) -> tuple[Any, ...]:
            seen = receipts.get(each.part.receipt or "")
            modified = seen.summary.in_force_modified if seen is not None else None
            return modified or each.part.modified, each.row.upload or "", each.part.part.number, each.position

        return {_key(each): each for each in sorted(there, key=age)}

    def _traced(
        self,
        each: _Found,
        day: date,
        there: Collection[_Found],
        inputs: Collection[str] | None,
        counting: dict[tuple[str, str, bool], _Found],
    ) -> TracedRow:
        by = counting.get(_key(each))
        outcome = Outcome.COUNTS
        if each not in there:
            outcome = Outcome.REPLACED
        elif each.row.is_test:
            outcome = Outcome.TEST
        elif by is not None and by is not each:
            outcome = Outcome.SUPERSEDED
        elif inputs is None:
            outcome = Outcome.STAGED
        elif str(each.part.part) not in inputs:
            outcome = Outcome.JOINED_LATER
        return TracedRow(
            row=each.row,
            day=day,
            position=each.position + 1,
            outcome=outcome,
            superseded_by=by.row.upload if by is not None and outcome is Outcome.SUPERSEDED else None,
        )

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


def _key(each: _Found) -> tuple[str, str, bool]:
    (own, *_) = each.row.ids
    return own.unit_id, own.id_type, each.row.is_test
