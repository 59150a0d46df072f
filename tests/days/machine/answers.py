"""What must be true of a receipt that was just written: invariants 1 and 9."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from processing.domain.datasets import Dataset
from processing.domain.receipts import Receipt, UploadStatus
from tests.days.machine.contents import REFUSED, Read
from tests.days.machine.customer import Customer
from tests.days.machine.world import KEPT_LONG

MOST_TRIES = 3
"""Attempts that may die of an upload before it is refused."""
Closings = Mapping[date, int]
"""Closed days of a stream, and when each was closed."""


def check_receipt(
    customer: Customer, name: str, receipt: Receipt, *, begun: int, tries: int, closings: dict[Dataset, Closings]
) -> None:
    """A receipt and the one before it, `begun` being when the run that wrote it was, and `tries` the runs for the version."""
    before = None if name in customer.lost else customer.known_receipts.get(name)
    age = customer.age(name, receipt.etag)
    rows = receipt.rows
    assert rows.read == rows.accepted + rows.rejected + rows.filtered
    if receipt.deleted_at is not None:
        check_deletion(customer, name, receipt, before, begun)
        return
    if before is not None:
        assert age >= customer.age(name, before.etag), "a receipt went back to an earlier version"
    if not any(each.has(name) for each in customer.streams):
        return
    version = customer.version(name, receipt.etag)
    if receipt.status in (UploadStatus.ACCEPTED, UploadStatus.ACCEPTED_WITH_REJECTS):
        assert version.content != REFUSED
        assert receipt.in_force is not None
        assert receipt.in_force.etag == receipt.etag
        config = customer.configs[receipt.config]
        read = customer.rows_read(name, version.content, version.last_modified, config)
        assert (rows.read, rows.filtered) == (read.read, read.filtered)
        assert rows.accepted == sum(receipt.days.values())
        _check_days(receipt, read, begun, closings)
        assert rows.accepted or rows.rejected == 0, "a version of which nothing was accepted replaces one before it"
        return
    assert receipt.in_force == (before.in_force if before else None), "a version that replaces nothing changed what is in force"
    if receipt.status is UploadStatus.REJECTED:
        is_bad = version.content == REFUSED or (rows.read > 0 and rows.accepted == 0)
        assert is_bad or tries >= MOST_TRIES, f"{name} was refused: {receipt.error}"
    elif receipt.status is UploadStatus.IGNORED:
        assert not version.data


def check_deletion(customer: Customer, name: str, receipt: Receipt, before: Receipt | None, begun: int) -> None:
    """It says nothing but that the upload is gone, which it was, and withdraws rows that a customer deleted, and no others."""
    world = customer.world
    present = customer.present(name)
    is_there = present is not None and present.etag == receipt.etag
    assert not is_there, f"{name} is said to be gone and was not"
    assert customer.was_gone_since(name, begun), f"{name} is said to be gone and was not"
    if before is None:
        return  # it came back, from a restore
    told = replace(receipt, deleted_at=None, in_force=before.in_force, warnings=before.warnings)
    assert told == replace(before, deleted_at=None), "a deletion changed what was answered"
    if name.startswith("signals/") or before.in_force is None or not before.in_force.parts:
        assert receipt.in_force == before.in_force
        return
    assert receipt.in_force is not None
    is_expired = (name, receipt.etag) in customer.expired
    if not world.withdraws or is_expired:
        assert receipt.in_force == before.in_force, f"rows of {name} were withdrawn, and nobody wanted that"
    elif world.retention.uploads == KEPT_LONG.uploads:
        assert not receipt.in_force.parts, f"rows of {name} were not withdrawn"


def _check_days(receipt: Receipt, read: Read, begun: int, closings: dict[Dataset, Closings]) -> None:
    """Rows of days that were closed before the run are not accepted; those of days that were not closed are."""
    least, most = Counter[date](), Counter[date]()
    for day, row in read.accepted:
        closed = closings.get(row.dataset, {}).get(day)
        least[day] += closed is None
        most[day] += closed is None or closed > begun
    for day in {*receipt.days, *most}:
        found = receipt.days.get(day, 0)
        assert found >= least[day], f"rows of {day} were not accepted"
        assert found <= most[day], f"rows of {day} were accepted though it was closed"
