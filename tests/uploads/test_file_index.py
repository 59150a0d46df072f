"""The list of files by its index is what the listings say, whatever happens between sweeps (protocol, Index of files)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import LaterError
from processing.jobs.uploads import index_files, listed_files, sweep, unanswered
from processing.jobs.uploads.receive_file import receive_file
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from processing.stored.file_index import load_file_index
from processing.stored.receipts import read_receipt
from processing.views import known_files
from processing.views.files import FileFilter, FileStatus, Place, list_files
from tests.support.all_customers import sweep_all
from tests.support.counting import counted
from tests.support.memory import HEADER, Memory, metrics
from tests.support.soak import times
from tests.support.stepping import Run, SteppedStore

DAYS = (date(2026, 11, 17), date(2026, 11, 18))
NAMES = ("metrics/a.csv", "metrics/B.csv", "metrics/c/d.csv", "events/e.ndjson", "other.csv")
STATE = blob_names.STATE_CONTAINER
CONFIGS = ("{}\n", "id_types: [another]\n")


def truth(world: Memory) -> dict[str, FileStatus]:
    """Every upload that is there with what its receipt says, one by one."""
    found = {}
    for info in world.drop.list_blobs(world.container):
        receipt = read_receipt(world.drop, world.customer, info.name)
        is_current = receipt is not None and receipt[0].etag == info.etag and receipt[0].deleted_at is None
        in_force = None if receipt is None else receipt[0].in_force
        found[info.name] = FileStatus(
            name=info.name,
            size=info.size,
            uploaded_at=info.last_modified,
            status=receipt[0].status.value if receipt is not None and is_current else None,
            rows=receipt[0].rows.read if receipt is not None and is_current else None,
            days=frozenset(() if in_force is None else in_force.days),
        )
    return found


def paged(world: Memory, wanted: FileFilter, limit: int = 2) -> list[FileStatus]:
    """All pages of the list, which tell how many files are on them."""
    files: list[FileStatus] = []
    after: Place | None = None
    while True:
        page = list_files(world.context, world.customer, wanted, after=after, limit=limit)
        files += page.files
        if not page.has_more:
            assert page.count == len(files)
            return files
        after = (files[-1].uploaded_at, files[-1].name)


def in_order(files: dict[str, FileStatus]) -> list[FileStatus]:
    return sorted(files.values(), key=lambda each: (each.uploaded_at, each.name), reverse=True)


FILTERS: tuple[tuple[FileFilter, Callable[[FileStatus], bool]], ...] = (
    (FileFilter(), lambda _: True),
    (FileFilter(dataset=Dataset.METRICS), lambda each: each.name.startswith("metrics/")),
    (FileFilter(status="accepted"), lambda each: each.status == "accepted"),
    (FileFilter(status="none"), lambda each: each.status is None),
    (FileFilter(day=DAYS[0]), lambda each: each.days is not None and DAYS[0] in each.days),
    (FileFilter(name="b.CSV"), lambda each: "b.csv" in each.name.casefold()),
)


@dataclass
class Story:
    """What happens to a customer's files, and of which of them the list must know at any moment."""

    world: Memory = field(default_factory=Memory)
    unseen: set[str] = field(default_factory=set)
    """Names of which something changed that neither an attempt nor a sweep has seen yet."""
    paused: list[Run] = field(default_factory=list)

    def put(self, name: str, number: int) -> None:
        self.world.pass_time(seconds=1)
        self.world.put(name, metrics(DAYS[number % 2], {"u": number}))
        self.unseen.add(name)

    def receive(self, name: str) -> None:
        is_there = self.world.drop.head(self.world.container, name) is not None
        receive_file(self.world.context, self.world.container, name)
        if is_there and name.startswith(("metrics/", "events/")):
            self.unseen.discard(name)

    def delete(self, name: str) -> None:
        self.world.drop.delete(self.world.container, name)
        self.unseen.add(name)

    def reingest(self, number: int) -> None:
        self.world.config(CONFIGS[number % 2])
        reingest(self.world.context, self.world.customer, ReingestFilter())
        self.world.answer_events()

    def sweep(self) -> None:
        self.world.pass_time(seconds=1)
        sweep_all(self.world.context)
        self.unseen.clear()

    def begin_sweep(self, steps: int) -> None:
        self.paused.append(self._sweeping(steps))

    def finish_sweep(self) -> None:
        if self.paused:
            self.paused.pop(0).finish()

    def die_in_a_sweep(self, steps: int) -> None:
        self._sweeping(steps).abandon()

    def lose(self, number: int) -> None:
        """Some blob of the index is gone, or is not what it was."""
        found = [info.name for info in self.world.lake.list_blobs(STATE, f"files/{self.world.customer}/")]
        if found:
            name = found[number % len(found)]
            if number % 3:
                self.world.lake.delete(STATE, name)
            else:
                self.world.lake.put(STATE, name, b"PAR1 of somebody else")

    def clean_up(self) -> None:
        """A night, before which there were sweeps: it deletes the notes of two days ago."""
        self.sweep()
        self.world.clean_up()

    def pass_time(self, days: int) -> None:
        self.world.pass_time(days=days)

    def _sweeping(self, steps: int) -> Run:
        context = self.world.context
        run = Run(
            lambda run: sweep_all(replace(context, drop=SteppedStore(context.drop, run), lake=SteppedStore(context.lake, run)))
        )
        for _ in range(steps):
            if not run.ended:
                run.step()
        return run

    def expect_right(self, *, everything: bool) -> None:
        """Each file once; those that an attempt or a sweep has seen as they are; and all of them, where they must be."""
        real = truth(self.world)
        for wanted, is_meant in FILTERS:
            shown = paged(self.world, wanted)
            names = [each.name for each in shown]
            assert len(names) == len(set(names)), "a file stands there twice"
            if everything:
                assert shown == in_order({name: each for name, each in real.items() if is_meant(each)}), wanted
            known = {name: each for name, each in real.items() if name not in self.unseen and is_meant(each)}
            assert [each for each in shown if each.name not in self.unseen] == in_order(known), wanted


def end(story: Story) -> None:
    for run in story.paused:
        run.abandon()


_NUMBERS = st.integers(0, 30)
ACTIONS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(NAMES), _NUMBERS),
    st.tuples(st.just("receive"), st.sampled_from(NAMES)),
    st.tuples(st.just("put and receive"), st.sampled_from(NAMES), _NUMBERS),
    st.tuples(st.just("delete"), st.sampled_from(NAMES)),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("reingest"), _NUMBERS),
    st.tuples(st.just("begin_sweep"), _NUMBERS),
    st.tuples(st.just("finish_sweep")),
    st.tuples(st.just("die_in_a_sweep"), _NUMBERS),
    st.tuples(st.just("lose"), _NUMBERS),
    st.tuples(st.just("clean_up")),
    st.tuples(st.just("pass_time"), st.sampled_from([1, 8])),
)


@pytest.fixture
def small() -> Iterator[None]:
    """An index that is used from the first file on, with segments of a few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_files, "FEW", -1)
        patch.setattr(index_files, "NEWEST", 2)
        patch.setattr(index_files, "SEGMENT", 2)
        yield


def tell(actions: list[tuple[object, ...]], *, is_always_whole: bool) -> None:
    """Go through a story; the list must be right after each of its actions."""
    story = Story()
    try:
        for what, *about in actions:
            if what == "put and receive":
                story.put(*about)  # type: ignore[arg-type]
                story.receive(about[0])  # type: ignore[arg-type]
            else:
                getattr(story, str(what))(*about)
            story.expect_right(everything=is_always_whole or what == "sweep")
    finally:
        for run in story.paused:
            run.abandon()


@settings(max_examples=times(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTIONS, min_size=4, max_size=12))
@pytest.mark.usefixtures("small")
def test_the_list_of_many_files_is_what_attempts_and_sweeps_have_seen(actions: list[tuple[object, ...]]) -> None:
    tell(actions, is_always_whole=False)


@settings(max_examples=times(10))
@given(actions=st.lists(ACTIONS, min_size=4, max_size=12))
def test_the_list_of_a_few_files_is_what_is_there(actions: list[tuple[object, ...]]) -> None:
    tell(actions, is_always_whole=True)


def fill(world: Memory, count: int) -> None:
    """So many files a second apart, most of them answered by their names alone."""
    for number in range(count):
        world.pass_time(seconds=1)
        world.upload(f"other/{number:03d}.csv")


@pytest.mark.usefixtures("small")
def test_a_sweep_that_finds_nothing_new_reads_one_blob_of_the_index_and_writes_none() -> None:
    world = Memory()
    fill(world, 7)
    sweep_all(world.context)
    _, lake = counted(world)
    sweep_all(world.context)
    assert [each for each in lake.requests if "files/" in each] == [f"get {STATE} files/acme/newest.parquet"]


@pytest.mark.usefixtures("small")
def test_a_sweep_reads_and_writes_the_segments_alone_in_which_something_changed() -> None:
    world = Memory()
    fill(world, 9)
    sweep_all(world.context)
    index = load_file_index(world.context, "acme")
    assert index is not None
    assert [each.digest.files for each in index.segments] == [2, 2, 2, 2]
    world.drop.delete(world.container, "other/003.csv")
    world.pass_time(seconds=1)
    _, lake = counted(world)
    sweep_all(world.context)
    changed = load_file_index(world.context, "acme")
    assert changed is not None
    kept = [each for each in index.segments if each in changed.segments]
    assert len(kept) == 3
    assert not any(each.name in request for each in kept for request in lake.requests)
    assert changed.files == 8


@pytest.mark.usefixtures("small")
def test_neighbours_that_have_become_few_become_one_segment() -> None:
    world = Memory()
    fill(world, 9)
    sweep_all(world.context)
    for number in (1, 3, 5):
        world.drop.delete(world.container, f"other/{number:03d}.csv")
    world.pass_time(seconds=1)
    sweep_all(world.context)
    index = load_file_index(world.context, "acme")
    assert index is not None
    assert (index.files, [each.digest.files for each in index.segments]) == (6, [2, 2, 1])


@pytest.mark.usefixtures("small")
def test_a_page_is_right_when_all_that_the_index_named_goes_between_its_reads() -> None:
    world = Memory()
    fill(world, 9)
    sweep_all(world.context)
    real = world.lake.get

    def overtaken(container: str, name: str) -> object:
        found = real(container, name)
        if name.endswith("newest.parquet"):
            world.lake.get = real  # type: ignore[method-assign]
            for info in list(world.lake.list_blobs(STATE, "files/acme/")):
                world.lake.delete(STATE, info.name)
            sweep_all(world.context)
        return found

    world.lake.get = overtaken  # type: ignore[method-assign,assignment]
    assert in_order(truth(world)) == list(list_files(world.context, "acme").files)
    assert world.lake.get == real, "the index was read"


@pytest.mark.usefixtures("small")
def test_more_waiting_uploads_than_are_kept_in_memory_are_listed_until_they_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = Memory()
    fill(world, 4)
    sweep_all(world.context)
    monkeypatch.setattr(listed_files, "MOST_WAITING", 20)
    for name in ("metrics/a.csv", "metrics/b.csv"):
        world.pass_time(seconds=1)
        world.put(name, metrics(DAYS[0], {"u": 1}))
    sweep_all(world.context)
    assert load_file_index(world.context, "acme") is None
    assert list(list_files(world.context, "acme").files) == in_order(truth(world))
    for name in ("metrics/a.csv", "metrics/b.csv"):
        receive_file(world.context, world.container, name)
    sweep_all(world.context)
    index = load_file_index(world.context, "acme")
    assert index is not None
    assert index.files == 6
    assert list(list_files(world.context, "acme").files) == in_order(truth(world))


@pytest.mark.usefixtures("small")
def test_days_of_files_of_very_many_are_known_after_some_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_files, "_READ", 1)
    world = Memory()
    days = [DAYS[0] - timedelta(number) for number in range(41)]
    rows = "".join(f"u,user_id,{day},m,1,,\n" for day in days)
    for name in ("metrics/a.csv", "metrics/b.csv"):
        world.upload(name, f"{HEADER}{rows}".encode())
    unknown = []
    for _ in range(3):
        world.pass_time(minutes=10)
        sweep_all(world.context)
        index = load_file_index(world.context, "acme")
        assert index is not None
        unknown.append(index.newest["days"].null_count())
    assert unknown == [1, 0, 0]


@pytest.mark.usefixtures("small")
def test_an_index_that_cannot_be_forgotten_holds_up_no_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Memory()
    fill(world, 2)
    sweep_all(world.context)
    world.put("metrics/b.csv", metrics(DAYS[0], {"u": 1}))
    world.pass_time(minutes=10)
    monkeypatch.setattr(listed_files, "MOST_WAITING", 2)

    def fail(*_: object, **__: object) -> None:
        raise LaterError("storage is down")

    monkeypatch.setattr(world.lake, "delete", fail)
    assert sweep_all(world.context) == 1


@pytest.mark.usefixtures("small")
def test_what_was_refused_since_the_last_sweep_is_all_in_the_list_of_refused() -> None:
    world = Memory()
    fill(world, 1)
    sweep_all(world.context)
    for number in range(310):
        world.upload(f"metrics/{number:04}.csv", b"no,such,columns\n1,2,3\n")
    page = list_files(world.context, "acme", FileFilter(status="rejected", dataset=Dataset.METRICS), limit=100)
    assert (page.count, page.has_more) == (310, True)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("count", [3, 30])
def test_a_folder_is_no_file_of_the_list_also_while_nothing_can_be_announced(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(unanswered, "MOST_LOOKED_AT", 10)
    monkeypatch.setattr(sweep, "MOST_WAITING", 0)
    world = Memory()
    fill(world, 2)
    for number in range(count):
        world.drop.put(world.container, f"metrics/{number}", b"", metadata={"hdi_isfolder": "true"})
    world.pass_time(seconds=1)
    sweep_all(world.context)
    assert (load_file_index(world.context, "acme") is None) == (count == 30)
    assert list(list_files(world.context, "acme").files) == in_order(
        {name: each for name, each in truth(world).items() if name.startswith("other/")}
    )


@pytest.mark.usefixtures("small")
def test_a_reingest_that_takes_the_place_of_an_answer_is_seen_at_once_and_by_the_next_sweep() -> None:
    world = Memory()
    world.upload("metrics/a.csv", metrics(DAYS[0], {"u": 1}))
    sweep_all(world.context)
    world.config("max_rejected_fraction: 1\ndatasets: {metrics: {where: \"unit_id = 'nobody'\"}}\n")
    reingest(world.context, "acme", ReingestFilter())
    world.answer_events()
    shown = list_files(world.context, "acme").files
    assert [each.status for each in shown] == [world.receipt("metrics/a.csv")["status"]]
    world.pass_time(seconds=1)
    sweep_all(world.context)
    assert not list(world.lake.list_blobs(STATE, blob_names.notes_prefix("acme")))
    assert list(list_files(world.context, "acme").files) == in_order(truth(world))


@pytest.mark.usefixtures("small")
def test_a_night_deletes_what_the_index_names_no_more_and_has_one_made_anew_of_which_a_segment_is_gone() -> None:
    world = Memory()
    fill(world, 5)
    sweep_all(world.context)
    world.drop.delete(world.container, "other/001.csv")
    world.pass_time(seconds=1)
    sweep_all(world.context)
    index = load_file_index(world.context, "acme")
    assert index is not None
    segments = {each.name for each in index.segments}
    found = {info.name for info in world.lake.list_blobs(STATE, blob_names.file_segments_prefix("acme"))}
    assert found > segments
    world.clean_up()
    assert found == {info.name for info in world.lake.list_blobs(STATE, blob_names.file_segments_prefix("acme"))}
    world.pass_time(days=2)
    world.clean_up()
    assert segments == {info.name for info in world.lake.list_blobs(STATE, blob_names.file_segments_prefix("acme"))}
    world.lake.delete(STATE, min(segments))
    world.clean_up()
    assert load_file_index(world.context, "acme") is None
    sweep_all(world.context)
    assert load_file_index(world.context, "acme") is not None
    assert list(list_files(world.context, "acme").files) == in_order(truth(world))
