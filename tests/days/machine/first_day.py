"""Which day a stream may begin with, from the memory of what was uploaded (protocol, When a day is due 5)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from processing.domain.blob_names import DataFile, Marker, PartName, SignalFile, kind_of_upload
from processing.domain.stream_state import StreamState
from tests.days.machine.contents import STUB
from tests.days.machine.customer import Version

if TYPE_CHECKING:
    from tests.days.machine.watch import Notes, Watch

WINDOW = timedelta(days=28)


def check_found(watch: Watch, notes: Notes, before: StreamState, after: StreamState) -> None:
    """Invariant 10, of a first day that the program found.

    Everything that lay there before its marker was answered by then, and no marked day before it has rows among that, or a
    marker of its own.
    """
    first, markers = after.first_day, _in_effect(watch, notes, before)
    assert first is not None
    assert first in markers, f"the stream begins with {first}, which is not marked"
    written = min(version.number for _, version in markers[first])
    early = _uploads_before(watch, written)
    for name, version in early.items():
        is_answered = (name, version.etag) in watch.customer.answered
        assert is_answered, f"the stream begins with {first} though {name} lay there before and was not answered"
    assert _has_own(watch, markers, first) or _has_rows(watch, first), f"the stream begins with {first}, which has no rows"
    assert notes.now is not None
    oldest = watch.world.calendar.day_of(notes.now) - WINDOW
    for day in (each for each in markers if oldest <= each < first):
        assert not _has_own(watch, markers, day), f"the stream begins with {first} though {day} has a marker of its own"
        missed = [name for name in early if _rows(watch, name, early[name], day)]
        assert not missed, f"the stream begins with {first} though {day} is marked and has rows in {missed}"


def _in_effect(watch: Watch, notes: Notes, before: StreamState) -> dict[date, list[tuple[str, Version]]]:
    """The days that the markers of the run's listing had surely marked, with these.

    One that is rewritten before it has settled counts from when the state saw it first (When a day is due 1).
    """
    customer, days = watch.customer, dict[date, list[tuple[str, Version]]]()
    assert notes.markers is not None
    assert notes.now is not None
    marking = customer.marking(watch.stream)
    for name, etag in notes.markers.found.items():
        kind, version = kind_of_upload(name), customer.version(name, etag)
        if not isinstance(kind, Marker | SignalFile) or kind.dataset not in marking:
            continue
        is_read = isinstance(kind, Marker) or customer.answered.get((name, etag), notes.markers.since) < notes.markers.since
        rests_since = before.rests_since(name, version.last_modified)
        if is_read and rests_since + watch.world.settle <= notes.now:
            for day in customer.days_marked_by(name, version):
                if watch.world.calendar.end_of(day) <= notes.now:
                    days.setdefault(day, []).append((name, version))
    return days


def _uploads_before(watch: Watch, number: int) -> dict[str, Version]:
    """The uploads that were there then and are there still."""
    found = {}
    for name in watch.customer.versions:
        present = watch.customer.present(name)
        is_data = isinstance(kind_of_upload(name), DataFile) and name.startswith(watch.folders)
        if is_data and present is not None and present.number < number and present.content != STUB:
            found[name] = present
    return found


def _has_own(watch: Watch, markers: dict[date, list[tuple[str, Version]]], day: date) -> bool:
    kinds = (kind_of_upload(name) for name, _ in markers[day])
    return any(isinstance(kind, Marker | SignalFile) and kind.dataset is watch.stream.dataset for kind in kinds)


def _has_rows(watch: Watch, day: date) -> bool:
    """Whether any upload ever had rows of the day: what was in force when the run looked may be replaced by now."""
    return any(
        day == its and row.dataset is watch.stream.dataset
        for name, versions in watch.customer.versions.items()
        if isinstance(kind_of_upload(name), DataFile) and name.startswith(watch.folders)
        for version in versions
        for its, row in watch.customer.stream_of(name).rows_read(version.content, version.last_modified, "").accepted
    )


def _rows(watch: Watch, name: str, version: Version, day: date) -> int:
    """The rows of a day that an upload holds in force."""
    receipt = watch.customer.known_receipts.get(name)
    if receipt is None or receipt.in_force is None or receipt.in_force.etag != version.etag:
        return 0
    parts = ((PartName.parse(part.name), part.rows) for part in receipt.in_force.parts)
    return sum(rows for part, rows in parts if part is not None and (part.dataset, part.day) == (watch.stream.dataset, day))
