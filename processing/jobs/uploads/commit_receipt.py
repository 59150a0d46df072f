"""Writes the receipt, which is the commit of an ingest: steps 4 to 7 of the protocol."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.datasets import Dataset
from processing.domain.documents import to_json
from processing.domain.errors import ConditionNotMet, LaterError, Superseded
from processing.domain.reasons import WarningCode
from processing.domain.receipts import InForce, Receipt, ReceiptSummary, Retry, Upload, UploadStatus, earlier_answers
from processing.domain.retries import REST_OF_PARTS, wait_after
from processing.domain.streams import Stream
from processing.jobs.measuring import measure_receipt
from processing.jobs.uploads.draft_receipt import Draft
from processing.jobs.uploads.marker_receipt import empty_answer
from processing.jobs.uploads.stream_days import has_closed_since
from processing.ports import IF_ABSENT, BlobStore, Condition
from processing.stored.change_notes import ChangeNote, write_change
from processing.stored.context import JobContext
from processing.stored.receipts import read_receipt
from processing.stored.staged_parts import is_readable
from processing.stored.tries import tries


def is_answered(found: tuple[Receipt, str] | None, upload: Upload, replaces_receipt: str | None) -> bool:
    """Whether the upload has an answer that is to stay."""
    if found is None:
        return False
    receipt, etag = found
    return ReceiptSummary.of(receipt).answers(upload.etag) and etag != replaces_receipt


def commit_receipt(
    context: JobContext,
    upload: Upload,
    draft: Draft,
    *,
    earlier: tuple[Receipt, str] | None,
    replaces_receipt: str | None = None,
) -> UploadStatus | None:
    """Make the draft the answer; its status, or None when the version has an answer that is to stay.

    `earlier` is the receipt as it was read before the upload, with its ETag; when it is another one by now it is read again.
    `replaces_receipt` is the ETag of a receipt that is to be replaced. Raises Superseded when the version is not there any
    more, LaterError when a day of its rows was closed meanwhile, when its parts are so old that they may be deleted, or when
    others write the receipt every time.
    """
    container, name = blob_names.receipts_container(upload.customer), blob_names.receipt_name(upload.name)
    for number in tries(context):
        # Step 4: the receipt as it stands. It is read before the upload is looked at again (step 6); the other order
        # would let an old version replace a newer one that was answered in between.
        found = earlier if number == 1 else read_receipt(context.drop, upload.customer, upload.name)
        current = found[0] if found else None
        if is_answered(found, upload, replaces_receipt):
            return None
        receipt = _final(context, draft, current, is_reingest=replaces_receipt is not None)
        # Of the very receipt that the condition below names, so that no answer is lost or told twice.
        receipt = replace(receipt, earlier_answers=earlier_answers(receipt, current))
        if receipt.in_force is not None and draft.accepted is not None:
            _expect_open_days(context, upload, draft.accepted)
            announce_change(context, upload, before=found, after=receipt.in_force)
        # Step 6: is this still the version to answer?
        info = context.drop.head(blob_names.drop_container(upload.customer), upload.name)
        if info is None or info.etag != upload.etag:
            raise Superseded(f"{upload.name} has a newer version, or is gone")
        if receipt.in_force is not None and draft.accepted is not None:
            _expect_young(context, draft)
        # Step 7: the commit.
        try:
            context.drop.put(
                container,
                name,
                to_json(receipt),
                when=Condition.unchanged(found[1]) if found else IF_ABSENT,
                metadata=ReceiptSummary.of(receipt).to_metadata(),
            )
        except ConditionNotMet:
            continue
        measure_receipt(context.telemetry, receipt, is_first=replaces_receipt is None)
        return receipt.status
    raise LaterError(f"the receipt of {upload.name} changes faster than it can be written")


def announce_change(context: JobContext, upload: Upload, *, before: tuple[Receipt, str] | None, after: InForce) -> None:
    """Note which days of which streams the receipt is about to change, before it does."""
    known = before[0].in_force if before is not None else None
    parts = {part.name for part in after.parts} ^ {part.name for part in (known.parts if known is not None else ())}
    days: defaultdict[Dataset, set[date]] = defaultdict(set)
    for part in map(PartName.parse, parts):
        if part is not None:
            days[part.dataset].add(part.day)
    for dataset, changed in sorted(days.items()):
        note = ChangeNote(
            receipt=blob_names.receipt_name(upload.name),
            before=before[1] if before is not None else None,
            days=tuple(sorted(changed)),
        )
        write_change(context.lake, Stream(upload.customer, dataset), note)


def _expect_young(context: JobContext, draft: Draft) -> None:
    # Parts that nothing names, and notes of changes that did not come, are deleted after a day: to a worker that stood still
    # for so long it may have happened.
    if draft.begun is not None and context.clock.now() - draft.begun > REST_OF_PARTS / 2:
        raise LaterError("the program stood still for hours while the file was read, and its staged rows may be gone")


def _expect_open_days(context: JobContext, upload: Upload, accepted: InForce) -> None:
    if has_closed_since(context, upload, accepted.parts):
        raise LaterError("a day of its rows was closed while it was read")


def _final(context: JobContext, draft: Draft, current: Receipt | None, *, is_reingest: bool) -> Receipt:
    in_force = current.in_force if current else None
    receipt = draft.receipt
    if receipt.status is UploadStatus.FAILED and receipt.retry is not None:
        return replace(receipt, in_force=in_force, retry=_next_retry(receipt.retry, receipt.etag, current))
    if draft.accepted is None:
        # A marker that marks by its name takes the place of the dates that it held.
        return receipt if receipt.status is UploadStatus.ACCEPTED else replace(receipt, in_force=in_force)
    if not draft.accepted.parts and receipt.format is None and in_force is None:
        return empty_answer(receipt)
    accepted = draft.accepted
    # Step 5: the same bytes with the same outcome change nothing, not even the order among uploads. The outcome is
    # compared too, because a rule may depend on the day of the upload or on what the config means.
    if current is not None and in_force is not None and _is_same_outcome(in_force, accepted):
        # A reingest also writes anew what another program made, what is damaged, and what is not there any more.
        stands = not is_reingest or (current.program == receipt.program and _is_whole(context.lake, in_force))
        if stands:
            # What changes nothing is not late.
            warnings = tuple(each for each in receipt.warnings if each.code != WarningCode.LATE_FOR_DAY)
            accepted, receipt = replace(in_force, etag=accepted.etag), replace(receipt, warnings=warnings)
    return replace(receipt, in_force=accepted)


def _is_whole(lake: BlobStore, version: InForce) -> bool:
    found = ((part, lake.get(blob_names.STAGED_CONTAINER, part.name)) for part in version.parts)
    return all(data is not None and is_readable(data[0], rows=part.rows) for part, data in found)


def _is_same_outcome(before: InForce, now: InForce) -> bool:
    # Older programs did not write down what a config means; that one version of it means one thing is known.
    same_meaning = before.config == now.config if before.meaning is None else before.meaning == now.meaning
    return same_meaning and (before.sha256, before.days) == (now.sha256, now.days)


def _next_retry(first: Retry, etag: str, current: Receipt | None) -> Retry:
    if current is None or current.retry is None or current.etag != etag:
        return first
    attempts = current.retry.attempts + 1
    now = first.next_try - wait_after(1)
    return Retry(since=current.retry.since, attempts=attempts, next_try=now + wait_after(attempts))
