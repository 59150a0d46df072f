"""Asks for uploads to be answered again, by the config as it is now (contract section 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from processing.domain import blob_names
from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.documents import from_json
from processing.domain.queue_messages import upload_event
from processing.domain.receipts import Receipt, UploadStatus
from processing.ports import BlobInfo
from processing.stored.context import JobContext
from processing.stored.upload_notes import keep_request
from processing.stored.uploads import list_uploads

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReingestFilter:
    """Which uploads; every condition that is given must hold."""

    dataset: Dataset | None = None
    since: datetime | None = None
    """Received at this instant or later."""
    status: UploadStatus | None = None

    def takes(self, receipt: Receipt) -> bool:
        """Whether an upload with this receipt is meant."""
        return (self.since is None or receipt.received_at >= self.since) and self.status in (None, receipt.status)


def reingest(context: JobContext, customer: str, wanted: ReingestFilter) -> int:
    """Ask for another answer to each upload that is meant and still there; returns how many.

    Each request is written down before its message is sent, so that the sweep finds it when the message comes to nothing. It
    names the receipt that is to be replaced, so that it does its work once however often it is delivered.
    """
    datasets = DATA_DATASETS if wanted.dataset is None else (wanted.dataset,)
    sent = 0
    for dataset in datasets:
        for info in list_uploads(context.drop, customer, f"{dataset}/"):
            found = context.drop.get(blob_names.receipts_container(customer), blob_names.receipt_name(info.name))
            if found is None or not wanted.takes(from_json(Receipt, found[0])):
                continue
            ask_again(context, customer, info, found[1].etag)
            sent += 1
    _log.info("reingest_asked", customer=customer, uploads=sent)
    return sent


def ask_again(context: JobContext, customer: str, info: BlobInfo, replaces: str) -> None:
    """Ask for an upload to be answered in place of the receipt with this ETag."""
    keep_request(context, customer, info.name, replaces)
    context.drop_events.send(upload_event(blob_names.drop_container(customer), info.name, info.etag, replaces_receipt=replaces))
