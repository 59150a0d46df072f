"""Counts the rows that joined or left a published day since its publication (contract section 6, corrections)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.documents import from_json
from processing.domain.readiness.inherited import digest_of
from processing.domain.receipts import Receipt
from processing.domain.stream_state import DayChange, StreamState
from processing.jobs.days.losses import expect_not_lost
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.receipts import ListedReceipt


def count_changes(
    context: JobContext, state: StreamState, present: Mapping[date, Collection[str]], found: Mapping[str, ListedReceipt]
) -> dict[date, DayChange]:
    """For each day, the rows of parts that joined and left; a day whose receipts move meanwhile is left out.

    `found` are the receipts by their own names, listed before the parts. OperatorError when a part did not leave but is
    lost: its receipt is gone, or holds it in force still.
    """
    receipts = {seen.summary.attempt: seen.blob for seen in found.values() if present}
    rows: dict[str, dict[str, int]] = {}
    changes = {}
    for day, parts in present.items():
        manifest = read_manifest(context.lake, state, day)
        published = {} if manifest is None else {each.part: each for each in manifest.inputs}
        left = [each for name, each in published.items() if name not in parts]
        expect_not_lost(state, day, left, found)
        joined = [name for name in sorted(parts) if name not in published]
        counts = [_rows(context, state.customer, receipts, rows, name) for name in joined]
        if None in counts:
            continue
        changes[day] = DayChange(
            inputs=digest_of(parts),
            carried="",
            joined=sum(count or 0 for count in counts),
            left=sum(each.rows for each in left),
        )
    return changes


def _rows(
    context: JobContext, customer: str, receipts: Mapping[str | None, str], rows: dict[str, dict[str, int]], name: str
) -> int | None:
    """Rows of a part, by the receipt that holds it in force; None when none does any more."""
    part = PartName.parse(name)
    blob = receipts.get(part.attempt) if part is not None else None
    if blob is None:
        return None
    if blob not in rows:
        found = context.drop.get(blob_names.receipts_container(customer), blob)
        in_force = from_json(Receipt, found[0]).in_force if found is not None else None
        rows[blob] = {each.name: each.rows for each in in_force.parts} if in_force is not None else {}
    return rows[blob].get(name)
