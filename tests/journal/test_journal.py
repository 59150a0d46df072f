"""The journal over stores in memory: what is answered is in one upload, whatever becomes of appends and their answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import LaterError, OperatorError
from processing.domain.journal_names import Segment
from processing.domain.request_claims import CLAIMS_PREFIX
from processing.domain.streams import Stream
from processing.jobs.journal.journal import OPEN_BYTES, OPEN_SECONDS, Journal
from processing.jobs.journal.roll_journal import roll_customer
from processing.jobs.uploads.sweep import sweep
from processing.ports import AppendBlobs
from processing.stored.journal import roll_segment, roll_segments
from processing.stored.stream_state import load_state
from tests.support.in_memory import InMemoryAppendBlobs
from tests.support.memory import Memory, metrics
from tests.support.waiting import wait_until

D1 = date(2026, 11, 17)
JOURNAL = blob_names.journal_container("acme")
METRICS = Stream("acme", Dataset.METRICS)


@dataclass
class Troubled:
    """Append blobs of which each append may go wrong before and after it takes place."""

    blobs: AppendBlobs
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    appends: int = 0
    name: str = ""

    def create(self, container: str, name: str) -> str:
        self.name = name
        return self.blobs.create(container, name)

    def append(self, container: str, name: str, data: bytes, *, at: int, etag: str) -> str:
        self.appends += 1
        self.before()
        etag = self.blobs.append(container, name, data, at=at, etag=etag)
        self.after()
        return etag

    def seal(self, container: str, name: str) -> bool:
        return self.blobs.seal(container, name)


@dataclass
class Desk:
    """A customer with a journal."""

    world: Memory = field(default_factory=Memory)
    seconds: float = 0.0
    blobs: Troubled = field(init=False)
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        self.blobs = Troubled(InMemoryAppendBlobs(self.world.drop))
        context = replace(self.world.context, append_blobs=self.blobs)
        self.journal = Journal(context, seconds=lambda: self.seconds)

    def append(self, *lines: str, dataset: Dataset = Dataset.METRICS) -> None:
        self.journal.append("acme", dataset, "".join(f"{line}\n" for line in lines).encode())

    def uploads(self) -> dict[str, list[str]]:
        found = {}
        for info in self.world.drop.list_blobs(self.world.container):
            data = self.world.drop.get(self.world.container, info.name)
            assert data is not None
            found[info.name] = data[0].decode().splitlines()
        return found

    def rolled(self) -> list[str]:
        """All lines, once everything is an upload."""
        self.journal.roll(everything=True)
        left = [info.name for info in self.world.drop.list_blobs(JOURNAL)]
        assert all(name.startswith(CLAIMS_PREFIX) for name in left), "every segment is an upload"
        return sorted(line for lines in self.uploads().values() for line in lines)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def once(*, error: Exception) -> Callable[[], None]:
    """Goes wrong the first time."""
    left = [error]

    def act() -> None:
        if left:
            raise left.pop()

    return act


def test_what_was_appended_becomes_an_upload_of_its_dataset_and_day(desk: Desk) -> None:
    desk.append("1", "2")
    desk.append("3")
    desk.append("4", dataset=Dataset.EVENTS)
    assert desk.uploads() == {}
    assert desk.journal.roll(everything=True) == 2
    today = desk.world.zone.day_of(desk.world.time())
    found = {name.rpartition("/")[0]: lines for name, lines in desk.uploads().items()}
    assert found == {f"metrics/api/{today}": ["1", "2", "3"], f"events/api/{today}": ["4"]}
    assert all(name.endswith(".ndjson") for name in desk.uploads())
    assert desk.journal.roll(everything=True) == 0


def test_a_segment_is_given_up_after_a_minute_and_at_its_size(desk: Desk) -> None:
    desk.append("1")
    desk.seconds = OPEN_SECONDS - 1
    assert desk.journal.roll() == 0
    desk.seconds = OPEN_SECONDS
    assert desk.journal.roll() == 1
    desk.append("x" * OPEN_BYTES)
    desk.append("2")
    assert sorted(map(len, (lines for lines in desk.uploads().values()))) == [1]
    assert desk.rolled() == ["1", "2", "x" * OPEN_BYTES]
    assert len(desk.uploads()) == 3


def test_rows_that_arrive_during_an_append_share_the_next(desk: Desk) -> None:
    arrived, go = threading.Event(), threading.Event()

    def wait() -> None:
        arrived.set()
        go.wait()

    desk.append("0")
    desk.blobs.before, desk.blobs.appends = wait, 0
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(desk.append, "1")
        arrived.wait()
        others = [pool.submit(desk.append, str(number)) for number in range(2, 10)]
        wait_until(lambda: len(desk.journal._writers["acme", Dataset.METRICS].waiting) == len(others))
        desk.blobs.before = lambda: None
        go.set()
        for each in (first, *others):
            each.result()
    assert desk.blobs.appends == 2
    assert desk.rolled() == [str(number) for number in range(10)]


def test_an_append_whose_answer_was_lost_is_in_once(desk: Desk) -> None:
    desk.append("1")
    desk.blobs.after = once(error=LaterError("no answer"))
    desk.append("2")
    desk.append("3")
    assert desk.rolled() == ["1", "2", "3"]


def test_an_append_that_did_not_take_place_is_refused_and_not_in(desk: Desk) -> None:
    desk.append("1")
    desk.blobs.before = once(error=LaterError("no storage"))
    with pytest.raises(LaterError):
        desk.append("2")
    desk.append("3")
    assert desk.rolled() == ["1", "3"]


def test_an_append_without_an_answer_cannot_arrive_later(desk: Desk) -> None:
    late: list[Callable[[], object]] = []
    desk.append("1")
    real = desk.blobs.blobs.append

    def hold_back() -> None:
        found = desk.world.drop.head(JOURNAL, desk.blobs.name)
        assert found is not None
        name, etag = desk.blobs.name, found.etag
        late.append(lambda: real(JOURNAL, name, b"2\n", at=2, etag=etag))
        raise LaterError("on its way")

    desk.blobs.before = hold_back
    with pytest.raises(LaterError):
        desk.append("2")
    with pytest.raises(Exception, match="changed by someone else"):
        late[0]()
    desk.blobs.before = lambda: None
    assert desk.rolled() == ["1"]


def test_rows_of_a_sealed_segment_go_to_the_next(desk: Desk) -> None:
    desk.append("1")
    roll_segments(desk.world.context, "acme", [Dataset.METRICS])
    assert list(desk.uploads().values()) == [["1"]]
    desk.append("2")
    assert desk.rolled() == ["1", "2"]


@pytest.mark.parametrize("rolled", [False, True])
def test_a_segment_that_is_sealed_between_an_append_and_its_answer(desk: Desk, rolled: bool) -> None:
    desk.append("1")

    def seal() -> None:
        desk.blobs.after = lambda: None
        if rolled:
            roll_segments(desk.world.context, "acme", [Dataset.METRICS])
        raise LaterError("no answer")

    desk.blobs.after = seal
    desk.append("2")
    assert desk.rolled() == ["1", "2"]


def test_rows_whose_upload_is_gone_are_not_said_to_be_kept(desk: Desk) -> None:
    desk.append("1")

    def lose() -> None:
        desk.blobs.after = lambda: None
        roll_segments(desk.world.context, "acme", [Dataset.METRICS])
        for name in desk.uploads():
            desk.world.drop.delete(desk.world.container, name)
        raise LaterError("no answer")

    desk.blobs.after = lose
    with pytest.raises(LaterError, match="nobody can tell"):
        desk.append("2")


def test_a_name_that_somebody_took_is_left_to_them(desk: Desk) -> None:
    desk.append("1")
    segment = Segment.parse("acme", desk.blobs.name)
    assert segment is not None
    desk.world.put(segment.upload(), b"not ours\n")
    assert desk.rolled() == ["1", "not ours"]
    assert desk.uploads()[segment.upload(1)] == ["1"]


def test_where_every_name_is_taken_the_segment_stays(desk: Desk) -> None:
    desk.append("1")
    segment = Segment.parse("acme", desk.blobs.name)
    assert segment is not None
    for number in range(10):
        desk.world.put(segment.upload(number), b"not ours\n")
    with pytest.raises(OperatorError, match="every name"):
        roll_segment(desk.world.context, segment)
    assert desk.journal.roll(everything=True) == 0  # logged, and tried again
    desk.world.drop.delete(desk.world.container, segment.upload(3))
    assert "1" in desk.rolled()


def test_a_day_takes_what_was_answered_before_its_marker(desk: Desk) -> None:
    world = desk.world
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    row = f'{{"unit_id": "v", "id_type": "user_id", "date": "{D1}", "metric_name": "m", "metric_value": 2}}'
    desk.append(row)
    world.upload(f"signals/{D1}")
    world.settle()
    assert [name for name in desk.uploads() if "/api/" in name], "the look made an upload of it"
    assert load_state(world.context, METRICS).state.first_day is None, "and waits for it"
    world.pass_time(minutes=5)
    world.sweep()  # no event announced it
    world.tick()
    assert world.status(D1)["state"] == "processed"
    assert world.status(D1)["rows"] == 2


def test_what_a_process_left_is_found_by_the_sweep(desk: Desk) -> None:
    desk.append("1")
    sweep(desk.world.context)
    desk.world.work_customers()
    assert desk.uploads() == {}
    desk.world.pass_time(minutes=2)
    sweep(desk.world.context)
    desk.world.work_customers()
    assert list(desk.uploads().values()) == [["1"]]


def test_one_segment_that_cannot_be_rolled_holds_up_no_other(desk: Desk) -> None:
    desk.append("1")
    blocked = Segment.parse("acme", desk.blobs.name)
    assert blocked is not None
    for number in range(10):
        desk.world.put(blocked.upload(number), b"not ours\n")
    desk.append("2", dataset=Dataset.EVENTS)
    desk.world.time.advance(timedelta(minutes=3))
    assert roll_customer(desk.world.context, "acme") == 1
    assert ["2"] in desk.uploads().values()
