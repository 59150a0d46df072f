"""The staged parts that receipts in force name, by day: what must be there before rows are counted or processed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, partial

from processing.domain import blob_names
from processing.domain.documents import from_json
from processing.domain.errors import LaterError
from processing.domain.receipts import PartCounts, Receipt, part_counts
from processing.domain.stream_state import StreamState
from processing.ports import BlobStore
from processing.stored.context import JobContext
from processing.stored.receipts import ListedReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedParts:
    """Staged parts of a day, as a receipt names them."""

    blob: str
    """The upload."""
    last_modified: datetime
    """When it was written."""
    count: int
    traceparent: str | None
    """Identity of the span that staged them."""


def named_parts(
    context: JobContext, state: StreamState, days: Collection[date], found: Mapping[str, ListedReceipt]
) -> dict[date, dict[str, NamedParts]]:
    """Day to attempt in force to its parts of the day, none among them; each receipt is read once at most."""
    named: dict[date, dict[str, NamedParts]] = {day: {} for day in days}
    for seen in found.values() if named else ():
        attempt, modified = seen.summary.attempt, seen.summary.in_force_modified
        if attempt is None or modified is None:
            continue
        read = cache(partial(_read, context.drop, state.customer, seen))
        blob, counts = _upload_name(seen, read), _counts(context, min(days), seen, modified, read)
        for day, by_attempt in named.items():
            count = counts.get((state.dataset, day), 0)
            by_attempt[attempt] = NamedParts(blob=blob, last_modified=modified, count=count, traceparent=seen.summary.trace)
    return named


def _read(drop: BlobStore, customer: str, seen: ListedReceipt) -> Receipt | None:
    found = drop.get(blob_names.receipts_container(customer), seen.blob)
    return None if found is None else from_json(Receipt, found[0])


def _counts(
    context: JobContext,
    earliest: date,
    seen: ListedReceipt,
    modified: datetime,
    read: Callable[[], Receipt | None],
) -> PartCounts:
    if seen.summary.parts is not None:
        return seen.summary.parts
    # Its metadata has no room for them, or is an older program's. No row is of a day after that of its upload's morrow.
    if earliest > context.zone.day_of(modified) + timedelta(days=1):
        return {}
    receipt = read()
    if receipt is None or receipt.in_force is None or receipt.in_force.attempt != seen.summary.attempt:
        return {}
    return part_counts(receipt)


def _upload_name(seen: ListedReceipt, read: Callable[[], Receipt | None]) -> str:
    name = blob_names.upload_of_receipt(seen.blob)
    if name is not None:
        return name
    receipt = read()
    if receipt is None:
        raise LaterError(f"receipt {seen.blob} is gone; it was listed a moment ago")
    return receipt.blob
