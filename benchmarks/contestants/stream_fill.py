"""Fills a stream with answered uploads, a part and a receipt each, and one marker; not measured, others measure on it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.emulated import context_for, new_customer
from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.datasets import Dataset
from processing.domain.receipts import ReceiptSummary, UploadStatus

_THREADS: Final = 8


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:  # noqa: ARG001 - nothing is written here
    """The work: `uploads` of them; `found` names the customer."""
    context = context_for(task["connection"])
    customer = new_customer(context)
    drop, receipts = blob_names.drop_container(customer), blob_names.receipts_container(customer)
    now = context.drop.service_time()
    day = context.zone.day_of(now) - timedelta(days=1)

    def fill(number: int) -> None:
        name = f"metrics/{day.isoformat()}/part-{number:05d}.csv"
        etag = context.drop.put(drop, name, b"-")
        attempt = blob_names.new_attempt()
        part = PartName(dataset=Dataset.METRICS, customer=customer, day=day, attempt=attempt, number=0)
        context.lake.put(blob_names.STAGED_CONTAINER, str(part), b"-")
        summary = ReceiptSummary(
            etag=etag, status=UploadStatus.ACCEPTED, attempt=attempt, in_force_modified=now, next_try=None, rows_read=1
        )
        context.drop.put(receipts, blob_names.receipt_name(name), b"{}", metadata=summary.to_metadata())

    def work() -> dict[str, Any]:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(fill, range(task["uploads"])))
        context.drop.put(drop, f"signals/metrics/{day.isoformat()}", b"")
        return {"customer": customer, "day": day.isoformat()}

    return work
