"""A customer's uploads and what each was answered, the newest first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from processing.domain import blob_names
from processing.domain.receipts import ReceiptSummary
from processing.stored.context import JobContext
from processing.stored.receipts import list_receipts
from processing.stored.uploads import list_uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatus:
    """One upload as it lies there now."""

    name: str
    size: int
    """Bytes."""
    uploaded_at: datetime
    status: str | None
    """Of the receipt that is current for it; None while there is none."""
    rows: int | None
    """Records that were read of it."""
    days: Collection[date] | None = ()
    """Of which it holds rows in force, by whichever version; None where they are so many that its receipt must be read."""


def list_files(context: JobContext, customer: str, prefix: str = "") -> list[FileStatus]:
    """Uploads whose names start with `prefix`, a folder, by two listings."""
    uploads = list(list_uploads(context.drop, customer, prefix))
    receipts = list_receipts(context.drop, customer, prefix)
    found = []
    for info in uploads:
        seen = receipts.get(blob_names.receipt_name(info.name))
        is_current = seen is not None and seen.summary.etag == info.etag
        found.append(
            FileStatus(
                name=info.name,
                size=info.size,
                uploaded_at=info.last_modified,
                status=seen.summary.status.value if seen is not None and is_current else None,
                rows=seen.summary.rows_read if seen is not None and is_current else None,
                days=() if seen is None else _days(seen.summary),
            )
        )
    return sorted(found, key=lambda file: (file.uploaded_at, file.name), reverse=True)


def _days(summary: ReceiptSummary) -> Collection[date] | None:
    return None if summary.parts is None else frozenset(day for _, day in summary.parts)
