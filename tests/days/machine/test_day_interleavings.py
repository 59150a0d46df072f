"""Racing, repeated, crashing workers over the days of a customer keep the invariants of the protocol.

Each worker is the real job in a thread whose storage calls wait, so that any order of the calls of several workers is
tried; what must be true is checked after every call, and once more when everything that was begun is done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from processing.ingest import spilled_file
from tests.days.machine.crew import UNEXPECTED, Lies
from tests.days.machine.deletion_scenes import HARMED_BY_DELETIONS
from tests.days.machine.journal_scenes import HARMED_BY_MARKERS, two_rollers_meet_in_a_segment
from tests.days.machine.machine import DayMachine
from tests.days.machine.machines import (
    DyingMachine,
    LossMachine,
    ManyStreamsMachine,
    ResultsMachine,
    RetentionMachine,
    TwoCustomersMachine,
)
from tests.days.machine.mutants import Mutant
from tests.days.machine.note_scenes import HARMED_BY_NOTES
from tests.days.machine.scenes import (
    HARMFUL,
    OTHERS,
    Scene,
    a_day_is_marked_again_while_it_is_computed,
    a_worker_dies_before_it_can_say_that_the_tables_are_done,
    a_worker_wakes_up_before_its_commit_of_a_table,
    a_worker_wakes_up_before_its_publication,
)
from tests.days.machine.tally import TOLD, Tally
from tests.support.log_settings import own_log_settings
from tests.support.seeded_ids import SEEDED_IDS
from tests.support.soak import IS_SOAK, times

MACHINES = [
    (DayMachine, 25),
    (ManyStreamsMachine, 10),
    (TwoCustomersMachine, 10),
    (DyingMachine, 16),
    (RetentionMachine, 20),
    (LossMachine, 14),
    (ResultsMachine, 10),
]
"""And how many examples of each."""
IN_PIECES = (DyingMachine, ManyStreamsMachine)
"""In these rejected rows are stored in pieces, however few they are."""
SELDOM: tuple[Scene, ...] = (
    a_day_is_marked_again_while_it_is_computed,
    a_worker_dies_before_it_can_say_that_the_tables_are_done,
    a_worker_wakes_up_before_its_commit_of_a_table,
    a_worker_wakes_up_before_its_publication,
)
MOST_ROUNDS = 6
"""Chance misses a seldom path in so few examples now and then: as many are tried again, before a path counts as not reached."""
LEAST_SHARE = 0.25
"""Of the storage calls, those that are made beside another run."""
MUTANTS = {**HARMFUL, **HARMED_BY_NOTES, **HARMED_BY_DELETIONS, **HARMED_BY_MARKERS}
HARMLESS = (*OTHERS, two_rollers_meet_in_a_segment)
EVERY_RUN = settings(stateful_step_count=15, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def unexpected_errors_are_kept() -> Iterator[None]:
    """The jobs' lines would be the bulk of the time; those that tell of an error of no kind of ours are kept."""

    def keep(_logger: object, _method: str, event: Any) -> Any:
        if event.get("where") is not None:
            UNEXPECTED.append(f"{event['event']}: {event['error']} at {event['where']}")
        raise structlog.DropEvent

    with own_log_settings():
        structlog.configure(processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        yield


@pytest.fixture(autouse=True)
def ids_are_the_same_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    SEEDED_IDS.patch(monkeypatch)


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(("machine", "examples"), MACHINES, ids=lambda each: getattr(each, "__name__", str(each)))
def test_racing_workers_publish_every_day_once_whole_and_in_order(
    machine: type[DayMachine], examples: int, record_property: Callable[[str, object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if machine in IN_PIECES:
        monkeypatch.setattr(spilled_file, "_LARGEST", 1)
    tally = Tally()
    counted = type(machine.__name__, (machine,), {"tally": tally})
    if machine is DayMachine:
        for scene in SELDOM:  # what chance hardly ever reaches is played once
            play(scene, counted())
    for number in range(MOST_ROUNDS):
        begun = counted if IS_SOAK else seed(number)(counted)  # else every round would try the same examples
        run_state_machine_as_test(begun, settings=settings(EVERY_RUN, max_examples=times(examples)))
        if not tally.short(machine.floors):
            break
    record_property(TOLD, [f"{machine.__name__}: {line}" for line in tally.lines()])
    tally.check(machine.floors, least_share=LEAST_SHARE)


@pytest.mark.parametrize("scene", [*(scene for scene, _ in MUTANTS.values()), *HARMLESS], ids=lambda scene: scene.__name__)
def test_a_timeline_that_harms_another_program_does_this_one_no_harm(scene: Scene) -> None:
    play(scene, DayMachine())


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_program_that_leaves_out_a_step_is_found_out(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, said = MUTANTS[mutant]
    if mutant.patch is not None:
        mutant.patch(monkeypatch)
    machine = type("MutantMachine", (DayMachine,), {"lies": Lies(store=mutant.store, tables=mutant.tables)})
    with pytest.raises(AssertionError, match=said):
        play(scene, machine())


def play(scene: Scene, machine: DayMachine) -> None:
    """The timeline, and what comes of it in the end."""
    try:
        scene(machine)
        machine.settle_down()
    finally:
        machine.crew.abandon()
