"""The uploads of a customer that have no answer: the oldest of them, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappush, heappushpop
from itertools import chain

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.ports import BlobInfo, BlobStore
from processing.stored.context import JobContext
from processing.stored.receipts import ListedReceipt, iterate_receipts
from processing.stored.upload_notes import StoredNote, is_asked_for, is_in_hand, list_notes
from processing.stored.uploads import directory_stubs, list_uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A version that is to be announced."""

    name: str
    etag: str
    replaces: str | None = None
    """ETag of the receipt in whose place another one is asked for."""


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


def find_unanswered(context: JobContext, customer: str, now: datetime, most: int) -> Unanswered:
    """What a customer waits for, with at most so many to announce.

    An upload that is answered between the listings may be announced once more, which changes nothing.
    """
    notes = list_notes(context, customer)
    certain, empty = _Oldest(most), _Oldest(most)
    waiting, with_rows = _Waiting(), set[Dataset]()

    def take(info: BlobInfo, failed: _Answer | None = None) -> None:
        waiting.add(info)
        if _is_due(context, info, failed, now) and not _is_in_hand(context, notes, info, now):
            certain.add(info)

    for info, answer in _open_uploads(context.drop, customer, with_rows):
        is_known = answer is not None and answer.etag == info.etag
        if info.size == 0 and not is_known:
            empty.add(info)
        else:
            take(info, answer if is_known else None)
    stubs = directory_stubs(context.drop, customer, empty.infos())
    for info in empty.infos():
        if info.name not in stubs:
            take(info)
    asked = sorted((name, each.note) for name, each in notes.items() if is_asked_for(context, each, now))
    due = chain(
        (Due(name=info.name, etag=info.etag) for info in certain.infos()),
        (Due(name=name, etag=note.etag, replaces=note.replaces) for name, note in asked),
    )
    return Unanswered(count=waiting.count, oldest=waiting.oldest, with_rows=frozenset(with_rows), due=tuple(due)[:most])


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

    def infos(self) -> list[BlobInfo]:
        """Oldest first."""
        return [info for *_, info in sorted(self._heap, reverse=True)]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the listing of a receipt tells, as little as must be kept of each."""

    etag: str
    is_answer: bool
    next_try: datetime | None


def _open_uploads(drop: BlobStore, customer: str, with_rows: set[Dataset]) -> Iterator[tuple[BlobInfo, _Answer | None]]:
    """The uploads without an answer, each with what was told of it; `with_rows` takes the streams of those with rows."""
    uploads = list_uploads(drop, customer)
    first = next(uploads, None)
    if first is None:
        return
    answers = {}
    for seen in iterate_receipts(drop, customer):
        answers[seen.blob] = _answer(seen)
        with_rows.update(dataset for dataset, _ in seen.summary.parts or ())
    for info in chain((first,), uploads):
        answer = answers.get(blob_names.receipt_name(info.name))
        if answer is None or not answer.is_answer or answer.etag != info.etag:
            yield info, answer


def _answer(seen: ListedReceipt) -> _Answer:
    summary = seen.summary
    return _Answer(summary.etag, summary.answers(summary.etag), summary.next_try)


def _is_in_hand(context: JobContext, notes: Mapping[str, StoredNote], info: BlobInfo, now: datetime) -> bool:
    stored = notes.get(info.name)
    return stored is not None and is_in_hand(context, stored, info, now)


def _is_due(context: JobContext, info: BlobInfo, failed: _Answer | None, now: datetime) -> bool:
    """Whether an upload without an answer is to be announced; with `failed`, that its last attempt told of."""
    if failed is None:
        return info.last_modified + context.sweep_grace <= now
    return failed.next_try is None or failed.next_try <= now
