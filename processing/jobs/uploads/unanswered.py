"""The uploads of a customer that have no answer: the oldest of them, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappush, heappushpop
from itertools import chain, islice
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import LaterError
from processing.domain.reasons import RefusalCode
from processing.domain.receipts import ReceiptSummary, UploadStatus
from processing.jobs.failures import log_failure
from processing.jobs.uploads.index_files import KnownIndex, ask_receipts, index_files
from processing.jobs.uploads.listed_files import NO_RECEIPT, ListedFiles, ToldFile
from processing.ports import BlobInfo, BlobStore
from processing.stored.answered import AnsweredVersions, StoredAnswers, load_answered, store_answered
from processing.stored.context import JobContext
from processing.stored.deletions import Deletions
from processing.stored.receipts import ListedReceipt, find_receipts, iterate_receipts
from processing.stored.same_bytes import keep_bytes
from processing.stored.upload_notes import StoredNote, UploadNote, is_asked_for, is_in_hand, list_notes
from processing.stored.uploads import MOST_LOOKED_AT, directory_stubs, is_stub, list_uploads

_log = structlog.get_logger()
_FEW: Final = 1_000
"""What is known is written anew once one in so many is new: a small customer's with every new answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A version that is to be announced."""

    name: str
    etag: str
    replaces: str | None = None
    """ETag of the receipt in whose place another one is asked for."""
    size: int | None = None
    """Bytes of one that nobody has worked on yet; None of any other, which may have ended its worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """The uploads of a customer that have no answer."""

    count: int = 0
    """All of them, but for empty ones beyond the oldest, which may be the stubs of folders."""
    oldest: datetime | None = None
    """When the oldest was written."""
    with_rows: frozenset[Dataset] = frozenset()
    """The streams of which an upload holds rows in force."""
    due: tuple[Due, ...] = ()
    """Those that are to be announced now, oldest first; then those that are to be answered again."""
    ended: tuple[StoredNote, ...] = ()
    """Notes of attempts that ended with an answer, which is written down."""
    gone: Mapping[str, StoredNote | None] = field(default_factory=dict)
    """Uploads that neither this sweep nor one before it found, whose receipts are to say so; with their attempts' notes."""


def find_unanswered(context: JobContext, customer: str, now: datetime, most: int) -> Unanswered:
    """What a customer waits for, with at most so many to announce; what was seen to be answered is written down.

    An upload that is answered between the listings may be announced once more, which changes nothing.
    """
    index = KnownIndex.load(context, customer)
    notes = list_notes(context, customer)
    certain, empty = _Oldest(most), _Oldest(max(most, MOST_LOOKED_AT))
    waiting, seen = _Waiting(), _Seen.begin(context, customer, now, notes)

    def take(info: BlobInfo, failed: _Answer | None = None) -> None:
        waiting.add(info)
        if _is_due(context, info, failed, now) and not _is_in_hand(context, notes, info, now):
            certain.add(info)

    for info, answer in _open_uploads(context.drop, customer, seen):
        is_known = answer is not None and answer.etag == info.etag
        if info.size == 0 and not is_known:
            empty.add(info)
        else:
            take(info, answer if is_known else None)
    if empty.is_all:
        stubs = directory_stubs(context.drop, customer, empty.infos())
        seen.files.leave_out(stubs)
    else:
        # So many that folders would keep the files among them from being seen: they are told apart by another listing.
        stubs, empty = set(), _empty_files(context.drop, customer, seen, empty.most)
        seen.files.give_up()
    for info in empty.infos():
        if info.name not in stubs:
            take(info)
    # What is known to be answered is not asked again: the index must have been told of it before.
    is_indexed = _index(context, customer, index, seen, notes)
    if is_indexed:
        seen.keep(context, customer)
    asked = sorted((name, each.note) for name, each in notes.items() if is_asked_for(context, each, now))
    due = chain(
        (Due(name=info.name, etag=info.etag, size=None if info.name in notes else info.size) for info in certain.infos()),
        (Due(name=name, etag=note.etag, replaces=note.replaces) for name, note in asked),
    )
    return Unanswered(
        count=waiting.count,
        oldest=waiting.oldest,
        with_rows=frozenset(seen.with_rows),
        due=tuple(due)[:most],
        ended=tuple(each for each in notes.values() if is_indexed and each.note.replaces is None and seen.keeps(each.note)),
        gone={name: notes.get(name) for name in seen.deletions.gone_twice()},
    )


def _empty_files(drop: BlobStore, customer: str, seen: _Seen, most: int) -> _Oldest:
    """The oldest empty uploads without an answer that stand for no folder."""
    found = _Oldest(most)
    for info in list_uploads(drop, customer, metadata=True):
        if info.size == 0 and not is_stub(info) and not seen.has(info):
            found.add(info)
    return found


def _index(context: JobContext, customer: str, index: KnownIndex, seen: _Seen, notes: Mapping[str, StoredNote]) -> bool:
    """Write down what files there are; whether all that was seen to be answered is in it."""
    files = seen.files
    # Of an upload that was known to be answered, a note tells that the answer may be another one.
    noted = [name for name in notes if name not in files.told and not files.are_too_many]
    try:
        for name, told in ask_receipts(context, customer, noted).items():
            files.tell(name, told)
        return index_files(context, customer, index, files, noted=notes.keys(), anew=seen.lists_all)
    except LaterError as error:
        log_failure(_log, "files_not_indexed", error, customer=customer)
        return False


@dataclass(slots=True)
class _Waiting:
    count: int = 0
    oldest: datetime | None = None

    def add(self, info: BlobInfo) -> None:
        self.count += 1
        self.oldest = info.last_modified if self.oldest is None else min(self.oldest, info.last_modified)


@dataclass(slots=True)
class _Oldest:
    """The oldest of many blobs."""

    most: int
    _added: int = 0
    _heap: list[tuple[float, int, BlobInfo]] = field(default_factory=list)

    def add(self, info: BlobInfo) -> None:
        self._added += 1
        entry = (-info.last_modified.timestamp(), -self._added, info)  # the youngest is the first to go
        if len(self._heap) < self.most:
            heappush(self._heap, entry)
        elif self.most:
            heappushpop(self._heap, entry)

    @property
    def is_all(self) -> bool:
        """Whether all that were added are kept."""
        return self._added == len(self._heap)

    def infos(self) -> list[BlobInfo]:
        """Oldest first."""
        return [info for *_, info in sorted(self._heap, reverse=True)]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a receipt tells, as little as must be kept of each."""

    etag: str
    next_try: datetime | None
    is_answer: bool
    is_refused: bool
    is_deleted: bool
    """Whether it says that the upload is gone."""
    is_unreadable: bool
    """Whether it was refused because storage would not let us read it."""
    md5: str | None
    """Of its bytes, where rows of them may be in force."""
    told: ToldFile
    """What the list of files has of it."""

    def answers(self, info: BlobInfo) -> bool:
        """Whether a version needs no other answer."""
        is_readable_again = self.is_unreadable and info.unreadable is None
        return self.is_answer and self.etag == info.etag and not self.is_deleted and not is_readable_again


@dataclass(slots=True, kw_only=True)
class _Seen:
    """The versions that are seen to have an answer, by what was written down before and by their receipts."""

    before: StoredAnswers
    listed_at: datetime | None
    with_rows: set[Dataset]
    deletions: Deletions
    files: ListedFiles
    accepted: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    bytes: dict[str, str] = field(default_factory=dict)
    """The uploads of which an answer is new, to their MD5s."""
    earlier: dict[str, str] = field(default_factory=dict)
    """The uploads that have a receipt and no answer."""
    news: int = 0
    has_listed: bool = False
    """Whether all receipts were listed."""
    is_kept: bool = False
    """Whether what was seen is written down."""

    @classmethod
    def begin(cls, context: JobContext, customer: str, now: datetime, notes: Mapping[str, StoredNote]) -> _Seen:
        """With what is known; with nothing once it is time to list all receipts again."""
        before = load_answered(context, customer)
        # One that was answered and deleted since the last round was never written down; the note of its attempt is there.
        worked_on = {name: each.note.etag for name, each in notes.items() if each.note.replaces is None}
        asked = [name for name, each in notes.items() if each.note.replaces is not None]
        deletions = Deletions.begin(before.versions, worked_on, asked)
        listed_at = before.versions.listed_at
        if listed_at is None or listed_at + context.readiness.reconcile_every <= now:
            before, listed_at = replace(before, versions=AnsweredVersions()), now
        with_rows = set(before.versions.with_rows)
        return cls(before=before, listed_at=listed_at, with_rows=with_rows, deletions=deletions, files=ListedFiles(now))

    @property
    def lists_all(self) -> bool:
        """Whether nothing that was written down is to be relied on."""
        return self.before.versions.listed_at is None

    def is_known(self, info: BlobInfo) -> bool:
        """Whether this version, which is listed, was known to have an answer."""
        self.deletions.see(info)
        self.files.see(info)
        versions = self.before.versions
        if not versions.has(info):
            return False
        (self.accepted if versions.is_accepted(info) else self.refused)[info.name] = info.etag
        return True

    def has(self, info: BlobInfo) -> bool:
        """Whether this version was seen to have an answer."""
        return info.etag in (self.accepted.get(info.name), self.refused.get(info.name))

    def keeps(self, note: UploadNote) -> bool:
        """Whether the version that a note speaks of was listed with an answer, and that is written down."""
        versions = self.before.versions
        kept = (self.accepted, self.refused) if self.is_kept else (versions.accepted, versions.refused)
        return note.etag in (self.accepted.get(note.blob), self.refused.get(note.blob)) and note.etag in (
            each.get(note.blob) for each in kept
        )

    def add(self, info: BlobInfo, answer: _Answer) -> None:
        """That a version has an answer, by its receipt."""
        (self.refused if answer.is_refused else self.accepted)[info.name] = info.etag
        self.news += 1
        if answer.md5 is not None:
            self.bytes[info.name] = answer.md5

    def keep(self, context: JobContext, customer: str) -> None:
        """Write it down once enough is new, without uploads that are not there any more."""
        known = len(self.accepted) + len(self.refused)
        if self.news > known // _FEW or self.has_listed or self.deletions.are_new:
            versions = AnsweredVersions(
                accepted=self.accepted,
                refused=self.refused,
                with_rows=frozenset(self.with_rows),
                listed_at=self.listed_at,
                earlier=self.earlier,
                gone=self.deletions.gone(),
            )
            with suppress(LaterError):
                self.is_kept = store_answered(context, customer, self.before, versions)
                if self.is_kept:
                    keep_bytes(context, customer, self.bytes)


def _open_uploads(drop: BlobStore, customer: str, seen: _Seen) -> Iterator[tuple[BlobInfo, _Answer | None]]:
    """The uploads without an answer, each with what was told of it."""
    uploads = (info for info in list_uploads(drop, customer) if not seen.is_known(info))
    first = list(islice(uploads, 1 if seen.lists_all else MOST_LOOKED_AT + 1))
    if not first:
        return
    if seen.lists_all or len(first) > MOST_LOOKED_AT:
        seen.has_listed = True
        receipts: Iterable[ListedReceipt] = iterate_receipts(drop, customer)
    else:
        receipts = find_receipts(drop, customer, [info.name for info in first]).values()
    answers = {}
    for each in receipts:
        answers[each.blob] = _answer(each.summary)
        seen.with_rows.update(dataset for dataset, _ in each.summary.parts or ())
    for info in chain(first, uploads):
        answer = answers.get(blob_names.receipt_name(info.name))
        seen.files.tell(info.name, NO_RECEIPT if answer is None else answer.told)
        if answer is not None and answer.answers(info):
            if info.unreadable is None:  # what is archived may be read again without becoming another version
                seen.add(info, answer)
        else:
            if answer is not None:
                seen.earlier[info.name] = answer.etag
            seen.files.wait(info.name)
            yield info, answer


def _answer(summary: ReceiptSummary) -> _Answer:
    return _Answer(
        etag=summary.etag,
        next_try=summary.next_try,
        is_answer=summary.status.is_answer,
        is_refused=summary.status is UploadStatus.REJECTED,
        is_deleted=summary.is_deleted,
        is_unreadable=summary.error == RefusalCode.UNREADABLE_BLOB,
        md5=summary.md5 if summary.parts is None or summary.parts else None,
        told=ToldFile.of(summary),
    )


def _is_in_hand(context: JobContext, notes: Mapping[str, StoredNote], info: BlobInfo, now: datetime) -> bool:
    stored = notes.get(info.name)
    return stored is not None and is_in_hand(context, stored, info, now)


def _is_due(context: JobContext, info: BlobInfo, failed: _Answer | None, now: datetime) -> bool:
    """Whether an upload without an answer is to be announced; with `failed`, that its last attempt told of."""
    if failed is None:
        return info.last_modified + context.sweep_grace <= now
    return failed.next_try is None or failed.next_try <= now
