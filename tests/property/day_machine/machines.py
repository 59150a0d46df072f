"""The machines that the tests run, each with more of one kind of thing happening."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from processing.jobs.housekeeping.keep_house import keep_house
from tests.property.day_machine import pauses
from tests.property.day_machine.calendar import Calendar
from tests.property.day_machine.event_files import events
from tests.property.day_machine.exposures import exposures
from tests.property.day_machine.losses import KINDS, Loss
from tests.property.day_machine.machine import MANY, DayMachine
from tests.property.day_machine.metrics import metrics
from tests.property.day_machine.pauses import AT_ONCE
from tests.property.day_machine.world import KEPT_SHORT


class ManyStreamsMachine(DayMachine):
    """One customer with three streams that share tables, one of which is fed by the files of another."""

    streams = (metrics, exposures, events)


class TwoCustomersMachine(DayMachine):
    """Two customers with the same names for everything."""

    names = ("acme", "blue-fin")
    streams = (metrics,)


class RetentionMachine(DayMachine):
    """Everything is given up within days, while it is worked on."""

    streams = (exposures, events)
    retention = KEPT_SHORT

    @precondition(lambda self: self.crew.has_room)
    @rule(hours=st.sampled_from([25, 25, 49, 73]), pause=MANY, seed=MANY)
    def keep_house_at_night(self, hours: int, pause: int, seed: int) -> None:
        """A night or some; what retention gives up is deleted, while new versions come and workers go on."""
        random = Random(seed)
        self.world.time.advance(timedelta(hours=hours))
        keeper = self.crew.start("house", keep_house, pauses.OF_HOUSE[pause % len(pauses.OF_HOUSE)])
        if random.random() < 0.6:
            # Just what is about to be deleted, among others.
            waiting = keeper.run.waiting
            name = waiting.name if waiting is not None and random.random() < 0.5 else self.upload_of(pause)[1]
            if any(name in stream.names for stream in self.customers[0].streams):
                self.tell(self.customers[0], name, random.choice(["one", "two days", "three days"]), "later")
        team = [keeper, self.work(random.choice(self.watches), AT_ONCE)]
        if self.crew.messages:
            team.append(self.crew.answer(self.crew.messages.pop(), AT_ONCE))
        self.crew.together(random, team)


class LossMachine(DayMachine):
    """Blobs and containers are lost or come back from before, and are restored after some time."""

    streams = (metrics, exposures)

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
            self.tally.hit(f"lost: {kind}")
            self.world.time.advance(timedelta(hours=hours, seconds=61))
            self.crew.everything(random)

    @precondition(lambda self: self.loss is not None)
    @rule()
    def restore(self) -> None:
        """It is put back as it was."""
        if self.loss is not None:
            self.loss.restore()
            self.loss = None

    def settle_down(self) -> None:
        self.restore()
        super().settle_down()
