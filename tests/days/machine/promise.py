"""Invariant 7: what must be true of a stream once everything that was begun is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from processing.domain import blob_names
from processing.domain.blob_names import DataFile, Marker, SignalFile, kind_of_upload
from processing.domain.documents import from_json
from processing.domain.readiness.day_states import HISTORY_IN_STATE
from processing.domain.receipts import Receipt, UploadStatus
from processing.domain.stream_state import DayRecord, DayState, DayStatus
from tests.days.machine.contents import STUB
from tests.days.machine.customer import FIRST_DAY, HOLD, INFER, WAIT_FOR_REFUSED, Customer, md5_of
from tests.days.machine.watch import Watch

_LATE = 14
_WINDOW = 28


def check_answers(customer: Customer) -> None:
    """Every upload is answered."""
    for name in customer.names():
        present = customer.present(name)
        if present is None or present.content == STUB:
            continue
        found = customer.receipt(name)
        assert found is not None, "an upload has no receipt"
        assert found[0].etag == present.etag, "the receipt of an upload is not current"
        assert found[0].status.is_answer


def check_deletions(customer: Customer) -> None:
    """Every upload that somebody deleted is said to be gone, and its rows are withdrawn where that is wanted."""
    for name, versions in customer.versions.items():
        last, found = versions[-1], customer.receipt(name)
        if found is None or customer.present(name) is not None or (name, last.etag) in customer.expired:
            continue
        receipt = found[0]
        if not customer.version(name, receipt.etag).data:
            continue  # what need not be read leaves no note: it is told only if a sweep has seen it
        assert receipt.deleted_at is not None, f"nobody says that {name} is gone"
        if customer.world.withdraws and not name.startswith("signals/"):
            assert receipt.in_force is None or not receipt.in_force.parts, f"the rows of {name} are still in force"


def check_promise(watch: Watch, config: str) -> None:
    """Every marked day is published or rightly waiting, every published day is as it should be."""
    state, calendar = watch.state, watch.world.calendar
    assert state.pending is None
    watch.check_tables()
    if not _is_stream(watch):
        return
    marked = _marked(watch)
    first = calendar.day(1) if config == FIRST_DAY else state.first_day
    assert first == state.first_day, "the config names the first day"
    if first is None:
        assert not any(_opens(watch, day) for day in marked), "no first day was found"
        return
    if config == INFER and marked:
        marked |= {first + timedelta(days=each) for each in range((max(marked) - first).days + 1)}
    for day in sorted(each for each in marked if each >= first and not state.is_closed(each)):
        record = state.days.get(day, DayRecord())
        if record.published is None:
            _check_waits(watch, day, record, config)
    _check_corrections(watch, config)
    _check_documents(watch)


def _is_stream(watch: Watch) -> bool:
    """Whether the customer ever had data of this stream, or marked it alone."""
    if watch.world.state(watch.customer.name, watch.stream)[1] is not None:
        return True
    named = [name for folder in (*watch.folders, f"signals/{watch.stream.dataset}/") for name in watch.customer.uploads(folder)]
    held = [present for name in named if (present := watch.customer.present(name)) is not None and present.content != STUB]
    return bool(held) or any(watch.customer.receipts_in(folder) for folder in watch.folders)


def _marked(watch: Watch) -> set[date]:
    """The days whose markers lie there, by the names and contents of the markers alone."""
    customer, days = watch.customer, set[date]()
    marking = customer.marking(watch.stream)
    for name in customer.names():
        present, kind = customer.present(name), kind_of_upload(name)
        if present is not None and isinstance(kind, Marker | SignalFile) and kind.dataset in marking:
            days.update(customer.days_marked_by(name, present))
    return days


def _opens(watch: Watch, day: date) -> bool:
    """Whether a marked day should have become the first day."""
    world, customer = watch.world, watch.customer
    is_recent = day >= world.calendar.day_of(world.drop.service_time()) - timedelta(days=_WINDOW)
    own = customer.present(f"signals/{watch.stream.dataset}/{day}")
    is_own = own is not None and own.content != STUB
    return is_recent and (is_own or bool(watch.rows_in_force(day, _receipts(watch))))


def _receipts(watch: Watch) -> Mapping[str, Receipt]:
    return {name: each for folder in watch.folders for name, each in watch.customer.receipts_in(folder).items()}


def _check_waits(watch: Watch, day: date, record: DayRecord, config: str) -> None:
    """A marked day that is not published says what it waits for, and that is so."""
    customer, first = watch.customer, watch.state.first_day
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
        found = customer.receipt(name)
        is_refused = found is not None and found[0].status is UploadStatus.REJECTED
        if by_manifest:
            wanted = next(each for each in record.expected_files if each.name == name)
            is_wrong = found is not None and (
                found[0].rows.read != (wanted.rows if wanted.rows is not None else found[0].rows.read)
                or wanted.md5 not in (None, md5_of(customer.version(name, found[0].etag).data))
            )
            assert found is None or is_refused or is_wrong, f"{day} waits for {text}"
            assert found is None or record.state is DayState.FAILED
        else:
            assert config == WAIT_FOR_REFUSED, f"{day} waits for {text}"
            assert is_refused, f"{day} waits for {text}"


def _check_corrections(watch: Watch, config: str) -> None:
    """Each published day shows the rows that are in force, unless it is changed and its policy leaves it so."""
    world = watch.world
    receipts = _receipts(watch)
    for day, manifest in watch.live().items():
        if watch.state.is_closed(day):
            continue
        record = watch.state.days[day]
        kept = (each.in_force for each in receipts.values() if not watch.is_given_up(each, watch.state, day))
        present = {part.name for each in kept if each is not None for part in each.parts if watch.is_of(part.name, day)}
        if record.reprocess is not None:
            _check_waits(watch, day, record, config)
        elif {each.part for each in manifest.inputs} == present and (record.change is None):
            assert record.state in (DayState.PROCESSED, DayState.PROCESSED_EMPTY), record.state
        else:
            assert record.state is DayState.CHANGED, f"{day} is {record.state} though its rows have changed"
            age = (world.calendar.day_of(world.drop.service_time()) - day).days
            # While an earlier one is to be processed again, nobody knows what it will hand on.
            waits = any(each.reprocess is not None for earlier, each in watch.state.days.items() if earlier < day)
            assert config == HOLD or age > _LATE or waits, f"{day} is left changed"


def _check_documents(watch: Watch) -> None:
    """The status documents say what the stream's state says."""
    for day, record in watch.state.days.items():
        found = watch.world.drop.get(watch.customer.receipts, blob_names.day_status_name(watch.stream.dataset, day))
        if found is None:
            age = (watch.world.calendar.day_of(watch.world.time()) - day).days
            assert age > watch.world.retention.receipts, f"{day} has no status document"
            watch.tally.hit("a status document given up")
            continue
        status = from_json(DayStatus, found[0])
        assert (status.state, status.waiting_for) == (record.state, record.waiting_for)
        # The state has forgotten the oldest changes.
        assert status.history[len(status.history) - len(record.history) :] == record.history
        assert len(status.history) == len(record.history) or len(record.history) == HISTORY_IN_STATE
        assert status.seq == (record.published.seq if record.published else None)
