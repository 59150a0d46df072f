"""Customers, the platform and racing workers over the days of one customer, each storage call of each job a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.days import PST
from processing.domain.errors import DropzoneError
from processing.domain.events import parse_stream_work, parse_upload_event, upload_event
from processing.domain.records import Receipt
from processing.jobs.advance_days import advance_days
from processing.jobs.context import JobContext
from processing.jobs.housekeeping.keep_house import keep_house
from processing.jobs.operate import ask_reprocess, move_first_day
from processing.jobs.process_day import work_stream
from processing.jobs.receive_file import receive_file
from processing.jobs.reingest import ReingestFilter, reingest
from processing.jobs.sweep import sweep
from tests.property.day_machine import pauses
from tests.property.day_machine.contents import DAYS, Exposures, Metrics, Stream
from tests.property.day_machine.pauses import Pause
from tests.property.day_machine.promise import check_promise
from tests.property.day_machine.watch import Notes, Watch, check_receipt
from tests.property.day_machine.world import CONFIGS, CUSTOMER, DROP, World
from tests.support.stepping import Call, Fate, Run, SteppedStore, SteppedTables

RUNS = 3
ALL_ENDED = PST.end_of(max(DAYS)) + timedelta(hours=1)
Job = Callable[[JobContext], object]
Wrap = Callable[[Any], Any]
UNEXPECTED: list[str] = []
"""Errors that the jobs caught and that are none of ours, as the log told them."""


@dataclass(slots=True)
class Worker:
    """One run of a job."""

    run: Run
    notes: dict[Dataset, Notes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lies:
    """What the stores and tables of each run are wrapped in: nothing for the program as it is."""

    store: Wrap = lambda store: store
    tables: Wrap = lambda tables: tables


class DayMachine(RuleBasedStateMachine):
    """One customer with one stream of metrics."""

    streams: tuple[Stream, ...] = (Metrics(),)
    lies = Lies()

    def __init__(self) -> None:
        super().__init__()
        UNEXPECTED.clear()
        self.world = World(streams=self.streams)
        self.watches = [Watch(self.world, stream) for stream in self.streams]
        self.workers: list[Worker] = []
        self.messages: list[str] = []
        self.receipts: dict[str, tuple[Receipt, str]] = {}
        self.config = "plain"
        """The one that is in force in the end."""
        self.is_sound = True

    @initialize(
        settle=st.sampled_from([0, 60]),
        skew=st.sampled_from([-3600, 0, 86_400]),
        past=st.sampled_from(["none", "uploads", "markers", "published", "published"]),
    )
    def install(self, settle: int, skew: int, past: str) -> None:
        """The settings, the host's clock, and what the customer did before."""
        self.world.settle = timedelta(seconds=settle)
        self.world.clock.skew = timedelta(seconds=skew)
        if past == "none":
            return
        for stream in self.streams:
            for name, content in zip(stream.names, ["three days", "two days"], strict=False):
                self.tell(upload_event(DROP, name, self.world.upload(name, content).etag), "answer")
        if past == "uploads":
            return
        for day in DAYS[:2]:
            self.world.mark(f"signals/{day}.json")
        self.world.time.advance(timedelta(hours=1, seconds=1))
        if past == "published":
            self.run_everything()

    # What customers and operators do

    @rule(data=st.data(), then=st.sampled_from(["nothing", "answer", "answer", "lose", *pauses.OF_INGEST]))
    def upload(self, data: st.DataObject, then: Any) -> None:
        """A new version, of which a worker may hear at once."""
        stream = data.draw(st.sampled_from(self.streams))
        name = data.draw(st.sampled_from(stream.names))
        content = data.draw(st.sampled_from(sorted(stream.contents)))
        version = self.world.upload(name, content)
        self.tell(upload_event(DROP, name, version.etag), then)

    @rule(data=st.data())
    def set_metadata(self, data: st.DataObject) -> None:
        """The same bytes get another ETag and Last-Modified, and no event is sent."""
        names = sorted(name for name in self.world.versions if self.world.present(name) is not None)
        if names:
            self.world.touch(data.draw(st.sampled_from(names)))

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """An upload or a marker goes."""
        names = sorted(name for name in self.world.versions if self.world.present(name) is not None)
        if names:
            self.world.delete(data.draw(st.sampled_from(names)))

    @rule(data=st.data(), day=st.sampled_from(DAYS), kind=st.sampled_from(["all", "all", "own", "folder", "right", "wrong"]))
    def mark(self, data: st.DataObject, day: date, kind: str) -> None:
        """A marker of one day, for all streams or for one, perhaps with a manifest; or once more."""
        stream = data.draw(st.sampled_from(self.streams))
        name = {"own": f"signals/{stream.dataset}/{day}", "folder": f"signals/{day}/_SUCCESS"}.get(kind, f"signals/{day}.json")
        manifest = []
        if kind in ("right", "wrong"):
            named = data.draw(st.sampled_from(stream.names))
            present = self.world.present(named)
            rows = 1 if present is None else len(stream.contents[present.content])
            manifest = [(named, rows + (kind == "wrong"))]
        self.tell(upload_event(DROP, name, self.world.mark(name, manifest).etag), "nothing")

    @rule(
        days=st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True), then=st.sampled_from(["nothing", "answer"])
    )
    def mark_finished(self, days: list[date], then: str) -> None:
        """A file of finished dates, always the same."""
        name = "signals/done.csv"
        self.tell(upload_event(DROP, name, self.world.mark_finished(name, sorted(days)).etag), then)

    @rule(config=st.sampled_from(sorted(CONFIGS)), is_last=st.booleans())
    def change_config(self, config: str, is_last: bool) -> None:
        self.config = config if is_last else self.config
        self.world.configure(config)

    @precondition(lambda self: len(self.workers) < RUNS)
    @rule(data=st.data(), day=st.sampled_from(DAYS), what=st.sampled_from(["reprocess", "reprocess", "first day", "reingest"]))
    def operate(self, data: st.DataObject, day: date, what: str) -> None:
        dataset = data.draw(st.sampled_from(self.streams)).dataset
        jobs: dict[str, Job] = {
            "reprocess": lambda context: ask_reprocess(context, CUSTOMER, dataset, day),
            "first day": lambda context: move_first_day(context, CUSTOMER, dataset, day),
            "reingest": lambda context: reingest(context, CUSTOMER, ReingestFilter()),
        }
        self.start(jobs[what], then=data.draw(st.sampled_from([None, pauses.WRITES_STATE])))

    # What the platform does

    @precondition(lambda self: self.messages and len(self.workers) < RUNS)
    @rule(which=st.integers(0, 5), is_repeated=st.booleans(), pause=st.sampled_from([None, None, *pauses.OF_INGEST]))
    def deliver(self, which: int, is_repeated: bool, pause: Pause | None) -> None:
        """Any message, and perhaps not for the last time."""
        which %= len(self.messages)
        self.answer(self.messages[which] if is_repeated else self.messages.pop(which), pause)

    @precondition(lambda self: self.messages)
    @rule(which=st.integers(0, 5))
    def lose(self, which: int) -> None:
        self.messages.pop(which % len(self.messages))

    @rule()
    def sweep(self) -> None:
        """What no event announced is announced, and half of it at once."""
        self.start(sweep, then=None)

    @precondition(lambda self: len(self.workers) < RUNS)
    @rule(pause=st.sampled_from([None, *pauses.OF_DAYS]))
    def tick(self, pause: Pause | None) -> None:
        """The timer looks for days to do."""
        self.start(advance_days, then=pause)

    @precondition(lambda self: len(self.workers) < RUNS)
    @rule(data=st.data(), pause=st.sampled_from([None, *pauses.OF_DAYS]))
    def work(self, data: st.DataObject, pause: Pause | None) -> None:
        """A worker is sent to a stream."""
        dataset = data.draw(st.sampled_from(self.streams)).dataset
        self.start(lambda context: work_stream(context, CUSTOMER, dataset), then=pause)

    @precondition(lambda self: len(self.workers) < RUNS)
    @rule(pause=st.sampled_from([None, Pause(method="delete")]))
    def keep_house(self, pause: Pause | None) -> None:
        self.start(keep_house, then=pause)

    @rule(seconds=st.sampled_from([-90, 1, 61, 3601, 7300, 90_000]))
    def let_time_pass(self, seconds: int) -> None:
        """The service's clock goes on, or is set back a little; leases end."""
        self.world.time.advance(timedelta(seconds=seconds))

    @rule(hours=st.sampled_from([0, 2, 25]))
    def have_a_quiet_hour(self, hours: int) -> None:
        """Everything that was sent arrives, and every job that was begun is done."""
        self.go_on_to_the_end()
        self.world.time.advance(timedelta(hours=hours, seconds=61))
        for _ in range(2):
            self.run_everything()

    # What happens to the workers

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, RUNS - 1), calls=st.integers(1, 9))
    def go_on(self, which: int, calls: int) -> None:
        """A worker makes some calls."""
        worker = self.workers[which % len(self.workers)]
        for _ in range(calls):
            if not worker.run.ended:
                self.step(worker)

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, RUNS - 1), pause=st.sampled_from([None, *pauses.OF_DAYS]))
    def go_on_until(self, which: int, pause: Pause | None) -> None:
        """A worker goes on to a call at which much is decided, or to its end."""
        self.go_until(self.workers[which % len(self.workers)], pause)

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, RUNS - 1), fate=st.sampled_from([fate for fate in Fate if fate is not Fate.DONE]))
    def fail(self, which: int, fate: Fate) -> None:
        """The waiting call of a worker meets its fate."""
        worker = self.workers[which % len(self.workers)]
        if not worker.run.ended:
            self.step(worker, fate)

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, RUNS - 1))
    def crash(self, which: int) -> None:
        self.kill(self.workers[which % len(self.workers)])

    # How it is done

    def tell(self, message: str, then: Any) -> None:
        if then == "lose":
            return
        if then == "nothing" or len(self.workers) >= RUNS:
            self.messages.append(message)
        else:
            self.answer(message, None if then == "answer" else then)

    def answer(self, message: str, then: Pause | None) -> None:
        event = parse_upload_event(message.encode())
        assert event is not None
        self.start(lambda context: receive_file(context, event.container, event.name, again=event.again), then)

    def start(self, job: Job, then: Pause | None) -> Worker:
        """Begin a run and let it go on to a pause, or to its end."""
        world, lies = self.world, self.lies

        def in_steps(run: Run) -> object:
            drop, lake = SteppedStore(world.drop, run), SteppedStore(world.lake, run)
            tables = SteppedTables(world.tables, run)
            return job(world.context(lies.store(drop), lies.store(lake), lies.tables(tables)))

        worker = Worker(Run(in_steps), {stream.dataset: Notes() for stream in self.streams})
        self.workers.append(worker)
        self.go_until(worker, then)
        return worker

    def kill(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.run.abandon()

    def go_until(self, worker: Worker, pause: Pause | None) -> None:
        times = pause.times if pause is not None else 0
        while worker.run.waiting is not None:
            if pause is not None:
                times -= pause.is_at(worker.run.waiting)
                if times <= 0:
                    return
            self.step(worker)

    def step(self, worker: Worker, fate: Fate = Fate.DONE) -> None:
        """One call of one run, and what must be true after it."""
        call = worker.run.waiting
        assert call is not None
        self.is_sound = False
        self.world.number += 1
        for watch in self.watches:
            watch.before(worker.notes[watch.stream.dataset], call)
        if call.method == "delete" and fate is not Fate.REFUSED:
            self.check_delete(call)
        worker.run.step(fate)
        for watch in self.watches:
            watch.after(worker.notes[watch.stream.dataset], call)
        if call.method == "put":
            self.check_receipt(call)
        assert not UNEXPECTED, UNEXPECTED
        if worker.run.ended:
            self.workers.remove(worker)
            # A run may end because storage does not answer, which its message survives; never otherwise by an error.
            if worker.run.error is not None and not isinstance(worker.run.error, DropzoneError):
                raise worker.run.error
        self.is_sound = True

    def check_delete(self, call: Call) -> None:
        if call.container == blob_names.STAGED_CONTAINER:
            for watch in self.watches:
                watch.check_deleted(call.name)
        elif call.container == DROP:
            self.world.delete(call.name)

    def check_receipt(self, call: Call) -> None:
        name = blob_names.upload_of_receipt(call.name)
        found = self.world.receipt(name) if name is not None else None
        if name is None or found is None:
            return
        before = self.receipts.get(name)
        if before is None or before[1] != found[1]:
            check_receipt(self.world, name, found[0], before[0] if before else None)
            self.receipts[name] = found

    @invariant()
    def messages_are_taken(self) -> None:
        while (message := self.world.events.take()) is not None:
            self.messages.append(message)

    # The end

    def teardown(self) -> None:
        try:
            if self.is_sound:
                self.settle_down()
        finally:
            for worker in self.workers:
                worker.run.abandon()

    def settle_down(self) -> None:
        """Invariant 7: with crashes and changes ended, every day comes to what it should be."""
        self.go_on_to_the_end()
        self.world.configure(self.config)
        self.world.time.advance(max(ALL_ENDED - self.world.time(), timedelta()))
        quiet = 0
        for _ in range(40):
            before = [watch.publications for watch in self.watches]
            self.world.time.advance(timedelta(hours=2))
            is_idle = self.run_everything()
            quiet = quiet + 1 if is_idle and before == [watch.publications for watch in self.watches] else 0
            if quiet == 3:
                break
        else:
            raise AssertionError("it never comes to rest")
        for watch in self.watches:
            check_promise(watch, self.config)

    def go_on_to_the_end(self) -> None:
        while self.workers:
            self.go_until(self.workers[0], None)

    def run_everything(self) -> bool:
        """Sweep, answer, tick and work; whether there was nothing to answer and nothing to work on."""
        self.start(sweep, None)
        self.messages_are_taken()
        is_idle = not self.messages
        while self.messages:
            self.answer(self.messages.pop(0), None)
            self.messages_are_taken()
        while self.world.work.take() is not None:
            pass
        self.start(advance_days, None)
        while (message := self.world.work.take()) is not None:
            is_idle = False
            customer, dataset = parse_stream_work(message.encode())
            self.start(lambda context, c=customer, d=dataset: work_stream(context, c, d), None)  # type: ignore[misc]
        return is_idle


class TwoStreamsMachine(DayMachine):
    """One customer whose two streams share tables."""

    streams = (Metrics(), Exposures())
