"""One day of a stream with all that is known of it: its state, what it waits for, its files, and what a reprocess changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from processing.domain import blob_names
from processing.domain.attention.of_days import needs_of_day
from processing.domain.datasets import DATA_DATASETS
from processing.domain.documents import from_json
from processing.domain.publications import Manifest
from processing.domain.stream_state import Change, DayRecord, DayStatus
from processing.domain.streams import Stream
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.day_documents import day_status
from processing.stored.manifests import read_manifest
from processing.stored.parts_in_force import parts_in_force
from processing.stored.policies import readiness_policy
from processing.stored.staged_parts import ListedPart, count_staged, list_parts
from processing.stored.stream_state import load_state

MOST_FILES: Final = 500
"""Files that are told of a day; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFile:
    """An upload with rows of the day."""

    name: str
    rows: int
    """That went into the day, or are staged for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDetails:
    """What is known of a day."""

    status: DayStatus
    record: DayRecord
    is_staged: bool
    """Whether `files` are those staged now, because the day is not published; of such a day those in force count."""
    files: Sequence[DayFile]
    """By name, at most 500."""
    file_count: int
    history: tuple[Change, ...]
    """The newest first, at most 50."""
    manifest: Manifest | None
    difference: dict[str, Any] | None
    """What the last reprocess changed, as its document has it; None where there is none."""


def day_details(context: JobContext, stream: Stream, day: date) -> DayDetails | None:
    """A day of a stream, None where there is nothing of it. OperatorError where its manifest is gone."""
    state = with_closed_days(context.lake, load_state(context, stream).state, {day})
    is_data = stream.dataset in DATA_DATASETS
    record = state.days.get(day)
    is_published = record is not None and record.published is not None
    staged = list_parts(context.lake, stream, day) if is_data and not is_published else []
    parts = parts_in_force(context.drop, stream, staged)
    if record is None and not parts:
        return None
    record = record or DayRecord()
    status = day_status(context, state, day, record)
    if is_data:
        status = replace(status, needs=needs_of_day(state, day, record, readiness_policy(context, stream.customer)))
    manifest = read_manifest(context.lake, state, day)
    files = _published(manifest) if manifest is not None else _staged(parts)
    if manifest is None:
        count, rows = count_staged(parts)
        status = replace(status, files=count, rows=rows)
    return DayDetails(
        status=status,
        record=record,
        is_staged=manifest is None,
        files=[DayFile(name=name, rows=rows) for name, rows in sorted(files.items())[:MOST_FILES]],
        file_count=len(files),
        history=_history(context, stream, day, record),
        manifest=manifest,
        difference=_difference(context, stream.customer, record),
    )


def _published(manifest: Manifest) -> Counter[str]:
    rows: Counter[str] = Counter()
    for each in manifest.inputs:
        rows[each.blob] += each.rows
    return rows


def _staged(parts: Sequence[ListedPart]) -> Counter[str]:
    youngest: dict[str, ListedPart] = {}
    for each in parts:
        name = (each.receipt and blob_names.upload_of_receipt(each.receipt)) or each.part.attempt
        if name not in youngest or youngest[name].modified < each.modified:
            youngest[name] = each
    attempts = {each.part.attempt: name for name, each in youngest.items()}
    rows: Counter[str] = Counter()
    for each in parts:
        if each.part.attempt in attempts:
            rows[attempts[each.part.attempt]] += each.rows or 0
    return rows


def _history(context: JobContext, stream: Stream, day: date, record: DayRecord) -> tuple[Change, ...]:
    """Of the document, which has more of it, and of the state, which has the newest."""
    name = blob_names.day_status_name(stream.dataset, day)
    found = context.drop.get(blob_names.receipts_container(stream.customer), name)
    told = from_json(DayStatus, found[0]).history if found is not None else ()
    newer = tuple(each for each in record.history if each not in told)
    return tuple(reversed((*told, *newer)))


def _difference(context: JobContext, customer: str, record: DayRecord) -> dict[str, Any] | None:
    if record.difference is None:
        return None
    found = context.drop.get(blob_names.receipts_container(customer), record.difference)
    tree: dict[str, Any] | None = None if found is None else json.loads(found[0])
    return tree
