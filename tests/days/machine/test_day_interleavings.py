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
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from processing.ingest.validation import reject_writer
from tests.days.machine.crew import UNEXPECTED, Lies
from tests.days.machine.machine import DayMachine
from tests.days.machine.machines import DyingMachine, LossMachine, ManyStreamsMachine, RetentionMachine, TwoCustomersMachine
from tests.days.machine.mutants import Mutant
from tests.days.machine.note_scenes import HARMED_BY_NOTES
from tests.days.machine.scenes import HARMFUL, OTHERS, Scene
from tests.days.machine.tally import TOLD, Tally
from tests.support.soak import times

MACHINES = [
    (DayMachine, 35),
    (ManyStreamsMachine, 15),
    (TwoCustomersMachine, 15),
    (DyingMachine, 25),
    (RetentionMachine, 30),
    (LossMachine, 20),
]
"""And how many examples of each."""
IN_PIECES = (DyingMachine, ManyStreamsMachine)
"""In these rejected rows are stored in pieces, however few they are."""
LEAST_SHARE = 0.25
"""Of the storage calls, those that are made beside another run."""
MUTANTS = {**HARMFUL, **HARMED_BY_NOTES}
EVERY_RUN = settings(stateful_step_count=15, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def unexpected_errors_are_kept() -> Iterator[None]:
    """The jobs' lines would be the bulk of the time; those that tell of an error of no kind of ours are kept."""

    def keep(_logger: object, _method: str, event: Any) -> Any:
        if event.get("where") is not None:
            UNEXPECTED.append(f"{event['event']}: {event['error']} at {event['where']}")
        raise structlog.DropEvent

    was_configured, before = structlog.is_configured(), structlog.get_config()
    structlog.configure(processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    if was_configured:
        structlog.configure(**before)
    else:
        structlog.reset_defaults()


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(("machine", "examples"), MACHINES, ids=lambda each: getattr(each, "__name__", str(each)))
def test_racing_workers_publish_every_day_once_whole_and_in_order(
    machine: type[DayMachine], examples: int, record_property: Callable[[str, object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if machine in IN_PIECES:
        monkeypatch.setattr(reject_writer, "_LARGEST_FILE", 1)
    tally = Tally()
    counted = type(machine.__name__, (machine,), {"tally": tally})
    run_state_machine_as_test(counted, settings=settings(EVERY_RUN, max_examples=times(examples)))
    record_property(TOLD, [f"{machine.__name__}: {line}" for line in tally.lines()])
    tally.check(machine.floors, least_share=LEAST_SHARE)


@pytest.mark.parametrize("scene", [*(scene for scene, _ in MUTANTS.values()), *OTHERS], ids=lambda scene: scene.__name__)
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
