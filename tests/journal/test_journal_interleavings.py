"""Processes that append, seal and roll, struck and killed at any storage call: an answered row is in one upload, once.

Each piece of work is the real one in a thread whose storage calls wait, so that any order of the calls of several is tried.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import ConditionNotMet, DropzoneError
from processing.domain.request_claims import CLAIMS_PREFIX
from processing.jobs.journal.append_once import KeyedRows, append_once
from processing.jobs.journal.journal import Journal
from processing.jobs.journal.roll_journal import roll_customer
from processing.stored import journal as stored_journal
from processing.stored.context import JobContext
from processing.stored.journal import roll_segments
from tests.support.in_memory import InMemoryAppendBlobs
from tests.support.memory import Memory
from tests.support.soak import times
from tests.support.stepping import Call, CallOutcome, Run, SteppedAppendBlobs, SteppedStore

OUTCOMES = (CallOutcome.RESENT, CallOutcome.REFUSED, CallOutcome.UNKNOWN)
PROCESSES = 2
JOURNAL = blob_names.journal_container("acme")


class ThisRun:
    """The run of the thread that asks: a journal is shared by all work of its process."""

    def __init__(self) -> None:
        object.__setattr__(self, "threads", threading.local())

    def enter(self, run: Run) -> None:
        self.threads.run = run

    def __getattr__(self, name: str) -> Any:
        return getattr(self.threads.run, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.threads.run, name, value)


@dataclass(eq=False)
class Process:
    """A process that answers requests; at most one append of it is under way, which the others would wait for."""

    world: Memory
    this: ThisRun = field(default_factory=ThisRun)
    journal: Journal = field(init=False)
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = Journal(self.context(), seconds=lambda: 0.0)

    def context(self) -> JobContext:
        world, run = self.world, cast("Run", self.this)
        return replace(
            world.context,
            drop=SteppedStore(world.drop, run),
            lake=SteppedStore(world.lake, run),
            append_blobs=SteppedAppendBlobs(InMemoryAppendBlobs(world.drop), run),
        )


@dataclass(eq=False)
class Desk:
    """Two processes, rollers of nobody's, and what was answered."""

    random: Random
    world: Memory = field(default_factory=Memory)
    processes: list[Process] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    """Of which the caller was told that nobody can tell, or that they are not kept."""
    reached: Counter[str] = field(default_factory=Counter)
    number: int = 0
    keys: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.processes = [Process(self.world) for _ in range(PROCESSES)]

    def append(self, process: Process) -> None:
        if any(not run.ended for run in process.runs):
            return
        self.number += 1
        row = json.dumps({"row": self.number})

        def work(run: Run) -> None:
            process.this.enter(run)
            try:
                process.journal.append("acme", Dataset.METRICS, f"{row}\n".encode())
            except DropzoneError as error:
                self.refused.add(row)
                self.reached[f"refused: {type(error).__name__}"] += 1
            else:
                self.answered.add(row)
                self.reached["answered"] += 1

        process.runs.append(Run(work))

    def send_again(self, process: Process) -> None:
        """One of a few requests, each under a key of its own, for the first time or once more."""
        if any(not run.ended for run in process.runs):
            return
        key = self.random.choice("abc")
        row = json.dumps({"key": key})
        self.world.time.advance(timedelta(seconds=self.random.choice((0, 4, 11))))

        def work(run: Run) -> None:
            process.this.enter(run)
            request = KeyedRows(
                customer="acme",
                dataset=Dataset.METRICS,
                rows=f"{row}\n".encode(),
                key=key,
                fingerprint=f"of {key}",
                answer=f"answer to {key}",
            )
            try:
                assert append_once(process.context(), process.journal, request) == request.answer
            except DropzoneError as error:
                self.reached[f"refused: {type(error).__name__}"] += 1
            else:
                self.answered.add(row)
                self.reached["answered again" if key in self.keys else "answered with a key"] += 1
                self.keys.add(key)

        process.runs.append(Run(work))

    def roll(self) -> None:
        """A roller of its own: a look at days, or the sweep."""
        roller = Process(self.world)

        def work(run: Run) -> None:
            roller.this.enter(run)
            with_context = roller.context()
            try:
                self.reached["rolled"] += roll_segments(with_context, "acme", [Dataset.METRICS])
            except DropzoneError:
                self.reached["a roller failed"] += 1

        roller.runs.append(Run(work))
        self.processes.append(roller)

    def kill(self, process: Process) -> None:
        for run in process.runs:
            if not run.ended:
                self.reached[f"killed before {run.waiting.method if run.waiting else ''}"] += 1
                run.abandon()
        place = self.processes.index(process)
        if place < PROCESSES:
            self.processes[place] = Process(self.world)
        else:
            self.processes.remove(process)

    def busy(self) -> list[Process]:
        return [process for process in self.processes if any(not run.ended for run in process.runs)]

    def step(self, outcome: CallOutcome) -> None:
        running = [run for process in self.processes for run in process.runs if not run.ended]
        if running:
            run = self.random.choice(running)
            if outcome is CallOutcome.RESENT and run.waiting is not None and run.waiting.method == "list":
                outcome = CallOutcome.DONE
            run.step(outcome)

    def finish(self) -> list[str]:
        """Everything ends, and a last roller makes uploads of what is left; all rows of all uploads."""
        for process in self.processes:
            for run in process.runs:
                run.finish()
        self.world.time.advance(timedelta(minutes=3))
        roll_customer(self.world.context, "acme")
        assert not [info.name for info in self.world.drop.list_blobs(JOURNAL) if not info.name.startswith(CLAIMS_PREFIX)]
        rows: list[str] = []
        for info in self.world.drop.list_blobs(self.world.container):
            found = self.world.drop.get(self.world.container, info.name)
            assert found is not None
            rows += found[0].decode().splitlines()
        return rows


def play(desk: Desk, steps: int) -> None:
    for _ in range(steps):
        match desk.random.choice(("append", "again", "again", "roll", "step", "step", "step", "step", "struck", "kill", "run")):
            case "append":
                desk.append(desk.random.choice(desk.processes[:PROCESSES]))
            case "again":
                desk.send_again(desk.random.choice(desk.processes[:PROCESSES]))
            case "roll" if len(desk.processes) < PROCESSES + 3:
                desk.roll()
            case "struck":
                desk.step(desk.random.choice(OUTCOMES))
            case "kill" if desk.random.random() < 0.5 and (busy := desk.busy()):
                desk.kill(desk.random.choice(busy))
            case "run":
                for _ in range(desk.random.choice((3, 10))):
                    desk.step(CallOutcome.DONE)
            case _:
                desk.step(CallOutcome.DONE)


def check(desk: Desk) -> None:
    rows = Counter(desk.finish())
    lost = desk.answered - set(rows)
    assert not lost, f"answered and in no upload: {lost}"
    assert max(rows.values(), default=1) == 1, f"in more than one place: {rows.most_common(3)}"


@settings(max_examples=times(150))
@given(seed=st.integers(0, 2**32))
def test_an_answered_row_is_in_one_upload_whatever_happens(seed: int) -> None:
    desk = Desk(Random(seed))
    play(desk, 60)
    check(desk)


def test_the_ways_that_matter_are_gone() -> None:
    reached: Counter[str] = Counter()
    for seed in range(100):
        desk = Desk(Random(seed))
        play(desk, 60)
        check(desk)
        reached.update(desk.reached)
    assert {
        "answered",
        "rolled",
        "refused: LaterError",
        "killed before append",
        "killed before put",
        "killed before delete",
    } <= set(reached)


class _Unfenced(SteppedAppendBlobs):
    def seal(self, container: str, name: str) -> bool:
        return self.run.through(Call(method="head", container=container, name=name), lambda: True)


def test_a_program_whose_rollers_do_not_seal_loses_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the fence an append goes into a segment that was copied already."""
    monkeypatch.setattr("tests.journal.test_journal_interleavings.SteppedAppendBlobs", _Unfenced)
    assert any(_fails(seed) for seed in range(200))


def test_a_program_that_takes_a_lost_answer_for_a_refusal_doubles_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller is told that its row is not in, and it is appended once more."""
    monkeypatch.setattr("processing.jobs.journal.journal.holds", lambda *_: False)
    assert any(_fails(seed) for seed in range(200))


def test_a_program_whose_segments_go_before_their_uploads_are_there_loses_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the two is enough."""
    real = stored_journal._upload

    def later(context: JobContext, segment: Any, rows: bytes) -> str:
        context.drop.delete(JOURNAL, str(segment))
        return real(context, segment, rows)

    monkeypatch.setattr(stored_journal, "_upload", later)
    assert any(_fails(seed) for seed in range(200))


def _fails(seed: int) -> bool:
    desk = Desk(Random(seed))
    try:
        play(desk, 60)
        check(desk)
    except (AssertionError, ConditionNotMet):
        return True
    return False
