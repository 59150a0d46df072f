"""What an installation may lose, and what is put back: nothing is to be published from what is left (invariant 12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from processing.domain import blob_names
from tests.days.machine.watch import Watch
from tests.support.in_memory import InMemoryBlobStore

KINDS = ("state", "state at rest", "part", "manifest", "staged", "staged, emptied", "receipts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something that is lost."""

    restore: Callable[[], None]
    """Puts back what is not there again by then."""

    @classmethod
    def of(cls, kind: str, watch: Watch, random: Random) -> Loss | None:
        """Lose something of a stream now; None when there is nothing of the kind."""
        lose = _BLOBS.get(kind)
        restore = lose(watch, random) if lose is not None else _staged(watch, is_emptied=kind.endswith("emptied"))
        return None if restore is None else cls(restore=restore)


def _state(watch: Watch, random: Random) -> Callable[[], None] | None:
    """The state comes back as it was one publication or more ago."""
    older = [data for seq, _, data in watch.saved if seq < watch.state.seq]
    return _exchanged(watch, random.choice(older[-20:])) if older else None


def _state_at_rest(watch: Watch, random: Random) -> Callable[[], None] | None:
    """The same, as it was before the last publication, with nothing on its way into the tables."""
    older = [data for seq, pending, data in watch.saved if seq < watch.state.seq and pending is None]
    return _exchanged(watch, older[-1]) if older else None


def _exchanged(watch: Watch, older: bytes) -> Callable[[], None] | None:
    if max(watch.world.seqs(watch.customer.name, watch.stream).values(), default=0) < watch.state.seq:
        return None
    name = blob_names.state_name(watch.named)
    newest, cuts = watch.world.lake.get(blob_names.STATE_CONTAINER, name), dict(watch.cuts)
    assert newest is not None
    watch.world.lake.put(blob_names.STATE_CONTAINER, name, older)
    watch.roll_back()

    def restore() -> None:
        watch.world.lake.put(blob_names.STATE_CONTAINER, name, newest[0])
        watch.cuts = cuts
        watch.roll_forward()

    return restore


def _part(watch: Watch, random: Random) -> Callable[[], None] | None:
    """A staged part that is in force."""
    receipts = (each for folder in watch.folders for each in watch.customer.receipts_in(folder).values())
    parts = sorted(part.name for each in receipts if each.in_force for part in each.in_force.parts if watch.is_of(part.name))
    return _blob(watch.world.lake, blob_names.STAGED_CONTAINER, random.choice(parts)) if parts else None


def _manifest(watch: Watch, random: Random) -> Callable[[], None] | None:
    """A manifest that the state names."""
    names = sorted(watch.live_names())
    return _blob(watch.world.lake, blob_names.STATE_CONTAINER, random.choice(names)) if names else None


def _staged(watch: Watch, *, is_emptied: bool) -> Callable[[], None]:
    """All staged parts, with their container or without."""
    blobs = watch.world.lake._containers
    lost = blobs.pop(blob_names.STAGED_CONTAINER)
    if is_emptied:
        blobs[blob_names.STAGED_CONTAINER] = {}

    def restore() -> None:
        blobs[blob_names.STAGED_CONTAINER] = {**lost, **blobs.get(blob_names.STAGED_CONTAINER, {})}

    return restore


def _receipts(watch: Watch, random: Random) -> Callable[[], None]:
    """All receipts of the customer, and the status documents of its days."""
    customer, blobs = watch.customer, watch.world.drop._containers
    lost, blobs[customer.receipts] = blobs[customer.receipts], {}
    customer.lost = dict(customer.known_receipts)

    def restore() -> None:
        # What was answered anew meanwhile stays, unless it forgot what was in force; so the program asks for it.
        forgotten = {blob_names.receipt_name(name) for name in customer.lost}
        newer = {name: blob for name, blob in blobs[customer.receipts].items() if name not in forgotten}
        blobs[customer.receipts] = {**lost, **newer}
        customer.known_receipts |= customer.lost
        customer.lost = {}

    return restore


def _blob(store: InMemoryBlobStore, container: str, name: str) -> Callable[[], None]:
    blobs = store._containers
    lost = blobs[container].pop(name, None)

    def restore() -> None:
        if lost is not None:
            blobs.setdefault(container, {}).setdefault(name, lost)

    return restore


_BLOBS: Mapping[str, Callable[[Watch, Random], Callable[[], None] | None]] = {
    "state": _state,
    "state at rest": _state_at_rest,
    "part": _part,
    "manifest": _manifest,
    "receipts": _receipts,
}
