"""The cut of a day: the uploads that were there before its marker and have no answer yet (contract section 6).

It is taken once the marker has taken effect, from a listing that began after that, and only ever shrinks.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Final

from processing.domain.listings import Listings, ReadinessPolicy, SeenMarker, SeenUpload
from processing.domain.records import DayRecord, ExpectedFile, ReceiptSummary, Status

_DIFFERENCES_SHOWN: Final = 5


def with_cut(
    record: DayRecord, markers: tuple[SeenMarker, ...], seen: Listings, policy: ReadinessPolicy, *, last_cut: datetime | None
) -> DayRecord:
    """The record with a new cut.

    Refused files are counted with the first day that is cut after they were uploaded: `last_cut` is when a day of the
    stream was last cut.
    """
    unanswered = {name for name, upload in seen.uploads.items() if not _is_answered(seen, name, upload)}
    refused = {
        name
        for name, upload in seen.uploads.items()
        if _is_refused(seen, name, upload) and (last_cut is None or upload.modified >= last_cut)
    }
    written = [marker.written for marker in markers]
    return replace(
        record,
        round=record.round + 1,
        cut=tuple(sorted(unanswered | refused if policy.wait_for_refused else unanswered)),
        cut_at=seen.now,
        marked_at=record.marked_at or min(written, default=None),
        refused=() if policy.wait_for_refused else tuple(sorted(refused)),
        awaited=tuple({each.name: each for marker in markers for each in marker.expected}.values()),
        mismatch=None,
    )


def shrunk(record: DayRecord, seen: Listings, policy: ReadinessPolicy) -> DayRecord:
    """The record without the names that no longer hold its day: answered, or gone."""
    left: list[str] = []
    refused = set(record.refused)
    for name in record.cut or ():
        upload = seen.uploads.get(name)
        if upload is None:
            continue  # gone: deleting a blob changes nothing
        if not _is_answered(seen, name, upload) or (policy.wait_for_refused and _is_refused(seen, name, upload)):
            left.append(name)
        elif _is_refused(seen, name, upload):
            refused.add(name)
    return replace(record, cut=tuple(left), refused=tuple(sorted(refused)))


def compared_with_manifest(record: DayRecord, seen: Listings) -> DayRecord:
    """The record without the files that are in just as the manifest says, and with what is wrong about others."""
    awaited: list[ExpectedFile] = []
    wrong: list[str] = []
    for each in (_hashed(each, seen) for each in record.awaited):
        difference = _difference(each, seen)
        if difference is not None:
            awaited.append(each)
            if difference:
                wrong.append(difference)
    more = len(wrong) - _DIFFERENCES_SHOWN
    shown = [*wrong[:_DIFFERENCES_SHOWN], *([f"and {more} more"] if more > 0 else [])]
    return replace(record, awaited=tuple(awaited), mismatch="; ".join(shown) or None)


def to_hash(record: DayRecord, seen: Listings) -> dict[str, str]:
    """Name to ETag of the files that are in, whose manifest asks for a hash that nobody has taken of this version."""
    return {
        each.name: upload.etag
        for each in record.awaited
        if each.md5 is not None
        and (upload := seen.uploads.get(each.name)) is not None
        and _is_answered(seen, each.name, upload)
        and each.hashed_etag != upload.etag
    }


def _hashed(each: ExpectedFile, seen: Listings) -> ExpectedFile:
    upload = seen.uploads.get(each.name)
    found = seen.md5.get((each.name, upload.etag)) if upload is not None else None
    if upload is None or found is None:
        return each
    return replace(each, hashed_etag=upload.etag, hashed_md5=found)


def _difference(each: ExpectedFile, seen: Listings) -> str | None:
    """None when the file is in as the manifest says, what is wrong when it is in otherwise, "" when it is not in yet."""
    upload, receipt = seen.uploads.get(each.name), seen.receipts.get(each.name)
    if receipt is None or not receipt.status.is_answer or (upload is not None and receipt.etag != upload.etag):
        return ""
    if receipt.status is Status.REJECTED:
        return f"{each.name} was refused"
    if each.rows is not None and each.rows != receipt.rows_read:
        return f"{each.name} has {receipt.rows_read:,} rows where the manifest says {each.rows:,}"
    if each.md5 is None or upload is None:  # of a file that was taken in and deleted there is nothing to hash
        return None
    if each.hashed_etag != upload.etag:
        return ""
    return None if each.hashed_md5 == each.md5 else f"{each.name} has another MD5 than the manifest says"


def _is_answered(seen: Listings, name: str, upload: SeenUpload) -> bool:
    receipt = _receipt(seen, name, upload)
    return receipt is not None and receipt.status.is_answer


def _is_refused(seen: Listings, name: str, upload: SeenUpload) -> bool:
    receipt = _receipt(seen, name, upload)
    return receipt is not None and receipt.status is Status.REJECTED


def _receipt(seen: Listings, name: str, upload: SeenUpload) -> ReceiptSummary | None:
    """The receipt of an upload's present version."""
    receipt = seen.receipts.get(name)
    return receipt if receipt is not None and receipt.etag == upload.etag else None


def waits_for(record: DayRecord, *, most: int) -> tuple[str, ...]:
    """Names that the day waits for."""
    named = (f"{each.name} (named by the manifest)" for each in record.awaited)
    return tuple([*(record.cut or ()), *named][:most])


def is_whole(record: DayRecord) -> bool:
    """Whether the cut is taken and empty, and every file of the manifest is in as it says."""
    return record.cut == () and not record.awaited


def last_cut(days: dict[date, DayRecord]) -> datetime | None:
    """When a day of the stream was last cut."""
    return max((record.cut_at for record in days.values() if record.cut_at is not None), default=None)
