"""What an upload is to be answered, before anything of it counts: steps 2 and 3 of the protocol's ingest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import attrgetter
from pathlib import Path
from typing import Final

from processing.domain import blob_names
from processing.domain.blob_names import DataFile, Marker, Misplaced, MissedMarker, SignalFile
from processing.domain.datasets import FOLDERS, Dataset
from processing.domain.errors import EnginePanicError
from processing.domain.journal_names import is_journal_upload
from processing.domain.readiness.marker_manifest import ManifestRefusedError
from processing.domain.reasons import DelayCode, RefusalCode
from processing.domain.receipts import InForce, Part, Receipt, ReceiptError, Retry, RowCounts, Upload, UploadStatus
from processing.domain.retries import MOST_DEATHS, wait_after
from processing.domain.stream_state import ExpectedFile
from processing.domain.streams import Stream
from processing.ingest.ingest_file import IngestRequest, ingest_file
from processing.ingest.staging import LocalPart
from processing.jobs.failures import safe_message
from processing.jobs.uploads.ingest_receipt import with_outcome
from processing.jobs.uploads.marker_receipt import answer_finished_dates, answer_marker, answer_missed
from processing.jobs.uploads.pinned_upload import PinnedUpload
from processing.jobs.uploads.rejected_rows import RejectedRows
from processing.jobs.uploads.same_bytes import same_bytes_warnings
from processing.jobs.uploads.stream_days import stream_days
from processing.ports import ARCHIVED, BlobInfo, BlobKind
from processing.stored.context import JobContext
from processing.stored.customer_config import LoadedConfig, for_plain_rows, load_config, meaning_of
from processing.stored.marker_content import HEAD, name_of_dates
from processing.stored.markers import manifest_of
from processing.stored.staged_parts import stage_part
from processing.stored.streams import begin_stream
from processing.stored.uploads import is_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an attempt found out: a receipt still without its `in_force`, and what would be in force by it."""

    receipt: Receipt
    accepted: InForce | None = None
    """None when this version replaces nothing: refused, ignored, failed, or no data."""
    begun: datetime | None = None
    """Before the first of its parts was written, by the host's clock; None where it brings no other rows."""


_LARGEST_OF_JOURNAL: Final = 64 * 1024 * 1024
"""Bytes; what is larger only has the name of one that came of the journal."""
_NO_DATES: Final = (RefusalCode.MISSING_COLUMN, RefusalCode.UNREADABLE_HEADER, RefusalCode.EMPTY_FILE)
"""What a file is refused for that has no column of finished dates."""


def draft_answer(
    context: JobContext, upload: Upload, info: BlobInfo, scratch: Path, *, first: bytes = b"", is_reingest: bool
) -> Draft:
    """The answer to a version; its parts and rejected rows are stored under an attempt of its own, and count for nothing yet.

    `first` are first bytes of that version that were read already, if any.
    Raises Superseded when the version is gone, LaterError and OperatorError when storage fails.
    """
    kind = blob_names.kind_of_upload(upload.name)
    if info.unreadable is not None:
        return _refusal(context, upload, RefusalCode.UNREADABLE_BLOB, _unreadable(info.unreadable))
    if info.kind is not BlobKind.BLOCK:
        return _refusal(context, upload, RefusalCode.BLOB_TYPE, f"{info.kind} blobs are not read: upload a block blob")
    match kind:
        case Marker() if is_folder(info):
            return Draft(receipt=answer_missed(_receipt(context, upload, UploadStatus.REJECTED), upload.name, is_folder=True))
        case Marker():
            return _marker(context, upload, info, kind, scratch)
        case MissedMarker():
            return Draft(receipt=answer_missed(_receipt(context, upload, UploadStatus.REJECTED), kind.right_name))
        case SignalFile():
            return _finished_dates(context, upload, kind, scratch)
        case Misplaced():
            message = f"upload it below one of metrics/, events/, exposures/, signals/; perhaps {kind.hint} was meant"
            if kind.marker is not None:
                message += f", or {kind.marker} where it is to mark a day"
            return _refusal(context, upload, RefusalCode.MISPLACED, message)
        case DataFile():
            pinned = PinnedUpload(context.drop, upload, first)
            return _ingest(context, upload, kind.dataset, scratch, pinned, is_reingest=is_reingest)
        case _:
            raise AssertionError(kind)


def is_read(upload: Upload, info: BlobInfo) -> bool:
    """Whether anything of an upload must be read to answer it, which may end the process that does."""
    kind = blob_names.kind_of_upload(upload.name)
    has_bytes = upload.size > 0 and info.unreadable is None and info.kind is BlobKind.BLOCK
    return has_bytes and not isinstance(kind, Misplaced | MissedMarker)


def is_readable_again(receipt: Receipt, info: BlobInfo) -> bool:
    """Whether a version was refused because storage would not let us read it, and does now: moving it makes no new version."""
    is_of_tier = receipt.error is not None and receipt.error.code == RefusalCode.UNREADABLE_BLOB
    return is_of_tier and receipt.etag == info.etag and info.unreadable is None


def unreadable_answer(context: JobContext, upload: Upload) -> Draft:
    """That the file ended every attempt to read it, so that there is no further one."""
    message = (
        f"each of {MOST_DEATHS} attempts to read the file ended the program that read it; the operators were told. "
        "Upload the rows in another form: several smaller files, or as CSV"
    )
    return _refusal(context, upload, RefusalCode.UNREADABLE_HERE, message)


def _unreadable(why: str) -> str:
    if why == ARCHIVED:
        return (
            "it lies in the archive tier, where storage lets nobody read it: move it to the Hot tier, and it is read by itself "
            "once it is there, or upload it again under another name"
        )
    return f"storage does not let us read it ({why}): upload it under another name, readable and without a key"


def _marker(context: JobContext, upload: Upload, info: BlobInfo, marker: Marker, scratch: Path) -> Draft:
    """A blob whose name marks a day, unless it names finished days itself."""
    files: tuple[ExpectedFile, ...] = ()
    try:
        files = manifest_of(context.drop, upload.customer, info)
        blank = _receipt(context, upload, UploadStatus.ACCEPTED)
        plain = Draft(receipt=answer_marker(context, upload, marker, blank, files))
    except ManifestRefusedError as error:
        plain = _refusal(context, upload, RefusalCode.MANIFEST_UNREADABLE, str(error))
    read_as = None
    if upload.size and not files:
        head = PinnedUpload(context.drop, upload).read(0, HEAD)
        read_as = name_of_dates(upload.name, head)
    return plain if read_as is None else _finished_dates(context, upload, marker, scratch, read_as=read_as, plain=plain)


def _finished_dates(
    context: JobContext,
    upload: Upload,
    signal: SignalFile | Marker,
    scratch: Path,
    *,
    read_as: str | None = None,
    plain: Draft | None = None,
) -> Draft:
    """A file of finished dates: its days are in force like the rows of any upload, and it has no parts.

    `plain` is the answer where it turns out to name none, and its own name marks a day.
    """
    attempt = blob_names.new_attempt()
    blank = _receipt(context, upload, UploadStatus.ACCEPTED)
    rejected = RejectedRows(context.drop, upload, attempt)
    receipt, outcome, pinned = answer_finished_dates(context, upload, signal, blank, (scratch, rejected), read_as=read_as)
    if plain is not None and outcome.problem is not None and outcome.problem.code in _NO_DATES:
        return plain
    if outcome.problem is not None and outcome.problem.code == RefusalCode.EMPTY_FILE:
        return _withdrawal(context, upload, attempt)
    receipt = rejected.store(receipt, outcome)
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


def _ingest(
    context: JobContext, upload: Upload, dataset: Dataset, scratch: Path, pinned: PinnedUpload, *, is_reingest: bool
) -> Draft:
    attempt = blob_names.new_attempt()
    begun = context.clock.now()
    parts: list[Part] = []
    staged: set[Dataset] = set()

    def stage(own: Dataset, part: LocalPart) -> None:
        name = blob_names.PartName(dataset=own, customer=upload.customer, day=part.day, attempt=attempt, number=part.number)
        stage_part(context.lake, name, part.path, blob_names.receipt_name(upload.name), part.rows)
        parts.append(Part(name=str(name), rows=part.rows))
        staged.add(own)

    if upload.size == 0:
        return _withdrawal(context, upload, attempt)
    # Steps 2 and 3: read the pinned version, write parts and rejected rows under the attempt.
    loaded = _config(context, upload.customer, is_reingest=is_reingest)
    are_answered = is_journal_upload(upload.name) and upload.size <= _LARGEST_OF_JOURNAL
    if are_answered:
        loaded = replace(loaded, config=for_plain_rows(loaded.config))
    streams = stream_days(context, upload, dataset, loaded.config)
    request = IngestRequest(
        name=upload.name,
        dataset=dataset,
        uploaded_at=upload.last_modified,
        zone=context.zone,
        config=loaded.config,
        streams=streams,
        are_answered=are_answered,
        with_fixes=True,
        deadline=context.deadline(),
    )
    rejected = RejectedRows(context.drop, upload, attempt)
    outcome = ingest_file(request, pinned, scratch=scratch, emit=stage, spill=rejected.spill, spill_fixes=rejected.spill_fixes)
    receipt = with_outcome(
        _receipt(context, upload, UploadStatus.ACCEPTED), outcome, problem_of_config=loaded.problem, config=loaded.version
    )
    receipt = replace(rejected.store(receipt, outcome), md5=pinned.md5())
    if outcome.problem is not None and outcome.problem.code == RefusalCode.EMPTY_FILE:
        return _withdrawal(context, upload, attempt)  # nothing is in it once it is unpacked
    if outcome.problem is not None:
        return Draft(receipt=receipt)
    accepted = _in_force(upload, attempt, pinned, outcome.days, parts)
    accepted = replace(accepted, config=loaded.version, meaning=meaning_of(loaded.config, dataset), trace=receipt.trace)
    receipt = replace(receipt, md5=pinned.md5())  # all bytes were hashed by now
    if parts and receipt.md5 is not None:
        warnings = same_bytes_warnings(context, upload, md5=receipt.md5, sha256=accepted.sha256)
        receipt = replace(receipt, warnings=(*receipt.warnings, *warnings))
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
        dataset=folder if folder in FOLDERS else "",
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
