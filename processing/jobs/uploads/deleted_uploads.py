"""Has receipts say that their uploads are gone, and withdraws their rows where the config says so (protocol, Deletions).

A deletion is answered as an upload of that name without rows would be: the receipt is read, the upload is looked at after that,
the change is noted, and the receipt is written on condition of the version that was read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.documents import to_json
from processing.domain.errors import ConditionNotMet, LaterError
from processing.domain.reasons import WarningCode
from processing.domain.receipts import InForce, Receipt, ReceiptSummary, ReceiptWarning, Upload
from processing.jobs.uploads.commit_receipt import announce_change
from processing.ports import Condition
from processing.stored.context import JobContext
from processing.stored.customer_config import load_config
from processing.stored.expiry import read_expiry
from processing.stored.receipts import read_receipt
from processing.stored.tries import tries

MOST_IN_A_ROUND: Final = 500
"""Uploads whose deletion one sweep tells; the others are left to the next."""

_log = structlog.get_logger()


def tell_deleted(context: JobContext, customer: str, gone: Collection[str]) -> dict[str, str | None]:
    """Write into the receipts of some of these uploads that they are gone.

    These are uploads that two sweeps did not find in their listings. Returns the names of those that need no more, with the
    ETag of the version that was there last; None for one that is there all the same, or has no receipt. LaterError when
    storage fails.
    """
    names = sorted(gone)[:MOST_IN_A_ROUND]
    if not names:
        return {}
    withdraws = load_config(context.lake, customer, context.configs).config.on_delete == "withdraw"
    done = {name: _tell(context, customer, name, withdraws=withdraws) for name in names}
    _log.info("deletions_told", customer=customer, uploads=len(done), left=len(gone) - len(done))
    return done


def _tell(context: JobContext, customer: str, name: str, *, withdraws: bool) -> str | None:
    """The version that the receipt says is gone; None where there is nothing to say."""
    container = blob_names.receipts_container(customer)
    for _ in tries(context):
        found = read_receipt(context.drop, customer, name)
        # As in an ingest: the receipt is read before the upload is looked at, so that what came meanwhile wins.
        if found is None or _is_there(context, customer, name):
            return None
        if found[0].deleted_at is not None:
            return found[0].etag
        receipt = replace(found[0], deleted_at=context.drop.service_time())
        in_force = receipt.in_force if withdraws else None
        # A marker has no parts: what it marked stays marked.
        if in_force is not None and in_force.parts and not _is_expired(context, receipt):
            receipt = _withdrawn(context, receipt, in_force, before=found)
        metadata = ReceiptSummary.of(receipt).to_metadata()
        try:
            context.drop.put(
                container,
                blob_names.receipt_name(name),
                to_json(receipt),
                when=Condition.unchanged(found[1]),
                metadata=metadata,
            )
        except ConditionNotMet:
            continue
        return receipt.etag
    raise LaterError(f"the receipt of {name} changes faster than it can be written")


def _is_there(context: JobContext, customer: str, name: str) -> bool:
    return context.drop.head(blob_names.drop_container(customer), name) is not None


def _is_expired(context: JobContext, receipt: Receipt) -> bool:
    """Whether our own retention may have deleted the upload; asked after it was looked for and not found."""
    now = context.drop.service_time()
    expiry = read_expiry(context, receipt.customer)
    # Programs before this one deleted without writing that down.
    own = now - timedelta(days=context.retention.uploads)
    return receipt.received_at < (own if expiry is None else max(own, expiry))


def _withdrawn(context: JobContext, receipt: Receipt, in_force: InForce, *, before: tuple[Receipt, str]) -> Receipt:
    """The receipt with no rows in force, the change being noted before it is written."""
    rows = sum(in_force.days.values())
    nothing = InForce(
        etag=in_force.etag,
        attempt=blob_names.new_attempt(),
        last_modified=in_force.last_modified,
        sha256=hashlib.sha256().hexdigest(),
        days={},
        parts=(),
    )
    upload = Upload(
        customer=receipt.customer,
        name=receipt.blob,
        etag=receipt.etag,
        size=receipt.size,
        last_modified=receipt.received_at,
    )
    announce_change(context, upload, before=before, after=nothing)
    message = f"the upload was deleted, and so its {rows:,} rows are withdrawn: upload the file again to have them back"
    warning = ReceiptWarning(code=WarningCode.WITHDRAWN, message=message, count=rows)
    return replace(receipt, in_force=nothing, warnings=(*receipt.warnings, warning))
