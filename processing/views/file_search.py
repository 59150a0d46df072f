"""One upload by its name, as it lies there or as its receipt remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from processing.domain import blob_names
from processing.domain.receipts import Receipt
from processing.ports import BlobInfo
from processing.stored.context import JobContext
from processing.stored.receipts import read_receipt
from processing.stored.uploads import is_upload

_LONGEST_NAME: Final = 1_024


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


def find_file(context: JobContext, customer: str, name: str) -> FoundFile | None:
    """One upload of a customer, None where neither it nor a receipt of it is there."""
    if not name or len(name) > _LONGEST_NAME or "\0" in name or not is_upload(name):
        return None
    receipt = read_receipt(context.drop, customer, name)
    upload = context.drop.head(blob_names.drop_container(customer), name)
    if receipt is None and upload is None:
        return None
    return FoundFile(name=name, upload=upload, receipt=receipt[0] if receipt is not None else None)
