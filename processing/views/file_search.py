"""Uploads by what somebody looks for: a status, a dataset, a day or a part of the name; and one upload with its answer.

The list is made by two listings of the folder that is looked in, whatever the page: what grows with the uploads that are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.receipts import Receipt
from processing.ports import BlobInfo
from processing.stored.context import JobContext
from processing.stored.receipts import read_receipt
from processing.stored.uploads import is_upload
from processing.views.files import FileStatus, list_files

_LONGEST_NAME = 1_024
NO_ANSWER = "none"
"""In the place of a status: an upload without a current receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFilter:
    """What is looked for; None for whatever it is."""

    dataset: Dataset | None = None
    """The folder."""
    status: str | None = None
    """Of the current receipt, or NO_ANSWER."""
    day: date | None = None
    """A day of which the upload holds rows in force."""
    name: str | None = None
    """A part of the name, in whatever case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """One upload, as it lies there or as its receipt remembers it."""

    name: str
    upload: BlobInfo | None
    """None where it is gone: deleted, or given up by retention."""
    receipt: Receipt | None

    @property
    def is_current(self) -> bool:
        """Whether the receipt answers what lies there now."""
        return self.receipt is not None and self.upload is not None and self.receipt.etag == self.upload.etag


def search_files(context: JobContext, customer: str, wanted: FileFilter) -> list[FileStatus]:
    """The uploads that are looked for, the newest first."""
    found = list_files(context, customer, f"{wanted.dataset}/" if wanted.dataset is not None else "")
    part = (wanted.name or "").casefold()
    return [
        file
        for file in found
        if part in file.name.casefold()
        and wanted.status in (None, file.status or NO_ANSWER)
        and (wanted.day is None or _has_day(context, customer, file, wanted.day))
    ]


def find_file(context: JobContext, customer: str, name: str) -> FoundFile | None:
    """One upload of a customer, None where neither it nor a receipt of it is there."""
    if not name or len(name) > _LONGEST_NAME or "\0" in name or not is_upload(name):
        return None
    receipt = read_receipt(context.drop, customer, name)
    upload = context.drop.head(blob_names.drop_container(customer), name)
    if receipt is None and upload is None:
        return None
    return FoundFile(name=name, upload=upload, receipt=receipt[0] if receipt is not None else None)


def _has_day(context: JobContext, customer: str, file: FileStatus, day: date) -> bool:
    if file.days is not None:
        return day in file.days
    found = read_receipt(context.drop, customer, file.name)
    return found is not None and found[0].in_force is not None and day in found[0].in_force.days
