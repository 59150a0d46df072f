"""Where the uploads of a customer stand: which have no answer and why, which were refused and for what."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from processing.domain import blob_names
from processing.domain.attention.model import Actor, Attention, AttentionCode
from processing.domain.attention.of_days import counted, listed
from processing.domain.blob_names import Marker
from processing.domain.days import DayZone
from processing.domain.receipts import UploadStatus
from processing.ports import BlobInfo
from processing.stored.context import JobContext
from processing.stored.not_deleted import NotDeleted
from processing.stored.receipts import ListedReceipt, read_receipt
from processing.stored.uploads import directory_stubs
from processing.views.model import EarlyMarker, RefusedUpload, UploadsStatus, WaitingUpload

NAMES_SHOWN: Final = 100
_READ: Final = 20
"""Receipts that are read for what they say."""
_PATIENCE: Final = timedelta(minutes=15)
"""After which an upload should have been read, or tried."""


def uploads_status(
    context: JobContext, customer: str, uploads: Collection[BlobInfo], receipts: Mapping[str, ListedReceipt], now: datetime
) -> UploadsStatus:
    """Where these uploads stand, by the receipts that were listed after them."""
    unanswered, refused = [], []
    for info in uploads:
        seen = receipts.get(blob_names.receipt_name(info.name))
        if seen is not None and seen.summary.etag == info.etag and seen.summary.status is UploadStatus.REJECTED:
            refused.append(info)
        if seen is None or not seen.summary.answers(info.etag):
            unanswered.append((info, seen))
    stubs = directory_stubs(context.drop, customer, (info for info, _ in unanswered))
    waiting = [(info, seen) for info, seen in unanswered if info.name not in stubs]
    waiting.sort(key=lambda each: (each[0].last_modified, each[0].name))
    failed = [info.name for info, seen in waiting if seen is not None and seen.summary.etag == info.etag]
    refused.sort(key=lambda info: (-info.last_modified.timestamp(), info.name))
    return UploadsStatus(
        answered=len(uploads) - len(unanswered),
        unanswered=len(waiting),
        oldest_unanswered=waiting[0][0].last_modified if waiting else None,
        waiting=tuple(_waiting(context, customer, waiting[:NAMES_SHOWN])),
        failed=tuple(failed[:NAMES_SHOWN]),
        refused=tuple(info.name for info in refused[:NAMES_SHOWN]),
        refused_count=len(refused),
        refusals=tuple(_refusals(context, customer, refused[:_READ])),
        early_markers=tuple(islice(_early_markers(context.zone, uploads, now), NAMES_SHOWN)),
    )


def attention_of_uploads(customer: str, uploads: UploadsStatus, now: datetime) -> Iterator[Attention]:
    """What the uploads of a customer need, and of whom."""
    failed = [each for each in uploads.waiting if each.tries]
    if failed:
        first, names = failed[0], listed([each.name for each in failed], len(failed))
        again = "" if first.next_try is None else f", next try {first.next_try:%Y-%m-%dT%H:%M:%SZ}"
        yield Attention(
            code=AttentionCode.UPLOADS_FAILED,
            message=(
                f"{counted(len(uploads.failed), 'upload')} could not be answered yet: {names}; "
                f"{first.name} was tried {counted(first.tries, 'time')}{again}: {first.error}"
            ),
            who=Actor.OPERATOR,
            do=f"mend what it says; it is tried again by itself, or at once by `dropzone retry {customer}`",
        )
    late = [each for each in uploads.waiting if not each.tries and each.uploaded_at + _PATIENCE <= now]
    if late:
        yield Attention(
            code=AttentionCode.UPLOADS_WAITING,
            message=f"{counted(len(late), 'upload')} not read yet: {listed([each.name for each in late], len(late))}",
            who=Actor.OPERATOR,
            do="they are announced again with every sweep: see whether the app runs, and how long its queues are",
        )
    if uploads.refusals:
        youngest, names = uploads.refusals[0], listed(list(uploads.refused), uploads.refused_count)
        yield Attention(
            code=AttentionCode.UPLOADS_REFUSED,
            message=(f"{counted(uploads.refused_count, 'upload')} refused: {names}; {youngest.name}: {youngest.message}"),
            who=Actor.CUSTOMER,
            do="their receipts say what to change; upload them again, fixed, under the same names, or delete them",
        )


def attention_of_retention(customer: str, stays: Collection[NotDeleted]) -> Iterator[Attention]:
    """What the last night's retention could not delete."""
    if stays:
        first, names = next(iter(stays)), listed([each.name for each in stays], len(stays))
        yield Attention(
            code=AttentionCode.NOT_DELETED,
            message=f"{len(stays):,} uploads could not be deleted in their time: {names}; {first.name}: {first.reason}",
            who=Actor.OPERATOR,
            do=f"take away the policy or the hold on them in drop-{customer}, or leave them: each night tries again",
        )


def _waiting(
    context: JobContext, customer: str, uploads: Iterable[tuple[BlobInfo, ListedReceipt | None]]
) -> Iterator[WaitingUpload]:
    left = _READ
    for info, seen in uploads:
        found = None
        if seen is not None and seen.summary.etag == info.etag and left:
            found, left = read_receipt(context.drop, customer, info.name), left - 1
        receipt = found[0] if found is not None and found[0].etag == info.etag else None
        yield WaitingUpload(
            name=info.name,
            uploaded_at=info.last_modified,
            tries=receipt.retry.attempts if receipt is not None and receipt.retry is not None else 0,
            error=receipt.error.message if receipt is not None and receipt.error is not None else None,
            next_try=receipt.retry.next_try if receipt is not None and receipt.retry is not None else None,
        )


def _refusals(context: JobContext, customer: str, refused: Iterable[BlobInfo]) -> Iterator[RefusedUpload]:
    for info in refused:
        found = read_receipt(context.drop, customer, info.name)
        if found is not None and found[0].error is not None:
            error = found[0].error
            yield RefusedUpload(name=info.name, uploaded_at=info.last_modified, code=str(error.code), message=error.message)


def _early_markers(zone: DayZone, uploads: Iterable[BlobInfo], now: datetime) -> Iterator[EarlyMarker]:
    for info in uploads:
        kind = blob_names.kind_of_upload(info.name)
        if isinstance(kind, Marker) and not zone.has_ended(kind.day, now):
            yield EarlyMarker(name=info.name, day=kind.day, takes_effect=zone.end_of(kind.day))
