"""The shortest timelines on which a program without one step overlooks a deletion, or tells one of an upload that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processing.jobs.uploads import deleted_uploads
from processing.stored.context import JobContext
from processing.stored.receipts import read_receipt
from tests.days.machine.machine import DayMachine
from tests.days.machine.metrics import B
from tests.days.machine.mutants import Mutant, Patch
from tests.days.machine.pauses import Pause
from tests.days.machine.scenes import Scene, install, upload, work

_READS_RECEIPT = Pause(method="get", container="receipts-")


def _does_not_note(patch: Patch) -> None:
    patch.setattr(deleted_uploads, "announce_change", lambda *_, **__: None)


def _looks_before_it_reads(patch: Patch) -> None:
    looks, seen = deleted_uploads._is_there, dict[str, bool]()

    def looking_first(drop: Any, customer: str, name: str) -> object:
        seen[name] = drop.head(f"drop-{customer}", name) is not None
        return read_receipt(drop, customer, name)

    def as_seen(context: JobContext, customer: str, name: str) -> bool:
        return seen.pop(name) if name in seen else looks(context, customer, name)

    patch.setattr(deleted_uploads, "read_receipt", looking_first)
    patch.setattr(deleted_uploads, "_is_there", as_seen)


def deleted(scene: DayMachine) -> None:
    """Two days are published and were compared; an upload of theirs is deleted, and one sweep has missed it."""
    install(scene, past="published", withdraws=True)
    work(scene)
    scene.crew.sweep(None)
    scene.customers[0].delete(B)
    scene.crew.sweep(None)


def an_upload_of_published_days_is_deleted(scene: DayMachine) -> None:
    deleted(scene)
    scene.crew.sweep(None)


def an_upload_comes_again_while_it_is_said_to_be_gone(scene: DayMachine) -> None:
    deleted(scene)
    sweep = scene.crew.sweep(_READS_RECEIPT)
    upload(scene, B, "one")
    scene.crew.go_until(sweep, None)


DELETION_UNNOTED = Mutant(name="rows are withdrawn without a note", patch=_does_not_note)
DELETION_LOOKS_FIRST = Mutant(name="an upload is looked for before its receipt is read", patch=_looks_before_it_reads)
HARMED_BY_DELETIONS: Mapping[Mutant, tuple[Scene, str]] = {
    DELETION_UNNOTED: (an_upload_of_published_days_is_deleted, "though its rows have changed"),
    DELETION_LOOKS_FIRST: (an_upload_comes_again_while_it_is_said_to_be_gone, "is said to be gone and was not"),
}
