"""The cut of a day: the uploads that were there before its marker and have no answer yet (contract section 6).

It is taken once the marker has taken effect, from a listing that began after that, and only ever shrinks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from processing.domain.readiness.observation import ListedMarker, ListedUpload, Observation, ReadinessPolicy
from processing.domain.receipts import ReceiptSummary, UploadStatus
from processing.domain.stream_state import DayRecord, ExpectedFile

_DIFFERENCES_SHOWN: Final = 5
LONGEST_LIST: Final = 100
"""Expected files that a day's record holds itself; a longer list lies in a blob of its own."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The uploads of one listing, by what their receipts say; the days that it cuts share it."""

    unanswered: tuple[str, ...]
    """Names without a current answer, in order."""
    refused: tuple[str, ...]
    """Names of which the present version was refused, in order."""

    @classmethod
    def of(cls, observed: Observation) -> Judged:
        """Judge every upload of a listing."""
        uploads = sorted(observed.uploads.items())
        return cls(
            unanswered=tuple(name for name, upload in uploads if not _is_answered(observed, name, upload)),
            refused=tuple(name for name, upload in uploads if _is_refused(observed, name, upload)),
        )


def with_new_cut(
    record: DayRecord,
    markers: tuple[ListedMarker, ...],
    observed: Observation,
    judged: Judged,
    policy: ReadinessPolicy,
    *,
    last_cut: datetime | None,
) -> DayRecord:
    """The record with a new cut.

    Refused files are counted with the first day that is cut after they were uploaded: `last_cut` is when a day of the
    stream was last cut.
    """
    refused = judged.refused
    if last_cut is not None:
        refused = tuple(name for name in refused if observed.uploads[name].modified >= last_cut)
    written = [marker.written for marker in markers]
    waits = policy.wait_for_refused and bool(refused)
    return replace(
        record,
        round=record.round + 1,
        cut=tuple(sorted({*judged.unanswered, *refused})) if waits else judged.unanswered,
        cut_at=observed.now,
        marked_at=record.marked_at or min(written, default=None),
        refused=() if policy.wait_for_refused else refused,
        expected_files=tuple({each.name: each for marker in markers for each in marker.expected}.values()),
        expected_in=None,
        expected_count=0,
        mismatch=None,
        tries=0,
    )


def without_answered(record: DayRecord, observed: Observation, policy: ReadinessPolicy, done: dict[int, CutRest]) -> DayRecord:
    """The record without the names that no longer hold its day: answered, or gone.

    `done` remembers what is left of each list, as many days may share one.
    """
    cut = record.cut or ()
    rest = done.get(id(cut))
    if rest is None:
        rest = done[id(cut)] = _rest_of(cut, observed, policy)
    refused = tuple(sorted({*record.refused, *rest.refused})) if rest.refused else record.refused
    return replace(record, cut=rest.names, refused=refused)


def names_without_answer(names: tuple[str, ...], observed: Observation) -> tuple[str, ...]:
    """The names that are still there and have no current answer."""
    uploads = ((name, observed.uploads.get(name)) for name in names)
    return tuple(name for name, upload in uploads if upload is not None and not _is_answered(observed, name, upload))


@dataclass(frozen=True, slots=True)
class CutRest:
    """What is left of a list of uploads that are waited for."""

    names: tuple[str, ...]
    refused: tuple[str, ...]
    """Those that left it because they were refused."""


def _rest_of(cut: tuple[str, ...], observed: Observation, policy: ReadinessPolicy) -> CutRest:
    left: list[str] = []
    refused: list[str] = []
    for name in cut:
        upload = observed.uploads.get(name)
        if upload is None:
            continue  # gone: deleting a blob changes nothing
        if not _is_answered(observed, name, upload) or (policy.wait_for_refused and _is_refused(observed, name, upload)):
            left.append(name)
        elif _is_refused(observed, name, upload):
            refused.append(name)
    # The same list again is the same object, so that the days that share it go on sharing it.
    return CutRest(names=cut if len(left) == len(cut) else tuple(left), refused=tuple(refused))


def compared_with_manifest(record: DayRecord, observed: Observation) -> DayRecord:
    """The record without the files that are in just as the manifest says, and with what is wrong about others.

    A long list that this look did not read stays as it is.
    """
    expected = record.expected_files if record.expected_in is None else observed.expected.get(record.expected_in)
    if expected is None:
        return record
    missing: list[ExpectedFile] = []
    wrong: list[str] = []
    for each in expected:
        difference = _difference(each, observed)
        if difference is not None:
            missing.append(each)
            if difference:
                wrong.append(difference)
    more = len(wrong) - _DIFFERENCES_SHOWN
    shown = [*wrong[:_DIFFERENCES_SHOWN], *([f"and {more} more"] if more > 0 else [])]
    record = replace(record, mismatch="; ".join(shown) or None)
    if record.expected_in is None or not missing:
        return replace(record, expected_files=tuple(missing), expected_in=None, expected_count=0)
    return replace(record, expected_files=tuple(missing[:LONGEST_LIST]), expected_count=len(missing))


def _difference(each: ExpectedFile, observed: Observation) -> str | None:
    """None when the file is in as the manifest says, what is wrong when it is in otherwise, "" when it is not in yet."""
    upload, receipt = observed.uploads.get(each.name), observed.receipts.get(each.name)
    if receipt is None or not receipt.status.is_answer or (upload is not None and not receipt.answers(upload.etag)):
        return ""
    if receipt.status is UploadStatus.REJECTED:
        return f"{each.name} was refused"
    if each.rows is not None and each.rows != receipt.rows_read:
        return f"{each.name} has {receipt.rows_read:,} rows where the manifest says {each.rows:,}"
    if each.md5 is None or each.md5 == receipt.md5:
        return None
    if receipt.md5 is None:
        return f"{each.name} was taken in before its MD5 was kept: upload it again"
    return f"{each.name} has another MD5 than the manifest says"


def _is_answered(observed: Observation, name: str, upload: ListedUpload) -> bool:
    receipt = _receipt(observed, name, upload)
    return receipt is not None and receipt.status.is_answer


def _is_refused(observed: Observation, name: str, upload: ListedUpload) -> bool:
    receipt = _receipt(observed, name, upload)
    return receipt is not None and receipt.status is UploadStatus.REJECTED


def _receipt(observed: Observation, name: str, upload: ListedUpload) -> ReceiptSummary | None:
    """The receipt of an upload's present version; not one that says that it is gone."""
    receipt = observed.receipts.get(name)
    return receipt if receipt is not None and receipt.etag == upload.etag and not receipt.is_deleted else None


def waits_for(record: DayRecord, *, most: int) -> tuple[str, ...]:
    """Names that the day waits for."""
    named = (f"{each.name} (named by the manifest)" for each in record.expected_files)
    return tuple([*(record.cut or ()), *named][:most])


def count_missing(record: DayRecord) -> int:
    """How many uploads and files of manifests the day waits for."""
    return len(record.cut or ()) + (record.expected_count if record.expected_in is not None else len(record.expected_files))


def is_complete(record: DayRecord) -> bool:
    """Whether the cut is taken and empty, and every file of the manifest is in as it says."""
    return record.cut == () and not record.expected_files and record.expected_in is None


def last_cut(days: dict[date, DayRecord]) -> datetime | None:
    """When a day of the stream was last cut."""
    return max((record.cut_at for record in days.values() if record.cut_at is not None), default=None)
