"""Uploads that may have had a row which is not in: its record among the rejected rows, refused uploads, unanswered ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.days import days_beside
from processing.domain.receipts import Receipt, UploadStatus
from processing.stored.context import JobContext
from processing.stored.receipts import read_receipt
from processing.views.files import FileFilter, FileStatus, list_files

_UPLOADS: Final = 50
_BYTES: Final = 4 * 1024 * 1024
"""Of the rejected rows of each."""
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A rejected row that names what is looked for."""

    upload: str
    record: int
    line: int | None
    reasons: tuple[str, ...]
    """Each with its rule and what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedUploads:
    """Uploads from the day before on: no earlier one may have a row of the day."""

    rejected: Sequence[RejectedRow]
    """At most 20."""
    refused: Sequence[str]
    """Names of uploads of which nothing is in, at most 20."""
    unanswered: Sequence[str]
    """Names of those without an answer, at most 20."""
    left: int
    """Uploads whose rejected rows were not looked at, or not to their end."""


def trace_uploads(context: JobContext, customer: str, dataset: Dataset, day: date, texts: tuple[str, ...]) -> TracedUploads:
    """What uploads to the dataset's folder have of a row in which all these texts stand."""
    since = context.zone.start_of(days_beside(day)[0] or day)
    files = list_files(context, customer, FileFilter(dataset=dataset, since=since)).files
    suspects = [each for each in files if each.status in (UploadStatus.ACCEPTED_WITH_REJECTS, UploadStatus.REJECTED)]
    rejected: list[RejectedRow] = []
    left = max(len(suspects) - _UPLOADS, 0)
    for file in suspects[:_UPLOADS]:
        found = read_receipt(context.drop, customer, file.name)
        if found is not None and found[0].rejected_blob is not None:
            data, is_all = _rows(context, found[0])
            left += not is_all
            rejected += _matching(file, data, texts)
    return TracedUploads(
        rejected=rejected[:_SHOWN],
        refused=[each.name for each in files if each.status == UploadStatus.REJECTED][:_SHOWN],
        unanswered=[each.name for each in files if each.status in (None, UploadStatus.FAILED)][:_SHOWN],
        left=left,
    )


def _rows(context: JobContext, receipt: Receipt) -> tuple[bytes, bool]:
    """The first rejected rows of an upload, and whether these are all that are kept; none where they are gone."""
    container, name = blob_names.receipts_container(receipt.customer), receipt.rejected_blob or ""
    info = context.drop.head(container, name)
    if info is None:
        return b"", False
    data = context.drop.get_range(container, name, etag=info.etag, offset=0, length=_BYTES)
    return data, len(data) == info.size and receipt.rejected_from is None


def _matching(file: FileStatus, data: bytes, texts: tuple[str, ...]) -> Iterator[RejectedRow]:
    for line in data.split(b"\n"):
        row = _parsed(line)
        values = json.dumps(row.get("row"), ensure_ascii=False) if row.get("row") is not None else str(row.get("raw", ""))
        if row and all(_written(each) in values or each in values for each in texts):
            yield RejectedRow(
                upload=file.name,
                record=row["record"],
                line=row.get("line"),
                reasons=tuple(f"{each['rule']}: {each['message']}" for each in row.get("reasons", ())),
            )


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:  # what lies behind the bytes that are read
        return {}
    return row if isinstance(row, dict) else {}


def _written(text: str) -> str:
    """As JSON writes it within its quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
