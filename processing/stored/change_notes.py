"""Notes that the rows in force of some days are about to change, written before the receipt that changes them.

A note names the receipt and the ETag that it has until then. As long as the receipt has that ETag, the change may still come;
once it has another one, it came, or never will: ETags do not come again (protocol, Changes).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from pydantic import TypeAdapter

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet
from processing.domain.streams import Stream
from processing.ports import BlobInfo, BlobStore, Condition
from processing.stored import name_metadata
from processing.stored.receipts import ListedReceipt
from processing.stored.write_once import write_once

_MOST_DAYS_IN_METADATA: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNote:
    """What is about to change."""

    receipt: str
    """Name of the receipt that will hold other rows in force."""
    before: str | None
    """ETag of the receipt until then; None while there is none."""
    days: tuple[date, ...]
    """Days of which it holds rows in force before the change or after it, less those that know of it already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChange:
    """A note as it is stored."""

    note: ChangeNote
    name: str
    etag: str
    """Of the note itself."""
    written: datetime
    """By the service's clock."""

    def is_over(self, receipts: Mapping[str, ListedReceipt]) -> bool:
        """Whether nothing can come of it any more: the receipt, read after the note, is another one by now."""
        seen = receipts.get(self.note.receipt)
        return (None if seen is None else seen.etag) != self.note.before


_NOTE: Final = TypeAdapter(ChangeNote)


def write_change(lake: BlobStore, stream: Stream, note: ChangeNote) -> None:
    """Write a note under a name of its own."""
    name = blob_names.change_name(stream, blob_names.new_attempt())
    write_once(lake, blob_names.STATE_CONTAINER, name, _NOTE.dump_json(note), metadata=_metadata(note))


def list_changes(lake: BlobStore, stream: Stream) -> list[StoredChange]:
    """The notes of a stream that are there now, by one listing of their metadata."""
    infos = lake.list_blobs(blob_names.STATE_CONTAINER, blob_names.changes_prefix(stream), metadata=True)
    found = (_listed(info) or _read(lake, info) for info in infos)
    return [each for each in found if each is not None]


def drop_days(lake: BlobStore, notes: Iterable[StoredChange], days: Collection[date]) -> None:
    """Take days that know of the changes out of the notes, and delete notes that have none left.

    What another one does to a note meanwhile stands: days that are left in it are asked once more.
    """
    for each in notes:
        left = tuple(day for day in each.note.days if day not in days)
        when = Condition.unchanged(each.etag)
        with suppress(ConditionNotMet):
            if not left:
                lake.delete(blob_names.STATE_CONTAINER, each.name, when=when)
            elif left != each.note.days:
                note = replace(each.note, days=left)
                lake.put(blob_names.STATE_CONTAINER, each.name, _NOTE.dump_json(note), when=when, metadata=_metadata(note))


def _metadata(note: ChangeNote) -> dict[str, str]:
    """What a listing must tell; nothing where there is no room for it, and the note itself is read."""
    if len(note.days) > _MOST_DAYS_IN_METADATA:
        return {}
    values = {
        "receipt": name_metadata.to_metadata(note.receipt),
        "before": note.before,
        "days": ",".join(day.isoformat() for day in note.days),
    }
    return {key: value for key, value in values.items() if value}


def _listed(info: BlobInfo) -> StoredChange | None:
    receipt = name_metadata.from_metadata(info.metadata.get("receipt"))
    if receipt is None:
        return None
    days = tuple(map(date.fromisoformat, info.metadata["days"].split(",")))
    note = ChangeNote(receipt=receipt, before=info.metadata.get("before"), days=days)
    return StoredChange(note=note, name=info.name, etag=info.etag, written=info.last_modified)


def _read(lake: BlobStore, info: BlobInfo) -> StoredChange | None:
    found = lake.get(blob_names.STATE_CONTAINER, info.name)
    if found is None:
        return None
    data, present = found
    return StoredChange(note=_NOTE.validate_json(data), name=info.name, etag=present.etag, written=present.last_modified)
