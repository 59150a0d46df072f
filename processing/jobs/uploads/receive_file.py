"""Answers one upload: the numbered steps of the protocol's "Ingest of one upload".

The receipt is the commit. Whatever happens before it is written leaves nothing but parts that no receipt names.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import structlog

from processing.domain import blob_names
from processing.domain.blob_names import DataFile, NotData
from processing.domain.errors import DropzoneError, Superseded
from processing.domain.receipts import Receipt, Upload, UploadStatus
from processing.domain.retries import MOST_DEATHS
from processing.domain.telemetry_names import Attribute, SpanName
from processing.jobs.failures import log_failure, safe_message
from processing.jobs.uploads.commit_receipt import commit_receipt, is_answered
from processing.jobs.uploads.draft_receipt import (
    Draft,
    draft_answer,
    failed_answer,
    is_exhausted,
    is_read,
    is_readable_again,
    unreadable_answer,
)
from processing.ports import BlobInfo
from processing.stored.answered import forget_answers
from processing.stored.context import JobContext
from processing.stored.receipts import read_receipt
from processing.stored.upload_notes import Turn, begin_attempt, end_attempt, end_request, keep_request
from processing.stored.uploads import is_stub

_log = structlog.get_logger()


class Company(Protocol):
    """What else is worked on in this process."""

    def admit(self, size: int, first: bytes) -> bool:
        """Return once a version of so many bytes, which begins so, may be read; whether that took a while."""

    def expect_alone(self) -> None:
        """Return once nothing else is worked on."""


class _Nobody:
    def admit(self, size: int, first: bytes) -> bool:  # noqa: ARG002 - nothing waits
        return False

    def expect_alone(self) -> None:
        pass


NOBODY: Final = _Nobody()
"""No company."""


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
    IN_HAND = "in_hand"
    """As many attempts as may be are under way; what comes of them decides."""
    NOT_NOW = "not_now"
    """Storage failed before anything was known of the upload, or another answer could not be given; the sweep asks again."""


def receive_file(
    context: JobContext,
    container: str,
    name: str,
    *,
    replaces_receipt: str | None = None,
    traceparent: str | None = None,
    company: Company = NOBODY,
) -> UploadStatus | Outcome:
    """Answer the present version of a blob in a drop container; any number of calls give the same answer.

    `replaces_receipt` is the ETag of a receipt that is to be replaced although it answers that version; `traceparent` the
    span that announced the upload. `company` is asked before it is read.

    What cannot be answered yet gets a `failed` receipt and is tried again by the sweep. An answer that is there stays until
    another one is given in its place. Raises only when `replaces_receipt` was asked for and not even that can be written down.
    """
    customer = blob_names.customer_of_drop_container(container)
    if customer is None:
        return Outcome.NOT_A_CUSTOMER
    log = _log.bind(customer=customer, blob=name)
    started = context.clock.now()
    with context.telemetry.span(SpanName.RECEIVE_FILE, {Attribute.CUSTOMER: customer}, links=[traceparent]):
        try:
            result = _receive(context, customer, name, replaces_receipt, company)
        except DropzoneError as error:
            log_failure(_log, "upload_not_received", error, customer=customer, blob=name)
            if replaces_receipt is not None:
                keep_request(context, customer, name, replaces_receipt, error=safe_message(error))
            result = Outcome.NOT_NOW
        context.telemetry.set_attributes({Attribute.OUTCOME: result.value})
    log.info("upload_received", outcome=result.value, seconds=(context.clock.now() - started).total_seconds())
    return result


def _receive(
    context: JobContext, customer: str, name: str, replaces_receipt: str | None, company: Company
) -> UploadStatus | Outcome:
    result = _answered(context, customer, name, replaces_receipt, company)
    if replaces_receipt is not None and result not in (Outcome.NOT_NOW, Outcome.IN_HAND):
        if result in (UploadStatus.REJECTED, Outcome.ALREADY_ANSWERED):
            # Before the request is gone, which is tried again until this is done.
            forget_answers(context, customer, [name])
        end_request(context, customer, name, replaces_receipt)
    return result


def _answered(
    context: JobContext, customer: str, name: str, replaces_receipt: str | None, company: Company
) -> UploadStatus | Outcome:
    if not blob_names.is_addressable(name):
        return Outcome.UNADDRESSABLE
    # Step 1: the version that is there now, whatever version the event spoke of.
    found = _look(context, customer, name)
    if found is None:
        return Outcome.GONE
    info, first = found
    if isinstance(blob_names.kind_of_upload(name), NotData) or is_stub(info):
        return Outcome.NOT_DATA
    if info.copy_pending:
        return Outcome.COPY_PENDING
    upload = Upload(customer=customer, name=name, etag=info.etag, size=info.size, last_modified=info.last_modified)
    earlier = read_receipt(context.drop, customer, name)
    if earlier is not None and is_readable_again(earlier[0], info):
        replaces_receipt = replaces_receipt or earlier[1]
    # Another answer that was asked for cannot be had of what was moved to the archive since: the one that is there stays.
    if is_answered(earlier, upload, None if info.unreadable is not None else replaces_receipt):
        return Outcome.ALREADY_ANSWERED
    task = _Task(upload=upload, info=info, first=first, earlier=earlier, replaces_receipt=replaces_receipt)
    if not is_read(upload, info):
        return _answer(context, task)
    if company.admit(info.size, first):
        return _answered(context, customer, name, replaces_receipt, company)  # who knows what is there by now
    return _attempted(context, task, company)


def _look(context: JobContext, customer: str, name: str) -> tuple[BlobInfo, bytes] | None:
    """The version that is there; of data with its first bytes, which are all that most files have."""
    container = blob_names.drop_container(customer)
    if isinstance(blob_names.kind_of_upload(name), DataFile):
        return context.drop.peek(container, name, length=context.first_bytes)
    info = context.drop.head(container, name)
    return None if info is None else (info, b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """A version that is to be answered."""

    upload: Upload
    info: BlobInfo
    first: bytes
    """Of the version, as many as were read with its properties."""
    earlier: tuple[Receipt, str] | None
    """The receipt that is there, and its ETag."""
    replaces_receipt: str | None

    @property
    def answered_before(self) -> str | None:
        """The other version that the receipt is of, if any. Of an attempt that was asked for, the note keeps the request."""
        is_of_other = self.earlier is not None and self.earlier[0].etag != self.upload.etag
        return self.earlier[0].etag if self.earlier is not None and is_of_other and self.replaces_receipt is None else None


def _attempted(context: JobContext, task: _Task, company: Company) -> UploadStatus | Outcome:
    """Answer an upload that must be read, unless that has ended every worker so far."""
    upload, earlier = task.upload, task.earlier
    begun = begin_attempt(
        context,
        upload,
        blob_names.new_attempt(),
        receipt=earlier[1] if earlier else None,
        replaces=task.replaces_receipt,
        before_another=company.expect_alone,
    )
    if begun.turn is Turn.IN_HAND:
        return Outcome.IN_HAND
    try:
        has_panicked = earlier is not None and is_exhausted(earlier[0], upload)
        is_exhausted_now = begun.turn is Turn.EXHAUSTED or has_panicked
        result = _exhausted(context, task) if is_exhausted_now else _answer(context, task)
    except Exception:
        end_attempt(context, upload, begun, answered=task.answered_before)
        raise
    # Here nothing has ended the process; what does, an engine's panic or an order to stop, leaves the note as it is.
    # After an answer, also of an attempt beside this one, the sweep takes the note away once it has seen it: until then the
    # note alone tells that the upload was there, should it be deleted.
    has_answer = result.is_answer if isinstance(result, UploadStatus) else result is Outcome.ALREADY_ANSWERED
    if not has_answer:
        # A failure has its own receipt by now.
        end_attempt(context, upload, begun, answered=None if isinstance(result, UploadStatus) else task.answered_before)
    return result


def _answer(context: JobContext, task: _Task) -> UploadStatus | Outcome:
    upload, replaces_receipt = task.upload, task.replaces_receipt
    try:
        with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch:
            is_reingest = replaces_receipt is not None
            draft = draft_answer(context, upload, task.info, Path(scratch), first=task.first, is_reingest=is_reingest)
            status = commit_receipt(context, upload, draft, earlier=task.earlier, replaces_receipt=replaces_receipt)
            return status or Outcome.ALREADY_ANSWERED
    except Superseded:
        return Outcome.SUPERSEDED
    except Exception as error:  # noqa: BLE001 - a bug of ours must end in a receipt too
        log_failure(_log, "upload_failed", error, customer=upload.customer, blob=upload.name)
        if replaces_receipt is not None:
            keep_request(context, upload.customer, upload.name, replaces_receipt, error=safe_message(error))
            return Outcome.NOT_NOW  # the answer that is there stays one
        return _commit(context, task, failed_answer(context, upload, error))


def _exhausted(context: JobContext, task: _Task) -> UploadStatus | Outcome:
    """Answer an upload that has ended every worker that read it."""
    upload = task.upload
    _log.error("upload_ends_its_worker", customer=upload.customer, blob=upload.name, tries=MOST_DEATHS)
    if task.replaces_receipt is not None:
        return Outcome.ALREADY_ANSWERED  # by the answer that was to be replaced
    return _commit(context, task, unreadable_answer(context, upload))


def _commit(context: JobContext, task: _Task, draft: Draft) -> UploadStatus | Outcome:
    try:
        return commit_receipt(context, task.upload, draft, earlier=task.earlier) or Outcome.ALREADY_ANSWERED
    except Superseded:
        return Outcome.SUPERSEDED
