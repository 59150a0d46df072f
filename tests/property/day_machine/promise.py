"""Invariant 7: what must be true of a stream once everything that was begun is done."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from processing.domain import blob_names
from processing.domain.blob_names import DataFile, Marker, SignalFile, kind_of_upload
from processing.domain.days import PST
from processing.domain.documents import from_json
from processing.domain.marker_manifest import folders_of
from processing.domain.records import DayRecord, DayState, DayStatus, Status
from tests.property.day_machine.watch import Watch
from tests.property.day_machine.world import RECEIPTS

_LATE = 14


def check_promise(watch: Watch, config: str) -> None:
    """Every upload is answered, every marked day published or rightly waiting, every published day as it should be."""
    _check_answers(watch)
    state = watch.state
    assert state.pending is None
    watch.check_tables()
    if not _is_stream(watch):
        return
    marked = _marked(watch)
    first = date(2026, 11, 18) if config == "first day" else state.first_day
    assert first == state.first_day, "the config names the first day"
    if first is None:
        assert not any(_opens(watch, day) for day in marked), "no first day was found"
        return
    if config == "infer" and marked:
        marked |= {first + timedelta(days=each) for each in range((max(marked) - first).days + 1)}
    expected = first
    for day in sorted(each for each in marked if each >= first):
        record = state.days.get(day, DayRecord())
        if record.published is None:
            _check_waits(watch, day, record, config)
        expected = day
    assert expected >= first
    _check_corrections(watch, config)
    _check_documents(watch)


def _check_answers(watch: Watch) -> None:
    world = watch.world
    for name in world.versions:
        present = world.present(name)
        if present is not None:
            found = world.receipt(name)
            assert found is not None, "an upload has no receipt"
            assert found[0].etag == present.etag, "the receipt of an upload is not current"
            assert found[0].status.is_answer


def _is_stream(watch: Watch) -> bool:
    """Whether the customer ever had data of this stream, or marked it alone."""
    if watch.world.state(watch.stream)[1] is not None:
        return True
    folders = folders_of(watch.stream.dataset)
    uploads = [folder for folder in (*folders, f"signals/{watch.stream.dataset}/") if watch.world.uploads(folder)]
    return bool(uploads) or any(watch.world.receipts(folder) for folder in folders)


def _marked(watch: Watch) -> set[date]:
    """The days whose markers lie there, by the names and contents of the markers alone."""
    days: set[date] = set()
    dataset = watch.stream.dataset
    own = any(name.startswith(f"signals/{dataset}/") for name in watch.world.versions)
    marking = {None, dataset} | (set() if own or dataset.value != "exposures" else {"events"})
    for name in watch.world.versions:
        present = watch.world.present(name)
        kind = kind_of_upload(name)
        if present is None:
            continue
        if isinstance(kind, Marker) and kind.dataset in marking:
            days.add(kind.day)
        elif isinstance(kind, SignalFile) and kind.dataset in marking:
            days.update(date.fromisoformat(each) for each in present.content.split(","))
    return days


def _opens(watch: Watch, day: date) -> bool:
    """Whether a marked day should have become the first day."""
    world = watch.world
    receipts = {name: each for folder in folders_of(watch.stream.dataset) for name, each in world.receipts(folder).items()}
    is_recent = day >= PST.day_of(world.drop.service_time()) - timedelta(days=28)
    is_own = world.present(f"signals/{watch.stream.dataset}/{day}") is not None
    return is_recent and (is_own or bool(watch.rows_in_force(day, receipts)))


def _check_waits(watch: Watch, day: date, record: DayRecord, config: str) -> None:
    """A marked day that is not published says what it waits for, and that is so."""
    world, first = watch.world, watch.state.first_day
    assert first is not None
    assert record.state in (DayState.WAITING, DayState.FAILED), f"{day} is {record.state} and not published"
    assert record.waiting_for, f"{day} waits for nothing"
    for text in record.waiting_for:
        name, _, by_manifest = text.partition(" (named")
        if not isinstance(kind_of_upload(name), DataFile):
            earlier = date.fromisoformat(text)
            assert first <= earlier < day, f"{day} waits for {text}"
            assert watch.state.days.get(earlier, DayRecord()).published is None, f"{day} waits for {text}"
            continue
        found = world.receipt(name)
        is_refused = found is not None and found[0].status is Status.REJECTED
        if by_manifest:
            wanted = next(each for each in record.awaited if each.name == name)
            assert found is None or is_refused or found[0].rows.read != wanted.rows, f"{day} waits for {text}"
            assert found is None or record.state is DayState.FAILED
        else:
            assert config == "wait for refused", f"{day} waits for {text}"
            assert is_refused, f"{day} waits for {text}"


def _check_corrections(watch: Watch, config: str) -> None:
    """Each published day shows the rows that are in force, unless it is changed and its policy leaves it so."""
    world = watch.world
    receipts = {name: each for folder in folders_of(watch.stream.dataset) for name, each in world.receipts(folder).items()}
    for day, manifest in watch.live().items():
        record = watch.state.days[day]
        in_force = [part.name for each in receipts.values() if each.in_force for part in each.in_force.parts]
        present = {name for name in in_force if watch.is_of(name, day)}
        if record.reprocess is not None:
            _check_waits(watch, day, record, config)
        elif {each.part for each in manifest.inputs} == present and (record.change is None):
            assert record.state in (DayState.PROCESSED, DayState.PROCESSED_EMPTY), record.state
        else:
            assert record.state is DayState.CHANGED, f"{day} is {record.state} though its rows have changed"
            assert config == "hold late" or _age(world.drop.service_time(), day) > _LATE, f"{day} is left changed"


def _age(now: datetime, day: date) -> int:
    return (PST.day_of(now) - day).days


def _check_documents(watch: Watch) -> None:
    """The status documents say what the stream's state says."""
    for day, record in watch.state.days.items():
        found = watch.world.drop.get(RECEIPTS, blob_names.day_status_name(watch.stream.dataset, day))
        assert found is not None, f"{day} has no status document"
        status = from_json(DayStatus, found[0])
        assert (status.state, status.waiting_for, status.history) == (record.state, record.waiting_for, record.history)
        assert status.seq == (record.published.seq if record.published else None)
