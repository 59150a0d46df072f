"""Customers, operators, the platform and racing workers over some streams, each storage call of each job a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, timedelta
from random import Random
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.domain.queue_messages import upload_event
from processing.domain.stream_state import DayRecord
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess, mark_ready, move_first_day, retry_now
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from processing.stored.context import Retention
from tests.days.machine import pauses
from tests.days.machine.calendar import CALENDARS, WINTER, Calendar
from tests.days.machine.contents import Feed
from tests.days.machine.crew import LEASE, UNEXPECTED, Crew, Job, Lies, Worker
from tests.days.machine.customer import ANCHOR, BROKEN, CONFIGS, PLAIN, Customer, Named, md5_of
from tests.days.machine.metrics import metrics
from tests.days.machine.pauses import AT_ONCE, Pause
from tests.days.machine.promise import check_answers, check_deletions, check_promise
from tests.days.machine.tally import Tally
from tests.days.machine.watch import Watch
from tests.days.machine.world import KEPT_LONG, World
from tests.support.all_customers import clean_up_all, roll_all
from tests.support.seeded_ids import SEEDED_IDS

MANY = st.integers(0, 2**16)
"""Picks one of a few, or begins a row of random choices."""
KINDS = ("all", "all", "all", "own", "folder", "rows", "wrong rows", "md5", "wrong md5", "stub", "dates")
TIMELINES = (
    "overtaken",
    "marked again",
    "marked again",
    "begun elsewhere",
    *("dead",) * 3,
    *("colliding",) * 2,
    *("racing",) * 2,
    "answered twice",
    *("deleted",) * 2,
    *("logged",) * 2,
)
FLOORS: dict[str, int] = {
    "a publication": 30,
    "a publication in place of another": 10,
    "a lost write of a stream's state": 5,
    "a first day found": 3,
    "a cut emptied": 1,
}
"""What every machine must go through; far below what each of them does."""


class DayMachine(RuleBasedStateMachine):
    """One customer with one stream of metrics."""

    names: ClassVar[tuple[str, ...]] = ("acme",)
    streams: ClassVar[tuple[Callable[[Calendar], Feed], ...]] = (metrics,)
    retention: ClassVar[Retention] = KEPT_LONG
    lies: ClassVar[Lies] = Lies()
    said: ClassVar[str] = ""
    """What stands in every config that can be in force."""
    deletions_are_told: ClassVar[bool] = True
    """Whether something that is known always stays in the container, without which nobody is believed to have deleted."""
    tally: ClassVar[Tally] = Tally()
    timelines: ClassVar[tuple[str, ...]] = TIMELINES
    """With which an example begins."""
    floors: ClassVar[Mapping[str, int]] = FLOORS | {
        "a computed day given up for a newer cut": 1,
        "a conflict of a table's commit": 1,
        "a crash at a table": 1,
        "a worker superseded": 1,
        "a deletion told": 5,
        "rows withdrawn by a deletion": 2,
        "rows answered": 10,
        "rows became an upload by a work": 2,
        "rows became an upload by a roller": 2,
        "an append fenced off": 1,
    }
    """How often what must happen in all examples of a test together."""

    def __init__(self) -> None:
        super().__init__()
        UNEXPECTED.clear()
        self.build(WINTER)

    def build(self, calendar: Calendar) -> None:
        """Everything anew."""
        SEEDED_IDS.begin()
        self.world = World(calendar=calendar, retention=self.retention, said=self.said)
        streams = [make(calendar) for make in self.streams]
        self.customers = [Customer(name=name, world=self.world, streams=streams) for name in self.names]
        self.watches = [Watch(each, stream, self.tally) for each in self.customers for stream in streams]
        self.crew = Crew(world=self.world, customers=self.customers, watches=self.watches, tally=self.tally, lies=self.lies)
        self.configs = dict.fromkeys(self.names, PLAIN)
        """Those that are in force in the end."""
        self.random = Random(0)

    @initialize(
        calendar=st.sampled_from(CALENDARS),
        settle=st.sampled_from([0, 60]),
        skew=st.sampled_from([-3600, 0, 86_400]),
        page=st.sampled_from([1, 2, 5_000]),
        reconcile=st.sampled_from([7, 7, 1]),
        past=st.sampled_from(["none", "uploads", "markers", "published", "published", "published"]),
        timelines=st.just(2),
        withdraws=st.booleans(),
        seed=MANY,
    )
    def install(
        self,
        *,
        calendar: Calendar,
        settle: int,
        skew: int,
        page: int,
        past: str,
        timelines: int,
        withdraws: bool,
        seed: int,
        reconcile: int = 7,
    ) -> None:
        """The settings, the hosts' clocks, what the customers did before, and how many timelines come first."""
        self.build(calendar)
        self.world.settle = timedelta(seconds=settle)
        self.world.page = page
        self.world.reconcile_every = timedelta(days=reconcile)
        self.world.withdraws = withdraws
        for customer in self.customers:
            customer.configure(PLAIN)
            self.crew.answer(upload_event(customer.drop, ANCHOR, customer.leave_anchor().etag), None)
        self.crew.sweep(None)  # so that it is known
        self.world.hosts[0].clock.skew = timedelta(seconds=skew)
        # Of all choices together: of a seed alone, the same few are tried too often.
        self.random = Random(f"{seed} {past} {settle} {skew} {page} {calendar.name}")
        if past != "none":
            self.begin_with(past)
        for _ in range(timelines):
            self.play(self.random.choice(self.timelines), self.random)

    def begin_with(self, past: str) -> None:
        """Uploads, markers of the first two days, and these published."""
        for customer in self.customers:
            for stream in customer.streams:
                for name, content in zip(stream.names, ["three days", "two days"], strict=False):
                    self.upload_and_announce(customer, name, content, "answer")
        if past == "uploads":
            return
        for customer in self.customers:
            for day in self.world.calendar.days[:2]:
                customer.mark(f"signals/{day}.json")
        self.world.time.advance(timedelta(hours=1, seconds=61))
        if past == "published":
            self.crew.everything(self.random)

    def play(self, timeline: str, random: Random) -> None:
        """One of the timelines on which much is decided; which of them the examples hold is no matter of luck then."""
        which, seed, place = random.randrange(2**16), random.randrange(2**16), random.randrange(2**16)
        harm = random.choice((0.0, 0.02, 0.05))
        {
            "overtaken": lambda: self.be_overtaken(which=which, first=place, seed=seed),
            "marked again": lambda: self.be_marked_again(which=which, first=place, seed=seed),
            "begun elsewhere": lambda: self.begin_elsewhere(which=which, first=place, day=place % 4, seed=seed),
            "dead": lambda: self.die(which=which, where=place, seed=seed),
            "colliding": lambda: self.collide_in_a_table(which=which, seed=seed),
            "racing": lambda: self.race(what=place, seed=seed, harm=harm),
            "answered twice": lambda: self.answer_twice(which=which, content=place, seed=seed),
            "deleted": lambda: self.delete_and_race(which=which, seed=place),
            "logged": lambda: self.log_and_mark(which=which, seed=place, harm=harm),
            **self.more_timelines(which, place, random),
        }[timeline]()

    def more_timelines(self, which: int, place: int, random: Random) -> dict[str, Callable[[], None]]:  # noqa: ARG002
        """Those of this machine alone."""
        return {}

    # What customers and operators do

    @rule(which=MANY, content=MANY, then=st.sampled_from(["later", "answer", "lose", *pauses.OF_INGEST]))
    def upload(self, which: int, content: int, then: str | Pause) -> None:
        """A new version, of which a worker may hear at once."""
        watch, name = self.upload_of(which)
        self.upload_and_announce(
            watch.customer, name, sorted(watch.stream.contents)[content % len(watch.stream.contents)], then
        )

    @rule(which=MANY, what=st.sampled_from(["touch", "delete", "stub", "copy", "end copies"]))
    def change_upload(self, which: int, what: str) -> None:
        """What is there gets another ETag, goes, becomes a folder's stub, or is copied by the service for a while."""
        watch, name = self.upload_of(which)
        customer = watch.customer
        there = [each for each in customer.names() if each != ANCHOR]
        if what == "stub":
            customer.stub(name)
        elif what == "copy":
            customer.begin_copy(name, "two days")
        elif what == "end copies":
            self.end_copies()
        elif there:
            (customer.touch if what == "touch" else customer.delete)(there[which % len(there)])

    @rule(which=MANY, day=st.integers(0, 3), kind=st.sampled_from(KINDS), is_lost=st.booleans())
    def mark(self, which: int, day: int, kind: str, is_lost: bool) -> None:
        """A marker of one day, for all streams or for one, perhaps with a manifest; or once more."""
        watch, named = self.upload_of(which)
        customer, marked = watch.customer, self.world.calendar.day(day)
        name = {"own": f"signals/{watch.stream.dataset}/{marked}", "folder": f"signals/{marked}/_SUCCESS"}.get(kind)
        name = name or f"signals/{marked}.json"
        if kind == "stub":
            customer.stub(f"signals/{marked}")
            return
        if kind == "dates":
            name = "signals/done.csv"
            version = customer.mark_finished(name, [marked, self.world.calendar.day((day + which) % 4)])
        else:
            version = customer.mark(name, self.manifest(watch, named, kind))
        if not is_lost:
            self.crew.messages.append(upload_event(customer.drop, name, version.etag))

    def manifest(self, watch: Watch, named: str, kind: str) -> list[Named]:
        """That names one upload, rightly or not."""
        present = watch.customer.present(named)
        content = present.content if present is not None and present.content in watch.stream.contents else "one"
        rows, digest = len(watch.stream.contents[content]), md5_of(watch.stream.file(content))
        return {
            "rows": [Named(name=named, rows=rows)],
            "wrong rows": [Named(name=named, rows=rows + 1)],
            "md5": [Named(name=named, md5=digest)],
            "wrong md5": [Named(name=named, rows=rows, md5=md5_of(b"another"))],
        }.get(kind, [])

    @rule(which=MANY, config=st.sampled_from([*CONFIGS, BROKEN]), is_last=st.booleans())
    def change_config(self, which: int, config: str, is_last: bool) -> None:
        customer = self.customers[which % len(self.customers)]
        if is_last and config != BROKEN:
            self.configs[customer.name] = config
        customer.configure(config)

    @precondition(lambda self: self.crew.has_room)
    @rule(
        which=MANY,
        day=st.integers(0, 3),
        what=st.sampled_from(["reprocess", "first day", "reingest", "retry", "mark"]),
        pause=st.sampled_from([None, AT_ONCE, pauses.WRITES_STATE, pauses.PRINTS]),
    )
    def operate(self, which: int, day: int, what: str, pause: Pause | None) -> None:
        """An operator asks for something."""
        watch = self.watches[which % len(self.watches)]
        customer, dataset, its = watch.customer, watch.stream.dataset, self.world.calendar.day(day)
        if what == "mark":
            self.mark_ready(customer, its, dataset if which % 2 else None)
            return
        jobs: dict[str, Job] = {
            "reprocess": lambda context: ask_reprocess(context, Stream(customer.name, dataset), its),
            "first day": lambda context: move_first_day(context, Stream(customer.name, dataset), its),
            "reingest": lambda context: reingest(context, customer.name, ReingestFilter()),
            "retry": lambda context: retry_now(context, customer.name, dataset),
        }
        worker = self.crew.start(what, jobs[what], AT_ONCE, host=which % 2)
        for each, notes in worker.notes.items():
            notes.names_first_day = what == "first day" and each is watch
        self.crew.go_until(worker, pause)

    # What the platform does

    @precondition(lambda self: self.crew.messages and self.crew.has_room)
    @rule(which=MANY, what=st.sampled_from(["once", "again", "lose"]), pause=st.sampled_from([None, *pauses.OF_INGEST]))
    def deliver(self, which: int, what: str, pause: Pause | None) -> None:
        """Any message, and perhaps not for the last time; or never."""
        messages = self.crew.messages
        message = messages[which % len(messages)] if what == "again" else messages.pop(which % len(messages))
        if what != "lose":
            self.crew.answer(message, pause, host=which % 2)

    @precondition(lambda self: self.crew.has_room)
    @rule(what=st.sampled_from(["look", "work", "work", "sweep", "house"]), which=MANY)
    def begin(self, what: str, which: int) -> None:
        """A job begins and stands still somewhere."""
        pause = pauses.OF_WORK[which % len(pauses.OF_WORK)]
        if what == "work":
            self.work(self.watches[which % len(self.watches)], pause, host=which % 2)
        elif what == "look":
            self.crew.look(pauses.OF_LOOKS[which % len(pauses.OF_LOOKS)], host=which % 2)
        elif what == "sweep":
            self.crew.sweep(pauses.OF_SWEEPS[which % len(pauses.OF_SWEEPS)])
        else:
            self.crew.start(what, clean_up_all, pauses.OF_HOUSEKEEPING[which % len(pauses.OF_HOUSEKEEPING)])

    @rule(seconds=st.sampled_from([-90, 1, 61, 3601, 7300, 90_000]))
    def let_time_pass(self, seconds: int) -> None:
        """The service's clock goes on, or is set back a little; leases end."""
        self.world.time.advance(timedelta(seconds=seconds))

    @precondition(lambda self: any(worker.run.leases for worker in self.crew.workers))
    @rule(seconds=st.sampled_from([20, 59, 61]), which=MANY)
    def renew_leases(self, seconds: int, which: int) -> None:
        """Time passes for some of the holders of leases as for a job that renews them, and for others it does not."""
        self.world.time.advance(timedelta(seconds=seconds))
        leases = [lease for worker in self.crew.workers for lease in worker.run.leases]
        for place, lease in enumerate(leases):
            if which >> place & 1:
                self.tally.hit("a lease renewed" if lease.renew() else "a lease lost to another")

    @rule(hours=st.sampled_from([0, 2, 25]), seed=MANY)
    def have_a_quiet_hour(self, hours: int, seed: int) -> None:
        """Everything that was sent arrives, and every job that was begun is done, side by side."""
        random = Random(seed)
        self.crew.finish(random)
        self.world.time.advance(timedelta(hours=hours, seconds=61))
        self.crew.everything(random)

    # What happens to the workers

    @precondition(lambda self: self.crew.workers)
    @rule(seed=MANY, turns=st.integers(1, 12), harm=st.sampled_from([0.0, 0.0, 0.05]))
    def go_on(self, seed: int, turns: int, harm: float) -> None:
        """Workers go on side by side; calls may fail, and processes die."""
        self.crew.together(Random(seed), self.crew.workers, harm, steps=turns)

    @precondition(lambda self: self.crew.workers)
    @rule(which=MANY, pause=st.sampled_from([None, *pauses.OF_WORK]))
    def go_on_until(self, which: int, pause: Pause | None) -> None:
        """One goes on to a call at which much is decided, or to its end."""
        self.crew.go_until(self.crew.workers[which % len(self.crew.workers)], pause)

    @precondition(lambda self: self.crew.workers)
    @rule(which=MANY)
    def crash(self, which: int) -> None:
        self.crew.kill(self.crew.workers[which % len(self.crew.workers)])

    # Timelines on which much is decided

    @precondition(lambda self: len(self.crew.workers) < 4)
    @rule(which=MANY, first=MANY, seed=MANY)
    def be_overtaken(self, which: int, first: int, seed: int) -> None:
        """A worker sleeps beyond its lease, another one comes to the stream, and then they go on side by side."""
        random, watch = Random(seed), self.watches[which % len(self.watches)]
        self.make_due(watch, random)
        paused = (*pauses.OF_COMMITS, *pauses.OF_TABLES)
        late = self.work(watch, paused[first % len(paused)], host=0)
        self.world.time.advance(LEASE)
        if random.random() < 0.5:
            self.make_due(watch, random)
        other = self.work(watch, random.choice([AT_ONCE, *paused]), host=1)
        self.crew.together(random, [late, other])

    @precondition(lambda self: len(self.crew.workers) < 4)
    @rule(which=MANY, first=MANY, seed=MANY)
    def be_marked_again(self, which: int, first: int, seed: int) -> None:
        """While a worker has a day in hand, an upload comes of which nobody hears, and the day's marker once more."""
        random, watch = Random(seed), self.watches[which % len(self.watches)]
        customer, day = watch.customer, self.make_due(watch, random)
        worker = self.work(watch, pauses.OF_COMMITS[first % len(pauses.OF_COMMITS)], host=0)
        if random.random() < 0.8:
            name = random.choice(watch.stream.names)
            self.upload_and_announce(
                customer, name, random.choice(sorted(watch.stream.contents)), random.choice(["later", "lose"])
            )
        customer.mark(f"signals/{day}.json", self.manifest(watch, watch.stream.names[0], random.choice(["", "", "rows"])))
        self.world.time.advance(self.world.settle + timedelta(seconds=1))
        look = self.work(watch, random.choice([None, None, AT_ONCE, pauses.WRITES_STATE]), host=1)
        if random.random() < 0.3 and self.crew.messages:
            self.crew.answer(self.crew.messages.pop(), AT_ONCE)
        self.crew.together(random, [worker, look])

    @precondition(lambda self: len(self.crew.workers) < 4)
    @rule(which=MANY, first=MANY, day=st.integers(0, 3), seed=MANY)
    def begin_elsewhere(self, which: int, first: int, day: int, seed: int) -> None:
        """While a worker has a day in hand, the operator moves the stream's first day."""
        random, watch = Random(seed), self.watches[which % len(self.watches)]
        self.make_due(watch, random)
        worker = self.work(watch, pauses.OF_COMMITS[first % len(pauses.OF_COMMITS)], host=0)
        self.operate(which=which, day=day, what="first day", pause=None)
        self.crew.together(random, [worker])

    @precondition(lambda self: len(self.crew.workers) < 4)
    @rule(which=MANY, where=MANY, seed=MANY)
    def die(self, which: int, where: int, seed: int) -> None:
        """Workers die one after another at their commit or in the tables, and others come after them."""
        random, watch = Random(seed), self.watches[which % len(self.watches)]
        self.make_due(watch, random)
        paused = (*pauses.OF_TABLES, pauses.WRITES_MANIFEST, pauses.THIRD_WRITE)
        for place in (where, *(random.randrange(len(paused)) for _ in range(2))):
            self.die_at(self.work(watch, paused[place % len(paused)]), random)
            self.world.time.advance(LEASE)
        self.crew.together(random, [self.work(watch, AT_ONCE, host=1), self.crew.look(AT_ONCE)])

    @precondition(lambda self: len(self.crew.workers) < 3)
    @rule(which=MANY, seed=MANY)
    def collide_in_a_table(self, which: int, seed: int) -> None:
        """Several workers are about to commit the same publication to the same table."""
        random, watch = Random(seed), self.watches[which % len(self.watches)]
        self.make_due(watch, random)
        team = []
        for host in (0, 1, 0):
            team.append(self.work(watch, Pause(method="replace", times=1), host=host))
            self.world.time.advance(LEASE)
        self.crew.together(random, team)

    @precondition(lambda self: len(self.crew.workers) < 3)
    @rule(which=MANY, content=MANY, seed=MANY)
    def answer_twice(self, which: int, content: int, seed: int) -> None:
        """Workers answer the same upload side by side, and it has a newer version before they are done."""
        random, (watch, name) = Random(seed), self.upload_of(which)
        customer, contents = watch.customer, sorted(watch.stream.contents)
        team = []
        for host in (0, 1):
            message = upload_event(customer.drop, name, customer.upload(name, contents[content % len(contents)]).etag)
            team += [self.crew.answer(message, random.choice(pauses.OF_INGEST), host=host) for _ in range(2)]
            content = random.randrange(len(contents))
        self.crew.together(random, team, random.choice((0.0, 0.02)))

    @precondition(lambda self: len(self.crew.workers) < 2)
    @rule(which=MANY, seed=MANY)
    def delete_and_race(self, which: int, seed: int) -> None:
        """An upload is deleted, a sweep misses it; while the next one says so it may come again, or its days be worked on."""
        random, (watch, name) = Random(seed), self.upload_of(which)
        customer, contents = watch.customer, sorted(watch.stream.contents)
        if customer.present(name) is None:
            self.upload_and_announce(customer, name, random.choice(contents), "answer")
        self.crew.sweep(None)
        customer.delete(name)
        self.crew.sweep(None)
        if random.random() < 0.5:
            self.make_due(watch, random)
        team = [self.work(watch, random.choice([AT_ONCE, *pauses.OF_COMMITS]), host=0)]
        team.append(self.crew.sweep(random.choice([AT_ONCE, *pauses.OF_DELETIONS])))
        if random.random() < 0.5:
            message = upload_event(customer.drop, name, customer.upload(name, random.choice(contents)).etag)
            team.append(self.crew.answer(message, random.choice(pauses.OF_INGEST), host=1))
        if random.random() < 0.3:
            team.append(self.crew.sweep(AT_ONCE))
        self.crew.together(random, team, random.choice((0.0, 0.02, 0.05)))

    @precondition(lambda self: len(self.crew.workers) < 3)
    @rule(what=MANY, seed=MANY, harm=st.sampled_from([0.0, 0.01, 0.04]))
    def race(self, what: int, seed: int, harm: float) -> None:
        """A few jobs are begun at once."""
        random, team = Random(seed), []
        if what % 3:
            self.make_due(random.choice(self.watches), random)
        for _ in range(3):
            kind = random.choice(["look", "work", "work", "answer", "answer", "sweep", "house"])
            if kind == "work":
                team.append(self.work(random.choice(self.watches), AT_ONCE, host=random.randrange(2)))
            elif kind == "look":
                team.append(self.crew.look(AT_ONCE))
            elif kind == "answer" and self.crew.messages:
                team.append(self.crew.answer(self.crew.messages.pop(0), AT_ONCE, host=random.randrange(2)))
            elif kind == "house":
                team.append(self.crew.start(kind, clean_up_all, AT_ONCE))
            else:
                team.append(self.crew.sweep(AT_ONCE))
        self.crew.together(random, team, harm)

    @precondition(lambda self: len(self.crew.workers) < 3)
    @rule(which=MANY, seed=MANY, harm=st.sampled_from([0.0, 0.02, 0.05]))
    def log_and_mark(self, which: int, seed: int, harm: float) -> None:
        """Rows come over HTTP while a day is marked, looked at and worked on, and while others make uploads of them."""
        random, watch = Random(seed), self.watches[which % len(self.watches)]
        team = [worker for _ in range(2) if (worker := self.log(watch, random, random.choice(pauses.OF_JOURNAL))) is not None]
        if not team:
            return
        self.make_due(watch, random)
        team.append(self.work(watch, random.choice([AT_ONCE, *pauses.OF_JOURNAL, *pauses.OF_LOOKS]), host=1))
        if random.random() < 0.5:
            self.world.time.advance(timedelta(minutes=3))
            team.append(self.crew.start("roller", roll_all, random.choice(pauses.OF_JOURNAL)))
        self.crew.together(random, team, harm)

    def log(self, watch: Watch, random: Random, pause: Pause | None) -> Worker | None:
        """Rows of one content come over HTTP; None where the machine knows none of the stream."""
        contents = sorted(watch.stream.logged())
        if not contents:
            return None
        data = random.choice(contents)
        return self.crew.log_rows(watch.customer, watch.stream.dataset, data, pause, host=random.randrange(2))

    # How it is done

    def upload_of(self, which: int) -> tuple[Watch, str]:
        """A stream, and the name of an upload in its folder."""
        watch = self.watches[which % len(self.watches)]
        return watch, watch.stream.names[which // len(self.watches) % len(watch.stream.names)]

    def upload_and_announce(self, customer: Customer, name: str, content: str, then: str | Pause) -> None:
        """Upload, and send a message that is lost, arrives later, or at once."""
        message = upload_event(customer.drop, name, customer.upload(name, content).etag)
        if then == "lose":
            return
        if then == "later" or not self.crew.has_room:
            self.crew.messages.append(message)
        else:
            self.crew.answer(message, then if isinstance(then, Pause) else None, host=self.world.number % 2)

    def work(self, watch: Watch, pause: Pause | None, *, host: int = 0) -> Worker:
        return self.crew.work(watch.named, pause, host=host)

    def make_due(self, watch: Watch, random: Random) -> date:
        """See to it that a worker finds something to do, if nothing holds it up; the day that is meant."""
        state, customer = watch.state, watch.customer
        days = [day for day in self.world.calendar.days if self.world.calendar.end_of(day) <= self.world.time()]
        published = [day for day in days if state.days.get(day, DayRecord()).published is not None]
        missing = [day for day in days if day not in published and (state.first_day is None or day >= state.first_day)]
        open_ones = [day for day in published if not state.is_closed(day)]
        if open_ones and (not missing or random.random() < 0.5):
            day = random.choice(open_ones)
            dataset = watch.stream.dataset
            self.crew.start("reprocess", lambda context: ask_reprocess(context, Stream(customer.name, dataset), day), None)
            return day
        day = missing[0] if missing else days[-1]
        customer.mark(f"signals/{day}.json")
        self.world.time.advance(self.world.settle + timedelta(seconds=1))
        return day

    def die_at(self, worker: Worker, random: Random) -> None:
        """The process ends here, unless it has ended already, or goes on a little first."""
        if worker in self.crew.workers and random.random() < 0.5:
            self.crew.step(worker)
        if worker in self.crew.workers:
            self.crew.kill(worker)

    def mark_ready(self, customer: Customer, day: date, dataset: Dataset | None) -> None:
        """The operator leaves a marker; what it writes is remembered as if the customer had."""
        name = None
        # Every stream may begin later than that day.
        with suppress(OperatorError):
            name = mark_ready(self.world.context(), customer.name, day, dataset)
        if name is not None:
            customer.adopt(name)

    def end_copies(self) -> None:
        for customer in self.customers:
            customer.end_copies()

    @invariant()
    def messages_are_taken(self) -> None:
        self.crew.collect()

    # The end

    def teardown(self) -> None:
        try:
            if self.crew.is_sound:
                self.settle_down()
        finally:
            self.crew.abandon()

    def settle_down(self) -> None:
        """Invariant 7: with crashes and changes ended, every day comes to what it should be."""
        self.crew.finish(self.random)
        self.end_copies()
        for customer in self.customers:
            customer.configure(self.configs[customer.name])
        ended = self.world.calendar.end_of(self.world.calendar.days[-1]) + timedelta(hours=1)
        self.world.time.advance(max(ended - self.world.time(), timedelta()))
        self.crew.everything(self.random)
        # What rests after it killed its workers rests for a day at most.
        self.world.time.advance(timedelta(hours=25))
        quiet, before = 0, self.standing()
        for _ in range(40):
            self.world.time.advance(timedelta(hours=2))
            self.crew.everything(self.random)
            quiet, before = (quiet + 1 if self.standing() == before else 0), self.standing()
            if quiet == 2:
                break
        else:
            raise AssertionError("it never comes to rest")
        for container in self.world.drop.list_containers(blob_names.JOURNAL_PREFIX):
            assert not list(self.world.drop.list_blobs(container)), "rows are left in the journal"
        for customer in self.customers:
            assert customer.logged.keys() <= customer.versions.keys(), "rows that were answered are in no upload"
            check_answers(customer)
            if self.deletions_are_told:
                check_deletions(customer)
        for watch in self.watches:
            check_promise(watch, self.configs[watch.customer.name])

    def standing(self) -> object:
        """What changes as long as something goes on."""
        receipts = [(each.name, name, each.receipt(name)) for each in self.customers for name in sorted(each.versions)]
        days = [
            (day, record.state, record.published, record.cut, record.expected_files, record.reprocess, record.failures)
            for watch in self.watches
            for day, record in watch.state.days.items()
        ]
        firsts = [(watch.state.first_day, watch.state.pending) for watch in self.watches]
        return receipts, days, firsts
