"""The uploads that the last night's retention could not delete, so that status names them (contract section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from processing.domain import blob_names
from processing.ports import BlobStore
from processing.stored.context import JobContext

MOST: Final = 100
"""Names that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDeleted:
    """A blob that stays though its time is over."""

    name: str
    reason: str
    """What storage said."""


_NAMES: Final = TypeAdapter(tuple[NotDeleted, ...])


def keep_not_deleted(context: JobContext, customer: str, found: list[NotDeleted]) -> None:
    """Write down what stays, in the place of what stayed the night before."""
    name = blob_names.not_deleted_name(customer)
    if found:
        context.lake.put(blob_names.STATE_CONTAINER, name, _NAMES.dump_json(tuple(found[:MOST])))
    elif context.lake.head(blob_names.STATE_CONTAINER, name) is not None:
        context.lake.delete(blob_names.STATE_CONTAINER, name)


def read_not_deleted(lake: BlobStore, customer: str) -> tuple[NotDeleted, ...]:
    """What stayed in the last night, at most so many."""
    found = lake.get(blob_names.STATE_CONTAINER, blob_names.not_deleted_name(customer))
    return () if found is None else _NAMES.validate_json(found[0])
