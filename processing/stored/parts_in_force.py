"""Which staged parts are in force: those of the attempts that their receipts hold, not of versions replaced or withdrawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final

from processing.domain.streams import Stream
from processing.ports import BlobStore
from processing.stored.receipts import ListedReceipt, look_at_receipts
from processing.stored.staged_parts import ListedPart
from processing.stored.uploads import MOST_LOOKED_AT

_THREADS: Final = 8


def parts_in_force(drop: BlobStore, stream: Stream, parts: Collection[ListedPart]) -> list[ListedPart]:
    """Those of the parts that are in force, in their order, with one request for each receipt that they name.

    The receipts of the newest 1,000 uploads are asked for; of the others the parts of the youngest attempt of each are taken.
    """
    youngest: dict[str, ListedPart] = {}
    for each in parts:
        if each.receipt is not None and (each.receipt not in youngest or youngest[each.receipt].modified < each.modified):
            youngest[each.receipt] = each

    def age(name: str) -> tuple[datetime, str]:
        return youngest[name].modified, name

    asked = frozenset(sorted(youngest, key=age, reverse=True)[:MOST_LOOKED_AT])
    receipts = _receipts(drop, stream.customer, sorted(asked))
    attempts = {name: each.part.attempt for name, each in youngest.items() if name not in asked}
    return [
        each
        for each in parts
        if (attempts[each.receipt] == each.part.attempt if each.receipt in attempts else is_in_force(each, receipts))
    ]


def is_in_force(part: ListedPart, receipts: Mapping[str, ListedReceipt]) -> bool:
    """Whether the receipt that names a part still holds its attempt; of a part of an older program nothing is known."""
    seen = receipts.get(part.receipt or "")
    return part.receipt is None or (seen is not None and seen.summary.attempt == part.part.attempt)


def _receipts(drop: BlobStore, customer: str, names: Sequence[str]) -> dict[str, ListedReceipt]:
    if not names:
        return {}
    with ThreadPoolExecutor(min(_THREADS, len(names)), "receipts") as pool:
        found = pool.map(lambda name: look_at_receipts(drop, customer, [name]), names)
        return {name: seen for each in found for name, seen in each.items()}
