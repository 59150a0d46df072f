"""Answers one upload: the numbered steps of the protocol's "Ingest of one upload".

The receipt is the commit. Whatever happens before it is written leaves nothing but parts that no receipt names.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.blob_names import DataFile, Marker, Misplaced, NotData, SignalFile
from processing.domain.datasets import Dataset
from processing.domain.errors import ConditionNotMet, Superseded
from processing.domain.records import (
    InForce,
    Part,
    Problem,
    Receipt,
    ReceiptSummary,
    Retry,
    RowCounts,
    Status,
    Upload,
    to_json,
)
from processing.jobs.context import JobContext
from processing.jobs.customer_config import load_config
from processing.jobs.failures import log_failure, told
from processing.jobs.ingest_receipt import with_outcome
from processing.jobs.own_blobs import put_own
from processing.jobs.pinned_upload import PinnedUpload
from processing.jobs.receipts import read_receipt
from processing.jobs.rejected_rows import RejectedRows
from processing.jobs.stream_state import load_state
from processing.jobs.uploads import is_stub
from processing.ports import ABSENT, BlobInfo, BlobKind, When
from processing.tables.ingest import EMPTY_FILE, IngestRequest, ingest_file
from processing.tables.staging import LocalPart

_FIRST_RETRY: Final = timedelta(minutes=1)
_LONGEST_RETRY: Final = timedelta(hours=1)

_log = structlog.get_logger()


class Outcome(StrEnum):
    """How a call of `receive_file` ended, besides the statuses of receipts."""

    NOT_A_CUSTOMER = "not_a_customer"
    NOT_DATA = "not_data"
    UNADDRESSABLE = "unaddressable"
    """No request can carry its name, so that nobody can read it."""
    GONE = "gone"
    COPY_PENDING = "copy_pending"
    SUPERSEDED = "superseded"
    ALREADY_ANSWERED = "already_answered"


def receive_file(context: JobContext, container: str, name: str, *, again: str | None = None) -> Status | Outcome:
    """Answer the present version of a blob in a drop container; any number of calls give the same answer.

    `again` is the ETag of a receipt that is to be replaced although it answers that version.

    What cannot be answered yet gets a `failed` receipt and is tried again by the sweep. Raises only when not even that
    could be written.
    """
    customer = blob_names.customer_of_drop_container(container)
    if customer is None:
        return Outcome.NOT_A_CUSTOMER
    log = _log.bind(customer=customer, blob=name)
    started = context.clock.now()
    result = _receive(context, customer, name, again)
    log.info("upload_received", outcome=result.value, seconds=(context.clock.now() - started).total_seconds())
    return result


def _receive(context: JobContext, customer: str, name: str, again: str | None) -> Status | Outcome:
    if not blob_names.is_addressable(name):
        return Outcome.UNADDRESSABLE
    # Step 1: the version that is there now, whatever version the event spoke of.
    info = context.drop.head(blob_names.drop_container(customer), name)
    if info is None:
        return Outcome.GONE
    kind = blob_names.kind_of_upload(name)
    if isinstance(kind, NotData) or is_stub(info):
        return Outcome.NOT_DATA
    if info.copy_pending:
        return Outcome.COPY_PENDING
    upload = Upload(customer=customer, name=name, etag=info.etag, size=info.size, last_modified=info.last_modified)
    earlier = read_receipt(context.drop, customer, name)
    if _is_answered(earlier, upload, again):
        return Outcome.ALREADY_ANSWERED
    try:
        return _answer(context, upload, info, again)
    except Superseded:
        return Outcome.SUPERSEDED


def _answer(context: JobContext, upload: Upload, info: BlobInfo, again: str | None) -> Status | Outcome:
    try:
        with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch:
            draft = _draft(context, upload, info, Path(scratch))
            return _commit(context, upload, draft, again)
    except Superseded:
        raise
    except Exception as error:  # noqa: BLE001 - a bug of ours must end in a receipt too
        log_failure(_log, "upload_failed", error, customer=upload.customer, blob=upload.name)
        return _commit(context, upload, _failed_draft(context, upload, error), again)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """What an attempt found out: a receipt still without its `in_force`, and what would be in force by it."""

    receipt: Receipt
    accepted: InForce | None = None
    """None when this version replaces nothing: refused, ignored, failed, or no data."""


def _draft(context: JobContext, upload: Upload, info: BlobInfo, scratch: Path) -> _Draft:
    kind = blob_names.kind_of_upload(upload.name)
    if info.kind is not BlobKind.BLOCK:
        return _refusal(context, upload, "blob_type", f"{info.kind} blobs are not read: upload a block blob")
    match kind:
        case Marker() if context.zone.is_far_ahead(kind.day, upload.last_modified):
            return _refusal(
                context, upload, "marker_too_early", f"{kind.day.isoformat()} is more than a day ahead: mark it later"
            )
        case Marker():
            marked = f"{kind.dataset or '*'}/{kind.day.isoformat()}"
            return _Draft(receipt=replace(_receipt(context, upload, Status.ACCEPTED), marks=(marked,)))
        case SignalFile():
            folder = "signals/" if kind.dataset is None else f"signals/{kind.dataset}/"
            return _refusal(
                context, upload, "not_a_marker", f"name the marker {folder}YYYY-MM-DD, for example {folder}2026-11-18"
            )
        case Misplaced():
            return _refusal(
                context,
                upload,
                "misplaced",
                f"upload it below one of metrics/, events/, exposures/, signals/; perhaps {kind.hint} was meant",
            )
        case DataFile():
            return _ingest(context, upload, kind.dataset, scratch)
        case _:
            raise AssertionError(kind)


def _ingest(context: JobContext, upload: Upload, dataset: Dataset, scratch: Path) -> _Draft:
    attempt = blob_names.new_attempt()
    parts: list[Part] = []

    def stage(own: Dataset, part: LocalPart) -> None:
        name = blob_names.PartName(dataset=own, customer=upload.customer, day=part.day, attempt=attempt, number=part.number)
        put_own(context.lake, blob_names.STAGED_CONTAINER, str(name), part.path)
        parts.append(Part(name=str(name), rows=part.rows))

    if upload.size == 0:
        return _withdrawal(context, upload, attempt)
    # Steps 2 and 3: read the pinned version, write parts and rejected rows under the attempt.
    loaded = load_config(context.lake, upload.customer, context.configs)
    request = IngestRequest(
        name=upload.name,
        dataset=dataset,
        uploaded_at=upload.last_modified,
        zone=context.zone,
        config=loaded.config,
        first_day=load_state(context, upload.customer, dataset).state.first_day,
    )
    pinned = PinnedUpload(context.drop, upload)
    rejected = RejectedRows(context.drop, upload, attempt)
    outcome = ingest_file(request, pinned, scratch=scratch, emit=stage, spill=rejected.spill)
    rejected_blob = rejected.store(outcome.rejected)
    receipt = with_outcome(
        _receipt(context, upload, Status.ACCEPTED), outcome, problem_of_config=loaded.problem, config=loaded.version
    )
    receipt = replace(receipt, rejected_blob=rejected_blob)
    if outcome.problem is not None and outcome.problem.code == EMPTY_FILE:
        return _withdrawal(context, upload, attempt)  # nothing is in it once it is unpacked
    if outcome.problem is not None:
        return _Draft(receipt=receipt)
    accepted = InForce(
        etag=upload.etag,
        attempt=attempt,
        last_modified=upload.last_modified,
        sha256=pinned.sha256(),
        config=loaded.version,
        days=outcome.days,
        parts=tuple(parts),
    )
    return _Draft(receipt=receipt, accepted=accepted)


def _withdrawal(context: JobContext, upload: Upload, attempt: str) -> _Draft:
    """A zero-byte file: it replaces the rows of the version in force by none; `_commit` ignores it where there are none."""
    accepted = InForce(
        etag=upload.etag,
        attempt=attempt,
        last_modified=upload.last_modified,
        sha256=hashlib.sha256().hexdigest(),
        days={},
        parts=(),
    )
    return _Draft(receipt=_receipt(context, upload, Status.ACCEPTED), accepted=accepted)


def _is_answered(found: tuple[Receipt, str] | None, upload: Upload, again: str | None) -> bool:
    """Whether the upload has an answer that is to stay."""
    if found is None:
        return False
    receipt, etag = found
    return ReceiptSummary.of(receipt).answers(upload.etag) and etag != again


def _commit(context: JobContext, upload: Upload, draft: _Draft, again: str | None) -> Status | Outcome:
    container, name = blob_names.receipts_container(upload.customer), blob_names.receipt_name(upload.name)
    while True:
        # Step 4: the receipt as it stands. It is read before the upload is looked at again (step 6); the other order
        # would let an old version replace a newer one that was answered in between.
        found = read_receipt(context.drop, upload.customer, upload.name)
        current = found[0] if found else None
        if _is_answered(found, upload, again):
            return Outcome.ALREADY_ANSWERED
        receipt = _final(draft, current)
        # Step 6: is this still the version to answer?
        info = context.drop.head(blob_names.drop_container(upload.customer), upload.name)
        if info is None or info.etag != upload.etag:
            raise Superseded(f"{upload.name} has a newer version, or is gone")
        # Step 7: the commit.
        try:
            context.drop.put(
                container,
                name,
                to_json(receipt),
                when=When.unchanged(found[1]) if found else ABSENT,
                metadata=ReceiptSummary.of(receipt).to_metadata(),
            )
        except ConditionNotMet:
            continue
        return receipt.status


def _final(draft: _Draft, current: Receipt | None) -> Receipt:
    in_force = current.in_force if current else None
    receipt = draft.receipt
    if receipt.status is Status.FAILED and receipt.retry is not None:
        return replace(receipt, in_force=in_force, retry=_next_retry(receipt.retry, receipt.etag, current))
    if draft.accepted is None:
        return replace(receipt, in_force=in_force)
    if not draft.accepted.parts and receipt.format is None and in_force is None:
        problem = Problem(code=EMPTY_FILE, message="the file is empty and replaces nothing")
        return replace(receipt, status=Status.IGNORED, error=problem)
    accepted = draft.accepted
    # Step 5: the same bytes with the same outcome change nothing, not even the order among uploads. The outcome is
    # compared too, because a rule may depend on the day of the upload or on the config.
    if in_force is not None and _outcome(in_force) == _outcome(accepted):
        accepted = replace(in_force, etag=accepted.etag)
    return replace(receipt, in_force=accepted)


def _outcome(version: InForce) -> tuple[object, ...]:
    return version.sha256, version.config, version.days


def _receipt(context: JobContext, upload: Upload, status: Status) -> Receipt:
    folder = upload.name.partition("/")[0]
    return Receipt(
        blob=upload.name,
        customer=upload.customer,
        dataset=folder if folder in list(Dataset) else "",
        etag=upload.etag,
        size=upload.size,
        format=None,
        status=status,
        received_at=upload.last_modified,
        finished_at=context.clock.now(),
        in_force=None,
        rows=RowCounts(),
        program=context.program,
    )


def _refusal(context: JobContext, upload: Upload, code: str, message: str) -> _Draft:
    return _Draft(receipt=replace(_receipt(context, upload, Status.REJECTED), error=Problem(code=code, message=message)))


def _failed_draft(context: JobContext, upload: Upload, error: Exception) -> _Draft:
    now = context.clock.now()
    receipt = replace(
        _receipt(context, upload, Status.FAILED),
        error=Problem(code="not_answered_yet", message=f"{told(error)}; this is ours to mend, and it is tried again"),
        retry=Retry(since=now, attempts=1, next_try=now + _FIRST_RETRY),
    )
    return _Draft(receipt=receipt)


def _next_retry(first: Retry, etag: str, current: Receipt | None) -> Retry:
    if current is None or current.retry is None or current.etag != etag:
        return first
    attempts = current.retry.attempts + 1
    now = first.next_try - _FIRST_RETRY
    wait = min(_FIRST_RETRY * 2 ** min(attempts - 1, 10), _LONGEST_RETRY)
    return Retry(since=current.retry.since, attempts=attempts, next_try=now + wait)
