"""The shortest timelines on which a program without one step of the journal lets a marker overtake rows."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from processing.jobs.days import observations
from tests.days.machine.machine import DayMachine
from tests.days.machine.mutants import Mutant, Patch
from tests.days.machine.pauses import AT_ONCE, Pause
from tests.days.machine.scenes import Scene, install, work
from tests.support.all_customers import roll_all

_SEALS = Pause(method="seal")


def _rolls_nothing(patch: Patch) -> None:
    patch.setattr(observations, "roll_segments", lambda *_: 0)


def rows_are_answered_before_their_day_is_marked(scene: DayMachine) -> None:
    install(scene, past="published")
    scene.log(scene.watches[0], Random(0), None)
    scene.make_due(scene.watches[0], Random(1))
    scene.customers[0].mark(f"signals/{scene.world.calendar.day(2)}.json")
    work(scene)


def two_rollers_meet_in_a_segment(scene: DayMachine) -> None:
    install(scene, past="published")
    scene.log(scene.watches[0], Random(0), None)
    scene.world.time.advance(scene.world.settle)
    rollers = [scene.crew.start("roller", roll_all, pause) for pause in (AT_ONCE, _SEALS)]
    scene.crew.together(Random(2), rollers)
    work(scene)


UNROLLED = Mutant(name="a cut is taken before rows that were answered are uploads", patch=_rolls_nothing)
HARMED_BY_MARKERS: Mapping[Mutant, tuple[Scene, str]] = {
    UNROLLED: (rows_are_answered_before_their_day_is_marked, "a marker overtook rows"),
}
