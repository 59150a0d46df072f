"""The runs that are begun and not ended, whose calls are let through one by one, and what is checked around each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import ConditionNotMet, DropzoneError
from processing.domain.queue_messages import parse_stream_work, parse_upload_event, upload_event
from processing.domain.reasons import WarningCode
from processing.domain.receipts import Receipt, UploadStatus
from processing.domain.streams import Stream
from processing.jobs.days.advance_days import advance_days
from processing.jobs.days.work_stream import WorkOutcome, work_stream
from processing.jobs.journal.journal import Journal
from processing.jobs.uploads.receive_file import receive_file
from processing.stored.context import JobContext
from tests.days.machine.answers import Closings, check_receipt
from tests.days.machine.contents import STUB
from tests.days.machine.customer import Customer
from tests.days.machine.pauses import AT_ONCE, Pause
from tests.days.machine.tally import Tally
from tests.days.machine.watch import Notes, Watch
from tests.days.machine.world import World
from tests.support.all_customers import roll_all, sweep_all
from tests.support.in_memory import InMemoryAppendBlobs
from tests.support.stepping import Call, CallOutcome, Run, SteppedAppendBlobs, SteppedStore, SteppedTables

MOST = 6
"""Runs at once."""
LEASE = timedelta(seconds=61)
"""After which a lease that nobody renews is over."""
Job = Callable[[JobContext], object]
Wrap = Callable[[Any], Any]
UNEXPECTED: list[str] = []
"""Errors that the jobs caught and that are none of ours, as the log told them."""
_BURSTS = (1, 1, 2, 3, 5, 12)
_HARM = (CallOutcome.RESENT, CallOutcome.REFUSED, CallOutcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Lies:
    """What the stores and tables of each run are wrapped in: nothing for the program as it is."""

    store: Wrap = lambda store: store
    tables: Wrap = lambda tables: tables


@dataclass(frozen=True, slots=True)
class LoggedRows:
    """Rows that were answered over HTTP."""

    customer: Customer
    upload: str
    """That they are to become."""


def upload_of(journal: Journal, customer: str, dataset: Dataset) -> str:
    """What becomes of the only rows that a journal took."""
    writer = journal._writers[customer, dataset]
    return (writer.open.segment if writer.open is not None else writer.left[-1]).upload()


@dataclass(slots=True, eq=False)
class Worker:
    """One run of a job."""

    what: str
    run: Run
    begun: int
    """The number of what happened last before it."""
    notes: dict[Watch, Notes] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Crew:
    """All runs over the customers of a world."""

    world: World
    customers: Sequence[Customer]
    watches: Sequence[Watch]
    tally: Tally
    lies: Lies = Lies()
    workers: list[Worker] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    """Of uploads, that were sent and did not arrive yet."""
    after_each_call: Callable[[], None] = lambda: None
    """What else must be true after every call."""
    is_sound: bool = True
    """False once something was wrong."""
    _receipts: dict[tuple[str, str], str] = field(default_factory=dict)
    _tries: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    # Beginning

    @property
    def has_room(self) -> bool:
        return len(self.workers) < MOST

    def start(self, what: str, job: Job, then: Pause | None, *, host: int = 0) -> Worker:
        """Begin a run and let it go on to a pause, or to its end."""
        world, lies = self.world, self.lies

        def in_steps(run: Run) -> object:
            drop, lake = SteppedStore(world.drop, run, world.page), SteppedStore(world.lake, run, world.page)
            tables = SteppedTables(world.tables, run)
            append_blobs = SteppedAppendBlobs(InMemoryAppendBlobs(world.drop), run)
            return job(
                world.context(
                    host,
                    drop=lies.store(drop),
                    lake=lies.store(lake),
                    tables=lies.tables(tables),
                    append_blobs=append_blobs,
                )
            )

        worker = Worker(what, Run(in_steps), world.number, {watch: Notes() for watch in self.watches})
        self.workers.append(worker)
        self.go_until(worker, then)
        return worker

    def answer(self, message: str, then: Pause | None, *, host: int = 0) -> Worker:
        """A message about an upload arrives."""
        event = parse_upload_event(message.encode())
        assert event is not None
        customer = next(each for each in self.customers if each.drop == event.container)
        present = customer.present(event.name)
        if present is not None:
            self._tries[customer.name, event.name, present.etag] += 1
        return self.start(
            "ingest",
            lambda context: receive_file(context, event.container, event.name, replaces_receipt=event.replaces_receipt),
            then,
            host=host,
        )

    def work(self, stream: Stream, then: Pause | None, *, host: int = 0) -> Worker:
        """A worker is sent to a stream."""
        return self.start("work", lambda context: work_stream(context, stream), then, host=host)

    def look(self, then: Pause | None, *, host: int = 0) -> Worker:
        """The timer looks at all streams."""
        return self.start("look", advance_days, then, host=host)

    def sweep(self, then: Pause | None, *, host: int = 0) -> Worker:
        return self.start("sweep", sweep_all, then, host=host)

    def log_rows(self, customer: Customer, dataset: Dataset, data: bytes, then: Pause | None, *, host: int = 0) -> Worker:
        """A process takes rows over HTTP and answers; it ends with its answer, and leaves its segment to others."""

        def append(context: JobContext) -> LoggedRows:
            journal = Journal(context)
            journal.append(customer.name, dataset, data)
            return LoggedRows(customer, upload_of(journal, customer.name, dataset))

        return self.start("log", append, then, host=host)

    # Going on

    def go_until(self, worker: Worker, pause: Pause | None) -> None:
        """To a pause, or to the end."""
        times = pause.times if pause is not None else 0
        while worker.run.waiting is not None:
            if pause is not None:
                times -= pause.is_at(worker.run.waiting)
                if times <= 0:
                    return
            self.step(worker)

    def together(self, random: Random, workers: Iterable[Worker], harm: float = 0.0, *, steps: int | None = None) -> None:
        """Workers go on in turns of random lengths, to their ends or for so many turns.

        With the chance `harm` calls meet other fates, and processes die.
        """
        team = list(workers)
        while team := [each for each in team if each in self.workers and not each.run.ended]:
            worker = random.choice(team)
            for _ in range(random.choice(_BURSTS)):
                if worker.run.ended:
                    break
                is_harmed = random.random() < harm
                if is_harmed and random.random() < 0.4:
                    self.kill(worker)
                    break
                self.step(worker, random.choice(_HARM) if is_harmed else CallOutcome.DONE)
            if harm and random.random() < harm:
                self.world.time.advance(LEASE)
            if steps is not None:
                steps -= 1
                if steps <= 0:
                    return

    def everything(self, random: Random) -> None:
        """A sweep and a look, everything that was sent arrives, and everything that is begun is done, side by side."""
        self.sweep(AT_ONCE)
        self.start("roller", roll_all, AT_ONCE)
        self.look(AT_ONCE)
        while True:
            self.collect()
            while self.messages and self.has_room:
                self.answer(self.messages.pop(0), AT_ONCE, host=random.randrange(2))
            while self.has_room and (message := self.world.work.take()) is not None:
                self.work(parse_stream_work(message.encode()), AT_ONCE, host=random.randrange(2))
            if not self.workers:
                return
            self.together(random, self.workers, steps=8)

    def finish(self, random: Random) -> None:
        """Everything that was begun is done."""
        self.together(random, self.workers)

    def finish_alone(self, worker: Worker) -> None:
        """One that was begun is done, unless it is already."""
        if worker in self.workers:
            self.go_until(worker, None)

    def collect(self) -> None:
        """Messages that were sent are on their way."""
        while (message := self.world.events.take()) is not None:
            self.messages.append(message)

    # Ending

    def kill(self, worker: Worker) -> None:
        """The process dies before its waiting call."""
        call = worker.run.waiting
        self.tally.hit(f"a crash before {call.method}" if call is not None else "a crash at the end")
        if call is not None and call.method in ("open", "find", "seq_of", "replace"):
            self.tally.hit("a crash at a table")
        self.workers.remove(worker)
        worker.run.abandon()

    def let_nights_pass(self, hours: int) -> None:
        """A day or more; workers stand still for it, but no request is under way so long: those about to commit parts die."""
        for worker in [each for each in self.workers if _commits_parts(each)]:
            self.kill(worker)
        self.world.time.advance(timedelta(hours=hours))

    def abandon(self) -> None:
        """Leave no thread behind."""
        for worker in self.workers:
            worker.run.abandon()

    # One call

    def step(self, worker: Worker, outcome: CallOutcome = CallOutcome.DONE) -> None:
        """One call of one run, and what must be true after it."""
        call = worker.run.waiting
        assert call is not None
        self.is_sound = False
        self.world.happens()
        self.tally.call(beside_another=len(self.workers) > 1)
        if outcome is not CallOutcome.DONE:
            self.tally.hit(f"{call.method} {outcome}")
        for watch in self.watches:
            watch.before(worker.notes[watch], call)
        there = self._there(call) if call.method == "delete" else None
        worker.run.step(outcome)
        for watch in self.watches:
            watch.after(worker.notes[watch], call, worker.run)
        if call.method == "put":
            self._check_receipt(worker, call)
            self._check_logged(worker, call)
        elif there is not None and self._there(call) is None:
            self._check_deleted(call, there)
        if worker.run.refused is not None:
            self._count_refused(call, worker.run.refused)
        assert not UNEXPECTED, UNEXPECTED
        if worker.run.ended:
            self._check_end(worker)
        self.after_each_call()
        self.is_sound = True

    def _there(self, call: Call) -> str | None:
        """The ETag of what is about to be deleted."""
        account = self.world.lake if self.world.lake.head(call.container, call.name) is not None else self.world.drop
        found = account.head(call.container, call.name)
        return None if found is None else found.etag

    def _check_deleted(self, call: Call, etag: str) -> None:
        if call.container == blob_names.STAGED_CONTAINER:
            for watch in (each for each in self.watches if each.is_of(call.name)):
                watch.check_part_deleted(call.name)
        elif call.container == blob_names.STATE_CONTAINER and call.name.startswith("manifests/"):
            live = {name for watch in self.watches for name in watch.live_names()}
            assert call.name not in live, "the manifest of a publication was deleted"
            self.tally.hit("a manifest deleted")
        for customer in self.customers:
            if call.container == customer.drop:
                is_stub = customer.version(call.name, etag).content == STUB
                assert is_stub or (call.name, etag) in customer.answered, f"{call.name} was deleted and never answered"
                customer.went(call.name, etag)
                customer.expired.add((call.name, etag))
                is_marker = call.name.startswith("signals/")
                self.tally.hit("a marker deleted by retention" if is_marker else "an upload deleted by retention")
            elif call.container == customer.results:
                self.tally.hit("a file of a table deleted")
            elif call.container == customer.receipts and blob_names.is_receipt(call.name):
                customer.known_receipts.pop(blob_names.upload_of_receipt(call.name) or "", None)
                self.tally.hit("a receipt deleted by retention")

    def _check_receipt(self, worker: Worker, call: Call) -> None:
        name = blob_names.upload_of_receipt(call.name)
        if name is None:
            return
        for customer in self.customers:
            found = customer.receipt(name) if call.container == customer.receipts else None
            if found is None or self._receipts.get((customer.name, name)) == found[1]:
                continue
            self._receipts[customer.name, name] = found[1]
            closings: dict[Dataset, Closings] = {
                watch.stream.dataset: watch.closings for watch in self.watches if watch.customer is customer
            }
            tries = self._tries[customer.name, name, found[0].etag]
            check_receipt(customer, name, found[0], begun=worker.begun, tries=tries, closings=closings)
            customer.heard(name, found[0])
            self._count_receipt(found[0])
            if found[0].deleted_at is not None:
                is_withdrawn = any(each.code == WarningCode.WITHDRAWN for each in found[0].warnings)
                self.tally.hit("rows withdrawn by a deletion" if is_withdrawn else "a deletion told")

    def _check_logged(self, worker: Worker, call: Call) -> None:
        for customer in self.customers:
            if call.container != customer.drop or "/api/" not in call.name or not customer.adopt_logged(call.name):
                continue
            self.tally.hit(f"rows became an upload by a {worker.what}")
            if self.world.number % 2:
                self.messages.append(upload_event(customer.drop, call.name, customer.versions[call.name][0].etag))

    def _count_receipt(self, receipt: Receipt) -> None:
        self.tally.hit(f"an upload {receipt.status}")
        if receipt.status is UploadStatus.REJECTED and receipt.error is not None:
            self.tally.hit(f"refused: {receipt.error.code}")
        if any(each.rule == "day_closed" for each in receipt.rules):
            self.tally.hit("rows of a closed day rejected")

    def _count_refused(self, call: Call, error: Exception) -> None:
        if not isinstance(error, ConditionNotMet):
            return
        if call.method == "replace":
            self.tally.hit("a conflict of a table's commit")
        elif call.name.startswith("streams/"):
            self.tally.hit("a lost write of a stream's state")
        elif blob_names.is_receipt(call.name):
            self.tally.hit("a lost write of a receipt")
        elif call.method == "append":
            self.tally.hit("an append fenced off")
        elif call.method == "delete":
            self.tally.hit("a lost deletion")
        elif call.method == "get_range":
            self.tally.hit("an upload replaced while it was read")

    def _check_end(self, worker: Worker) -> None:
        self.workers.remove(worker)
        if isinstance(worker.run.result, LoggedRows):
            worker.run.result.customer.logged.setdefault(worker.run.result.upload, self.world.number)
            self.tally.hit("rows answered")
        if isinstance(worker.run.result, WorkOutcome):
            self.tally.hit(f"a worker {worker.run.result}")
        for watch, notes in worker.notes.items():
            if notes.manifest is not None and watch.was_overtaken(notes.manifest):
                self.tally.hit("a computed day given up for a newer cut")
        # A run may end because storage does not answer, which its message survives; never otherwise by an error.
        if worker.run.error is not None and not isinstance(worker.run.error, DropzoneError):
            raise worker.run.error


def _commits_parts(worker: Worker) -> bool:
    call = worker.run.waiting
    return call is not None and call.method == "put" and blob_names.is_receipt(call.name)
