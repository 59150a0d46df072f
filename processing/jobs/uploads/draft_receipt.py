"""What an upload is to be answered, before anything of it counts: steps 2 and 3 of the protocol's ingest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import attrgetter
from pathlib import Path

from processing.domain import blob_names
from processing.domain.blob_names import DataFile, Marker, Misplaced, SignalFile
from processing.domain.datasets import Dataset
from processing.domain.errors import EnginePanicError
from processing.domain.reasons import DelayCode, RefusalCode
from processing.domain.receipts import InForce, Part, Receipt, ReceiptError, Retry, RowCounts, Upload, UploadStatus
from processing.domain.retries import MOST_DEATHS, wait_after
from processing.domain.streams import Stream
from processing.ingest.ingest_file import IngestRequest, ingest_file
from processing.ingest.staging import LocalPart
from processing.jobs.failures import safe_message
from processing.jobs.uploads.ingest_receipt import with_outcome
from processing.jobs.uploads.marker_receipt import answer_finished_dates, answer_marker
from processing.jobs.uploads.pinned_upload import PinnedUpload
from processing.jobs.uploads.rejected_rows import RejectedRows
from processing.jobs.uploads.stream_days import stream_days
from processing.ports import BlobInfo, BlobKind
from processing.stored.context import JobContext
from processing.stored.customer_config import LoadedConfig, load_config, meaning_of
from processing.stored.staged_parts import stage_part
from processing.stored.streams import begin_stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an attempt found out: a receipt still without its `in_force`, and what would be in force by it."""

    receipt: Receipt
    accepted: InForce | None = None
    """None when this version replaces nothing: refused, ignored, failed, or no data."""
    begun: datetime | None = None
    """Before the first of its parts was written, by the host's clock; None where it brings no other rows."""


def draft_answer(context: JobContext, upload: Upload, info: BlobInfo, scratch: Path, *, is_reingest: bool) -> Draft:
    """The answer to a version; its parts and rejected rows are stored under an attempt of its own, and count for nothing yet.

    Raises Superseded when the version is gone, LaterError and OperatorError when storage fails.
    """
    kind = blob_names.kind_of_upload(upload.name)
    if info.unreadable is not None:
        message = (
            f"storage does not let us read it ({info.unreadable}): upload it under another name, readable and without a key"
        )
        return _refusal(context, upload, RefusalCode.UNREADABLE_BLOB, message)
    if info.kind is not BlobKind.BLOCK:
        return _refusal(context, upload, RefusalCode.BLOB_TYPE, f"{info.kind} blobs are not read: upload a block blob")
    match kind:
        case Marker():
            blank = _receipt(context, upload, UploadStatus.ACCEPTED)
            return Draft(receipt=answer_marker(context, upload, info, kind, blank))
        case SignalFile():
            return _finished_dates(context, upload, kind, scratch)
        case Misplaced():
            return _refusal(
                context,
                upload,
                RefusalCode.MISPLACED,
                f"upload it below one of metrics/, events/, exposures/, signals/; perhaps {kind.hint} was meant",
            )
        case DataFile():
            return _ingest(context, upload, kind.dataset, scratch, is_reingest=is_reingest)
        case _:
            raise AssertionError(kind)


def is_read(upload: Upload, info: BlobInfo) -> bool:
    """Whether anything of an upload must be read to answer it, which may end the process that does."""
    kind = blob_names.kind_of_upload(upload.name)
    return upload.size > 0 and info.unreadable is None and info.kind is BlobKind.BLOCK and not isinstance(kind, Misplaced)


def unreadable_answer(context: JobContext, upload: Upload) -> Draft:
    """That the file ended every attempt to read it, so that there is no further one."""
    message = (
        f"each of {MOST_DEATHS} attempts to read the file ended the program that read it; the operators were told. "
        "Upload the rows in another form: several smaller files, or as CSV"
    )
    return _refusal(context, upload, RefusalCode.UNREADABLE_HERE, message)


def _finished_dates(context: JobContext, upload: Upload, signal: SignalFile, scratch: Path) -> Draft:
    """A file of finished dates: its days are in force like the rows of any upload, and it has no parts."""
    attempt = blob_names.new_attempt()
    blank = _receipt(context, upload, UploadStatus.ACCEPTED)
    rejected = RejectedRows(context.drop, upload, attempt)
    receipt, outcome, pinned = answer_finished_dates(context, upload, signal, blank, (scratch, rejected.spill))
    if outcome.problem is not None and outcome.problem.code == RefusalCode.EMPTY_FILE:
        return _withdrawal(context, upload, attempt)
    receipt = replace(receipt, rejected_blob=rejected.store(outcome.rejected))
    if receipt.status is UploadStatus.REJECTED:
        return Draft(receipt=receipt)
    return Draft(receipt=receipt, accepted=_in_force(upload, attempt, pinned, outcome.days, ()))


def is_exhausted(receipt: Receipt, upload: Upload) -> bool:
    """Whether the engine gave up on a version in as many attempts as may end a worker: then it always will."""
    retry, error = receipt.retry, receipt.error
    if receipt.etag != upload.etag or retry is None or error is None:
        return False
    return error.code == DelayCode.ENGINE_PANICKED and retry.attempts >= MOST_DEATHS


def failed_answer(context: JobContext, upload: Upload, error: Exception) -> Draft:
    """That we could not answer yet, and when it is tried again."""
    now = context.drop.service_time()  # the sweep compares with this clock, and the host's may be wrong
    receipt = replace(
        _receipt(context, upload, UploadStatus.FAILED),
        error=ReceiptError(
            code=DelayCode.ENGINE_PANICKED if isinstance(error, EnginePanicError) else DelayCode.NOT_ANSWERED_YET,
            message=f"{safe_message(error)}; this is ours to fix, and it is tried again",
        ),
        retry=Retry(since=now, attempts=1, next_try=now + wait_after(1)),
    )
    return Draft(receipt=receipt)


def _ingest(context: JobContext, upload: Upload, dataset: Dataset, scratch: Path, *, is_reingest: bool) -> Draft:
    attempt = blob_names.new_attempt()
    begun = context.clock.now()
    parts: list[Part] = []
    staged: set[Dataset] = set()

    def stage(own: Dataset, part: LocalPart) -> None:
        name = blob_names.PartName(dataset=own, customer=upload.customer, day=part.day, attempt=attempt, number=part.number)
        stage_part(context.lake, name, part.path, blob_names.receipt_name(upload.name))
        parts.append(Part(name=str(name), rows=part.rows))
        staged.add(own)

    if upload.size == 0:
        return _withdrawal(context, upload, attempt)
    # Steps 2 and 3: read the pinned version, write parts and rejected rows under the attempt.
    loaded = _config(context, upload.customer, is_reingest=is_reingest)
    streams = stream_days(context, upload, dataset)
    request = IngestRequest(
        name=upload.name,
        dataset=dataset,
        uploaded_at=upload.last_modified,
        zone=context.zone,
        config=loaded.config,
        streams=streams,
        deadline=context.deadline(),
    )
    pinned = PinnedUpload(context.drop, upload)
    rejected = RejectedRows(context.drop, upload, attempt)
    outcome = ingest_file(request, pinned, scratch=scratch, emit=stage, spill=rejected.spill)
    rejected_blob = rejected.store(outcome.rejected)
    receipt = with_outcome(
        _receipt(context, upload, UploadStatus.ACCEPTED), outcome, problem_of_config=loaded.problem, config=loaded.version
    )
    receipt = replace(receipt, rejected_blob=rejected_blob, md5=pinned.md5())
    if outcome.problem is not None and outcome.problem.code == RefusalCode.EMPTY_FILE:
        return _withdrawal(context, upload, attempt)  # nothing is in it once it is unpacked
    if outcome.problem is not None:
        return Draft(receipt=receipt)
    accepted = _in_force(upload, attempt, pinned, outcome.days, parts)
    accepted = replace(accepted, config=loaded.version, meaning=meaning_of(loaded.config, dataset), trace=receipt.trace)
    for own in sorted(staged):
        if not streams[own].is_known:
            begin_stream(context, Stream(upload.customer, own))  # before its first rows count
    return Draft(receipt=receipt, accepted=accepted, begun=begun)


def _config(context: JobContext, customer: str, *, is_reingest: bool) -> LoadedConfig:
    """What is in force; a reingest is asked for because it has changed."""

    def read() -> LoadedConfig:
        return load_config(context.lake, customer, context.configs)

    if is_reingest:
        return read()
    return context.recent.get(("config", customer), context.clock.now(), read, keeps=lambda loaded: loaded.problem is None)


def _in_force(upload: Upload, attempt: str, pinned: PinnedUpload, days: Mapping[date, int], parts: Iterable[Part]) -> InForce:
    return InForce(
        etag=upload.etag,
        attempt=attempt,
        last_modified=upload.last_modified,
        sha256=pinned.sha256(),
        days=days,
        parts=tuple(sorted(parts, key=attrgetter("name"))),
    )


def _withdrawal(context: JobContext, upload: Upload, attempt: str) -> Draft:
    """A zero-byte file: it replaces the rows of the version in force by none; `_commit` ignores it where there are none."""
    accepted = InForce(
        etag=upload.etag,
        attempt=attempt,
        last_modified=upload.last_modified,
        sha256=hashlib.sha256().hexdigest(),
        days={},
        parts=(),
    )
    receipt = replace(_receipt(context, upload, UploadStatus.ACCEPTED), md5=_md5_of_nothing(upload))
    return Draft(receipt=receipt, accepted=accepted, begun=context.clock.now())


def _md5_of_nothing(upload: Upload) -> str | None:
    # Of a file that is empty once it is unpacked, the bytes are others.
    return hashlib.md5(usedforsecurity=False).hexdigest() if upload.size == 0 else None


def _refusal(context: JobContext, upload: Upload, code: RefusalCode, message: str) -> Draft:
    return Draft(
        receipt=replace(_receipt(context, upload, UploadStatus.REJECTED), error=ReceiptError(code=code, message=message))
    )


def _receipt(context: JobContext, upload: Upload, status: UploadStatus) -> Receipt:
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
        trace=context.telemetry.traceparent(),
    )
