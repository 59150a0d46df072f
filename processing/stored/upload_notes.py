"""Notes of work on uploads, written before it: a process that dies leaves no error, but it leaves its note (protocol, Ingest).

A note counts the attempts at one version that were begun and have not ended. It also keeps what an operator asked for, an
answer in place of one that is there, until that is given: a message alone would be lost in an outage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from pydantic import TypeAdapter

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet, DropzoneError, LaterError
from processing.domain.receipts import Upload
from processing.domain.retries import MOST_DEATHS, wait_after
from processing.ports import IF_ABSENT, BlobInfo, Condition
from processing.stored.context import JobContext
from processing.stored.tries import tries


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadNote:
    """What is known of the work on an upload."""

    blob: str
    etag: str = ""
    """The version that is worked on."""
    attempt: str = ""
    """Id of the attempt that wrote the note last."""
    tries: int = 0
    """Attempts at that version that were begun and have not ended."""
    receipt: str | None = None
    """ETag of the upload's receipt when the attempt began: another one means that the attempt has ended with an answer."""
    replaces: str | None = None
    """ETag of the receipt that is to be replaced though it is an answer; None unless an operator asked for that."""
    failures: int = 0
    """Of that request."""
    next_try: datetime | None = None
    error: str | None = None
    size: int | None = None
    """Bytes of that version; None in notes of older programs, and where it was not looked at."""
    modified: datetime | None = None
    """Last-Modified of that version, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNote:
    """A note as it is stored."""

    note: UploadNote
    etag: str
    """Of the note itself."""
    written: datetime
    """By the service's clock."""


class Turn(StrEnum):
    """Whether an upload may be worked on."""

    OURS = "ours"
    IN_HAND = "in_hand"
    """As many attempts are under way as may be; whether they live is seen when their time is over."""
    EXHAUSTED = "exhausted"
    """So many attempts ended without a word that there will be no further one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt that was begun, or not."""

    turn: Turn
    etag: str | None = None
    """Of the note that it wrote; None where it wrote none."""


_NOTE: Final = TypeAdapter(UploadNote)


def begin_attempt(
    context: JobContext,
    upload: Upload,
    attempt: str,
    *,
    receipt: str | None,
    replaces: str | None,
    before_another: Callable[[], None] = lambda: None,
) -> Begun:
    """Write that an attempt begins, and how many were begun before it and never ended.

    `receipt` is the ETag of the upload's receipt, `replaces` the one that is to be replaced though it is an answer. Where an
    attempt was begun before, `before_another` returns once it may be followed by this one.
    """
    fresh = UploadNote(
        blob=upload.name,
        etag=upload.etag,
        attempt=attempt,
        tries=1,
        receipt=receipt,
        replaces=replaces,
        size=upload.size,
        modified=upload.last_modified,
    )
    etag = _write(context, upload.customer, fresh, IF_ABSENT) if replaces is None else None
    if etag is not None:
        return Begun(turn=Turn.OURS, etag=etag)
    for _ in tries(context):
        found = read_note(context, upload.customer, upload.name)
        if found is not None and found.note.attempt == attempt:
            return Begun(turn=Turn.OURS, etag=found.etag)  # by this very write, whose answer was lost
        begun = 0 if found is None or _is_of_another_time(found.note, fresh) else found.note.tries
        if found is not None and begun >= MOST_DEATHS and _is_young(context, found, context.lake.service_time()):
            return Begun(turn=Turn.IN_HAND)
        if begun:
            before_another()
        note = replace(fresh, tries=begun + 1, failures=found.note.failures if found is not None and replaces else 0)
        etag = _write(context, upload.customer, note, IF_ABSENT if found is None else Condition.unchanged(found.etag))
        if etag is not None:
            return Begun(turn=Turn.EXHAUSTED if begun >= MOST_DEATHS else Turn.OURS, etag=etag)
    raise LaterError(f"the note of work on {upload.name} changes faster than it can be written")


def end_attempt(context: JobContext, upload: Upload, begun: Begun, *, answered: str | None = None) -> None:
    """Take the note away, unless another attempt has written it since; what cannot be done now is left to the sweep.

    Where the receipt is of another version, `answered` is that one's ETag, and the note is what it may have been before this
    attempt: if no sweep has seen that version, the note alone tells that the upload was there, should it be deleted.
    """
    if begun.etag is None:
        return
    when = Condition.unchanged(begun.etag)
    with suppress(DropzoneError):
        if answered is None:
            context.lake.delete(blob_names.STATE_CONTAINER, blob_names.note_name(upload.customer, upload.name), when=when)
        else:
            _write(context, upload.customer, UploadNote(blob=upload.name, etag=answered), when)


def drop_ended(context: JobContext, customer: str, ended: Iterable[StoredNote]) -> None:
    """Take away the notes of attempts that ended with an answer; LaterError when storage fails."""
    for each in ended:
        with suppress(ConditionNotMet):
            name = blob_names.note_name(customer, each.note.blob)
            context.lake.delete(blob_names.STATE_CONTAINER, name, when=Condition.unchanged(each.etag))


def end_request(context: JobContext, customer: str, blob: str, replaces: str) -> None:
    """Take back the request for another answer, which was given or has nothing to answer any more.

    Where an attempt was made, its note stays until the sweep takes it away: by it alone the list of files learns of an answer
    in the place of another.
    """
    found = read_note(context, customer, blob)
    if found is None or found.note.replaces != replaces:
        return
    if found.note.etag:
        ended = UploadNote(
            blob=blob, etag=found.note.etag, receipt=replaces, size=found.note.size, modified=found.note.modified
        )
        _write(context, customer, ended, Condition.unchanged(found.etag))
        return
    with suppress(ConditionNotMet):
        context.lake.delete(
            blob_names.STATE_CONTAINER, blob_names.note_name(customer, blob), when=Condition.unchanged(found.etag)
        )


def keep_request(context: JobContext, customer: str, blob: str, replaces: str, *, error: str | None = None) -> None:
    """Write down that another answer is asked for; with `error`, that it could not be given yet, and when it is tried again."""
    for _ in tries(context):
        found = read_note(context, customer, blob)
        known = (
            found.note if found is not None and found.note.replaces == replaces else UploadNote(blob=blob, replaces=replaces)
        )
        if error is None and known.attempt:
            return  # somebody is at it
        note = replace(known, attempt="", tries=0)
        if error is not None:
            failures = known.failures + 1
            next_try = context.lake.service_time() + wait_after(failures)
            note = replace(note, failures=failures, next_try=next_try, error=error)
        when = IF_ABSENT if found is None else Condition.unchanged(found.etag)
        if _write(context, customer, note, when) is not None:
            return
    raise LaterError(f"the note of work on {blob} changes faster than it can be written")


def read_note(context: JobContext, customer: str, blob: str) -> StoredNote | None:
    """The note of an upload, if there is one."""
    return _read(context, blob_names.note_name(customer, blob))


def list_notes(context: JobContext, customer: str) -> dict[str, StoredNote]:
    """The notes of a customer by the names of the uploads, by one listing of their metadata.

    There is one for each upload that is worked on or to be worked on.
    """
    infos = context.lake.list_blobs(blob_names.STATE_CONTAINER, blob_names.notes_prefix(customer), metadata=True)
    found = (_listed(info) or _read(context, info.name) for info in infos)
    return {each.note.blob: each for each in found if each is not None}


def is_in_hand(context: JobContext, stored: StoredNote, info: BlobInfo, now: datetime) -> bool:
    """Whether a version is worked on, as far as anybody can know: the attempt is younger than the longest may become."""
    note = stored.note
    return note.tries > 0 and note.etag == info.etag and _is_young(context, stored, now)


def is_asked_for(context: JobContext, stored: StoredNote, now: datetime) -> bool:
    """Whether another answer is to be given now."""
    note = stored.note
    if note.replaces is None or (note.next_try is not None and now < note.next_try):
        return False
    rest = longest_attempt(context) if note.tries else context.sweep_grace
    return stored.written + rest <= now


def longest_attempt(context: JobContext) -> timedelta:
    """How old an attempt may become that is still alive: its own deadline, and time to write down what came of it."""
    return context.attempt_limit + _TO_FINISH


_TO_FINISH: Final = timedelta(minutes=10)
_LONGEST_IN_METADATA: Final = 2_000
"""Characters of a name as a header carries it."""


def _is_young(context: JobContext, stored: StoredNote, now: datetime) -> bool:
    return stored.written + longest_attempt(context) > now


def _is_of_another_time(note: UploadNote, now: UploadNote) -> bool:
    """Whether a note speaks of another version, of an attempt that ended with an answer, or of another request."""
    return (note.etag, note.receipt, note.replaces) != (now.etag, now.receipt, now.replaces)


def _metadata(note: UploadNote) -> dict[str, str]:
    """What a listing must tell; nothing where the name of the upload is too long for it, and the note itself is read."""
    if len(quote(note.blob)) > _LONGEST_IN_METADATA:
        return {}
    values = {
        "blob": note.blob,
        "etag": note.etag,
        "tries": str(note.tries),
        "replaces": note.replaces,
        "nexttry": note.next_try.isoformat() if note.next_try else None,
        "size": None if note.size is None else str(note.size),
        "modified": note.modified.isoformat() if note.modified else None,
    }
    return {key: value for key, value in values.items() if value}


def _listed(info: BlobInfo) -> StoredNote | None:
    metadata = info.metadata
    if "blob" not in metadata:
        return None
    note = UploadNote(
        blob=metadata["blob"],
        etag=metadata.get("etag", ""),
        tries=int(metadata["tries"]),
        replaces=metadata.get("replaces"),
        next_try=datetime.fromisoformat(metadata["nexttry"]) if "nexttry" in metadata else None,
        size=int(metadata["size"]) if "size" in metadata else None,
        modified=datetime.fromisoformat(metadata["modified"]) if "modified" in metadata else None,
    )
    return StoredNote(note=note, etag=info.etag, written=info.last_modified)


def _read(context: JobContext, name: str) -> StoredNote | None:
    found = context.lake.get(blob_names.STATE_CONTAINER, name)
    if found is None:
        return None
    data, info = found
    return StoredNote(note=_NOTE.validate_json(data), etag=info.etag, written=info.last_modified)


def _write(context: JobContext, customer: str, note: UploadNote, when: Condition) -> str | None:
    """The ETag of the note as it was written; None when somebody else wrote meanwhile."""
    name = blob_names.note_name(customer, note.blob)
    try:
        data = _NOTE.dump_json(note, exclude_defaults=True)
        return context.lake.put(blob_names.STATE_CONTAINER, name, data, when=when, metadata=_metadata(note))
    except ConditionNotMet:
        return None
