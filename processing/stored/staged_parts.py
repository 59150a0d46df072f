"""Staged parts, each of which names the receipt that may hold it in force, so that a day finds the receipts of its own rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.streams import Stream
from processing.ports import BlobStore
from processing.stored import name_metadata
from processing.stored.write_once import write_once

_RECEIPT: Final = "receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPart:
    """A part as a listing shows it."""

    part: PartName
    size: int
    """Bytes."""
    receipt: str | None
    """Name of the receipt of the upload that it was made of; None for a part that an older program wrote."""


def stage_part(lake: BlobStore, part: PartName, path: Path, receipt: str) -> None:
    """Store a part of an attempt."""
    metadata = {_RECEIPT: name_metadata.to_metadata(receipt)}
    write_once(lake, blob_names.STAGED_CONTAINER, str(part), path, metadata=metadata)


def list_parts(lake: BlobStore, stream: Stream, day: date) -> list[ListedPart]:
    """The parts of a day that are there now, in force or not."""
    infos = lake.list_blobs(blob_names.STAGED_CONTAINER, blob_names.parts_prefix(stream, day), metadata=True)
    return [
        ListedPart(part=part, size=info.size, receipt=name_metadata.from_metadata(info.metadata.get(_RECEIPT)))
        for info in infos
        if (part := PartName.parse(info.name)) is not None
    ]
