"""Uploads that may have had a row which is not in: its record among the rejected rows, refused uploads, unanswered ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.days import days_beside
from processing.domain.receipts import Receipt, UploadStatus
from processing.publication.events.user_ids import id_text
from processing.stored.context import JobContext
from processing.stored.customer_config import load_config
from processing.stored.receipts import read_receipt
from processing.views.files import FileFilter, FileStatus, list_files

_UPLOADS: Final = 50
_BYTES: Final = 4 * 1024 * 1024
"""Of the rejected rows of each."""
_SHOWN: Final = 20
_BEFORE: Final = r"""(?:^|[,;|:\t\r\n\[{])[ \t]*[\\"']*"""
_BEHIND: Final = r"""[\\"']*[ \t]*(?:$|[,;|\t\r\n\]}])"""
"""What stands around a field of CSV or JSON; behind a name of JSON stands a colon, which is none of them."""


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
    """What uploads to the dataset's folder have of a row in which each of these texts is a value.

    A metric that the config finds in a column of wide tables is named by a value in that column.
    """
    columns = load_config(context.lake, customer, context.configs).config.dataset(dataset).values
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
            rejected += _matching(file, data, texts, columns)
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


def _matching(file: FileStatus, data: bytes, texts: tuple[str, ...], columns: Mapping[str, str]) -> Iterator[RejectedRow]:
    for line in data.split(b"\n"):
        row = _parsed(line)
        if row and _names_all(row, texts, columns):
            yield RejectedRow(
                upload=file.name,
                record=row["record"],
                line=row.get("line"),
                reasons=tuple(f"{each['rule']}: {each['message']}" for each in row.get("reasons", ())),
            )


def _parsed(line: bytes | str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):  # what lies behind the bytes that are read, or is no JSON
        return {}
    return row if isinstance(row, dict) else {}


def _names_all(row: dict[str, Any], texts: tuple[str, ...], columns: Mapping[str, str]) -> bool:
    own = row.get("row")
    if not isinstance(own, dict):
        raw = str(row.get("raw", ""))
        return all(_is_field(each, raw) for each in texts)
    values = {*_values(own), *(name for name, column in columns.items() if own.get(column) is not None)}
    return values.issuperset(texts)


def _values(found: object) -> Iterator[str]:
    """Every value as text, without the names before them; of a text that is an object of JSON, as `user` is, those in it."""
    left = [found]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += each.values()
        elif isinstance(each, list):
            left += each
        elif (text := id_text(each)) is not None:
            yield text.strip()
            if text.lstrip().startswith("{"):
                left += _parsed(text).values()


def _is_field(text: str, raw: str) -> bool:
    """Whether a text is a whole field of a record that could not be taken apart, as it is or as CSV or JSON writes it."""
    written = {text, text.replace('"', '""'), json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]}
    return any(re.search(f"{_BEFORE}{re.escape(each)}{_BEHIND}", raw) for each in written)
