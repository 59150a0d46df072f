"""How many files and rows of each day are in, published or not, by the receipts that hold them in force."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from processing.domain import blob_names
from processing.domain.attention.model import StagedDay
from processing.domain.datasets import Dataset
from processing.domain.documents import from_json
from processing.domain.receipts import PartCounts, Receipt, part_rows
from processing.stored.context import JobContext
from processing.stored.receipts import ListedReceipt

StagedDays = Mapping[Dataset, Mapping[date, StagedDay]]
"""By stream and day."""


def staged_days(context: JobContext, customer: str, receipts: Iterable[ListedReceipt]) -> StagedDays:
    """What the receipts hold in force. A receipt of an older program, which does not tell rows in its metadata, is read."""
    found: defaultdict[Dataset, dict[date, StagedDay]] = defaultdict(dict)
    for seen in receipts:
        if seen.summary.attempt is None:
            continue
        modified = seen.summary.in_force_modified
        arrived = context.zone.day_of(modified) if modified is not None else None
        for (dataset, day), rows in _rows(context, customer, seen).items():
            before = found[dataset].get(day, StagedDay())
            oldest = min(filter(None, (before.oldest, arrived)), default=None)
            found[dataset][day] = StagedDay(files=before.files + 1, rows=before.rows + rows, oldest=oldest)
    return found


def _rows(context: JobContext, customer: str, seen: ListedReceipt) -> PartCounts:
    if seen.summary.part_rows is not None:
        return seen.summary.part_rows
    found = context.drop.get(blob_names.receipts_container(customer), seen.blob)
    return part_rows(from_json(Receipt, found[0])) if found is not None else {}
