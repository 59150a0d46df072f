"""The machines that the tests run, each with more of one kind of thing happening."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from processing.domain.queue_messages import upload_event
from processing.jobs.operate import reconcile, retry_now
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from tests.days.machine import pauses, results
from tests.days.machine.calendar import Calendar
from tests.days.machine.deaths import die_of_a_day, die_of_an_upload
from tests.days.machine.event_files import events
from tests.days.machine.exposures import exposures
from tests.days.machine.losses import KINDS, Loss
from tests.days.machine.machine import FLOORS, MANY, TIMELINES, DayMachine
from tests.days.machine.metrics import metrics
from tests.days.machine.pauses import AT_ONCE, Pause
from tests.days.machine.world import KEPT_SHORT
from tests.support.all_customers import clean_up_all

_OF_DAYS = (pauses.READS_PART, pauses.WRITES_FILE, pauses.WRITES_MANIFEST, pauses.COMMITS_TABLE)
_OF_UPLOADS = (pauses.READS_UPLOAD, pauses.WRITES_PART)


class ManyStreamsMachine(DayMachine):
    """One customer with three streams that share tables, one of which is fed by the files of another."""

    streams = (metrics, exposures, events)
    floors = FLOORS


class TwoCustomersMachine(DayMachine):
    """Two customers with the same names for everything."""

    names = ("acme", "blue-fin")
    streams = (metrics,)
    floors = FLOORS


class DyingMachine(DayMachine):
    """Days and uploads end the processes that work on them, and messages about what an operator asked for are lost."""

    floors = FLOORS | {
        "a day that ended its workers rests": 1,
        "refused: unreadable_here": 1,
        "a sweep beside an ingest": 1,
        "requests found by the sweep": 3,
    }
    timelines = ("day dies", "day dies", "upload dies", "swept", "outage", *TIMELINES)

    def more_timelines(self, which: int, place: int, random: Random) -> dict[str, Callable[[], None]]:
        then = random.choice(("rest", "retry", "mark"))
        upload = _OF_UPLOADS[place % len(_OF_UPLOADS)]
        return {
            "day dies": lambda: self.die_of_a_day(which=which, where=_OF_DAYS[place % len(_OF_DAYS)], seed=place, then=then),
            "upload dies": lambda: self.die_of_an_upload(which=which, content="one", where=upload),
            "swept": lambda: self.be_swept(which=which, minutes=10, where=upload),
            "outage": lambda: self.ask_in_an_outage(which=which),
        }

    @rule(which=MANY, where=st.sampled_from(_OF_DAYS), seed=MANY, then=st.sampled_from(["rest", "retry", "mark"]))
    def die_of_a_day(self, which: int, where: Pause, seed: int, then: str) -> None:
        """Three workers die of a day; it rests for a day, or until somebody asks for it."""
        random, watch = Random(seed), self.watches[which % len(self.watches)]
        self.crew.finish(random)
        self.make_due(watch, random)
        day = die_of_a_day(self.crew, watch, where)
        if day is not None and then == "rest":
            self.world.time.advance(timedelta(hours=25))
        elif day is not None and then == "retry":
            self.crew.start(then, lambda context: retry_now(context, watch.customer.name, None), None)
        elif day is not None:
            watch.customer.mark(f"signals/{day}.json")

    @rule(which=MANY, content=st.sampled_from(["one", "two days", "three days"]), where=st.sampled_from(_OF_UPLOADS))
    def die_of_an_upload(self, which: int, content: str, where: Pause) -> None:
        """Three workers die of an upload."""
        self.crew.finish(Random(which))
        watch, name = self.upload_of(which)
        die_of_an_upload(self.crew, watch.customer, name, content, where)

    @rule(which=MANY, minutes=st.sampled_from([3, 10, 15]), where=st.sampled_from(_OF_UPLOADS))
    def be_swept(self, which: int, minutes: int, where: Pause) -> None:
        """What a worker has in hand is not announced again."""
        watch, name = self.upload_of(which)
        customer = watch.customer
        message = upload_event(customer.drop, name, customer.upload(name, "one").etag)
        worker = self.crew.answer(message, where)
        self.world.time.advance(timedelta(minutes=minutes))
        self.crew.collect()
        before = len(self.crew.messages)
        self.crew.sweep(None)
        self.crew.collect()
        again = [each for each in self.crew.messages[before:] if f"/{name}" in each]
        assert worker not in self.crew.workers or not again, f"{name} was announced while it was read"
        self.tally.hit("a sweep beside an ingest")

    @rule(which=MANY)
    def ask_in_an_outage(self, which: int) -> None:
        """An operator asks for other answers, and no message arrives."""
        customer = self.customers[which % len(self.customers)]
        self.crew.finish(Random(which))
        worker = self.crew.start("reingest", lambda context: reingest(context, customer.name, ReingestFilter()), None)
        asked = worker.run.result
        assert isinstance(asked, int)
        while self.world.events.take() is not None:
            pass
        self.world.time.advance(timedelta(hours=1))
        self.crew.messages.clear()
        self.crew.sweep(None)
        self.crew.collect()
        found = sum("replacesReceipt" in each for each in self.crew.messages)
        assert found >= asked, f"{found} of {asked} uploads are answered again"
        self.tally.hit("requests found by the sweep", found)


class RetentionMachine(DayMachine):
    """Everything is given up within days, while it is worked on."""

    streams = (exposures, events)
    retention = KEPT_SHORT
    deletions_are_told = False
    floors = FLOORS | {
        "a day closed": 4,
        "a closed day left the state": 2,
        "a part of a closed day deleted": 4,
        "a superseded part deleted": 1,
        "an upload deleted by retention": 4,
        "a marker deleted by retention": 2,
        "a receipt deleted by retention": 2,
        "a manifest deleted": 2,
        "a file of a table deleted": 2,
        "rows of a closed day rejected": 1,
    }
    timelines = ("night", "night", "replaced", *TIMELINES)

    def more_timelines(self, which: int, place: int, random: Random) -> dict[str, Callable[[], None]]:
        hours = random.choice((25, 49, 73))
        return {
            "night": lambda: self.run_housekeeping_at_night(hours=hours, pause=place, seed=which),
            "replaced": lambda: self.replace_and_clean_up(which=which, pause=place),
        }

    @precondition(lambda self: self.crew.has_room)
    @rule(which=MANY, pause=MANY)
    def replace_and_clean_up(self, which: int, pause: int) -> None:
        """A day is published, maybe in place of another, and two nights later what is not shown any more is deleted."""
        random, watch = Random(which), self.watches[which % len(self.watches)]
        self.make_due(watch, random)
        self.work(watch, None)
        self.run_housekeeping_at_night(hours=49, pause=pause, seed=which)

    @precondition(lambda self: self.crew.has_room)
    @rule(hours=st.sampled_from([25, 25, 49, 73]), pause=MANY, seed=MANY)
    def run_housekeeping_at_night(self, hours: int, pause: int, seed: int) -> None:
        """A night or some; what retention gives up is deleted, while new versions come and workers go on."""
        random = Random(seed)
        if random.random() < 0.6:
            # A part that is superseded is noted in one night, and deleted in another.
            self.crew.let_nights_pass(25)
            self.crew.start("house", clean_up_all, None)
        self.crew.let_nights_pass(hours)
        keeper = self.crew.start("house", clean_up_all, pauses.OF_HOUSEKEEPING[pause % len(pauses.OF_HOUSEKEEPING)])
        if random.random() < 0.6:
            # Just what is about to be deleted, among others.
            waiting = keeper.run.waiting
            name = waiting.name if waiting is not None and random.random() < 0.5 else self.upload_of(pause)[1]
            if any(stream.has(name) for stream in self.customers[0].streams):
                self.upload_and_announce(self.customers[0], name, random.choice(["one", "two days", "three days"]), "later")
        team = [keeper, self.work(random.choice(self.watches), AT_ONCE)]
        if self.crew.messages:
            team.append(self.crew.answer(self.crew.messages.pop(), AT_ONCE))
        self.crew.together(random, team)


class ResultsMachine(DayMachine):
    """Experiments are compared by what metrics and exposures publish, while these are corrected and published again."""

    streams = (metrics, exposures)
    said = results.CONFIG
    floors = FLOORS | {"results in a table": 40, "results checked": 20}

    def build(self, calendar: Calendar) -> None:
        super().build(calendar)
        self.results = [results.ResultsWatch(each, self.tally) for each in self.customers]
        self.crew.after_each_call = self.check_results

    def check_results(self) -> None:
        for each in self.results:
            each.check_commits()

    def standing(self) -> object:
        return super().standing(), [(each.state.seq, each.state.pending) for each in self.results]

    def settle_down(self) -> None:
        super().settle_down()
        for each in self.results:
            each.check_end()


class LossMachine(DayMachine):
    """Blobs and containers are lost or come back from before, and are restored after some time."""

    streams = (metrics, exposures)
    deletions_are_told = False
    floors = FLOORS | {"something lost": 6}
    timelines = (*("lost",) * 2 * len(TIMELINES), *TIMELINES)

    def more_timelines(self, which: int, place: int, random: Random) -> dict[str, Callable[[], None]]:
        kind, hours = random.choice(KINDS), random.choice((0, 2, 25))
        return {"lost": lambda: self.lose_and_restore(kind, which, place, hours)}

    def lose_and_restore(self, kind: str, which: int, seed: int, hours: int) -> None:
        self.lose(kind=kind, which=which, seed=seed, hours=hours)
        self.restore()

    def build(self, calendar: Calendar) -> None:
        super().build(calendar)
        self.loss: Loss | None = None

    @precondition(lambda self: self.loss is None)
    @rule(kind=st.sampled_from(KINDS), which=MANY, seed=MANY, hours=st.sampled_from([0, 2, 25]))
    def lose(self, kind: str, which: int, seed: int, hours: int) -> None:
        """Something is not there any more, and everything goes on as if it never had been."""
        random = Random(seed)
        self.loss = Loss.of(kind, self.watches[which % len(self.watches)], random)
        if self.loss is not None:
            self.tally.hit("something lost")
            self.tally.hit(f"lost: {kind}")
            self.world.time.advance(timedelta(hours=hours, seconds=61))
            self.crew.everything(random)

    @precondition(lambda self: self.loss is not None)
    @rule()
    def restore(self) -> None:
        """It is put back as it was, and the operator says so."""
        if self.loss is not None:
            self.loss.restore()
            self.loss = None
            for customer in self.customers:
                self.crew.start("reconcile", partial(reconcile, customer=customer.name), None)

    def settle_down(self) -> None:
        self.restore()
        super().settle_down()
