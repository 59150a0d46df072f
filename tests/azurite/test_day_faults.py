"""Storage that refuses, breaks off, stalls or sends half an answer delays a day and does nothing else to it.

A worker meets one fault at one of its calls: once, so that trying again helps, or as often as the same call is tried.
Whatever it made of that, the next worker ends right, each publication stands once in each table, and neither the logs
nor what is written down holds the key of the account or an id of the customer's. In a soak every call has two
faults.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.days.work_stream import WorkOutcome, work_stream
from processing.jobs.operate import retry_now
from processing.storage import emulator
from tests.support.day_story import ALL, DAYS, FIRST, PRIVATE, DayStory, partly_published, remove, run_worker
from tests.support.door_process import run_door, service_address
from tests.support.faults import FAULTS, FaultPlan, impatient
from tests.support.proxy import Moment, Proxy, Reaction, Request
from tests.support.soak import IS_SOAK, chosen

ALWAYS = 4
"""As often as a call is tried in all."""
AT_ONCE = 4
BATCH = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Which fault befalls which call, and how often."""

    fault: str
    number: int
    times: int


def troubles(calls: int) -> Sequence[Trouble]:
    """Every fault, once or always, at places that lie apart; in a soak a fault once and another always at every call."""
    faults = list(FAULTS)
    if not IS_SOAK:
        calls = calls * 9 // 10
        return [
            Trouble(fault=fault, number=1 + int(index * 0.618 * calls) % calls, times=(1, ALWAYS)[index % 2])
            for index, fault in enumerate(faults)
        ]
    every = [
        Trouble(fault=faults[(number + shift) % len(faults)], number=number, times=times)
        for number in range(1, calls + 1)
        for times, shift in ((1, 0), (ALWAYS, len(faults) // 2))
    ]
    return chosen(every, len(every))


def batches(every: Sequence[Trouble]) -> Iterator[Sequence[Trouble]]:
    for start in range(0, len(every), BATCH):
        yield every[start : start + BATCH]


def test_a_fault_at_any_storage_call_of_a_worker(prepared: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (story,) = partly_published(prepared, 1)
    calls = len(run_door(story.installation, "dayworker", story.work))
    remove([story])
    outcomes: set[WorkOutcome] = set()
    for batch in batches(troubles(calls)):
        stories = partly_published(prepared, len(batch))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            runs = [threads.submit(meet, story, trouble) for story, trouble in zip(stories, batch, strict=True)]
        errors = [error for run in runs if (error := run.exception()) is not None]
        if errors:
            raise BaseExceptionGroup("some went wrong", errors)
        outcomes |= {run.result() for run in runs}
        remove(stories)
        assert emulator.KEY not in caplog.text
        assert PRIVATE not in caplog.text
        caplog.clear()
    assert outcomes > {WorkOutcome.DONE}
    assert outcomes <= {WorkOutcome.DONE, WorkOutcome.FAILED, WorkOutcome.NOT_NOW}


def meet(story: DayStory, trouble: Trouble) -> WorkOutcome:
    """How the worker that met the trouble ended; the next one makes all good."""
    installation = story.installation
    plan = FaultPlan(fault=FAULTS[trouble.fault], number=trouble.number, times=trouble.times)
    try:
        with Proxy(upstream=service_address(installation.connection_string, "Blob"), hook=plan) as proxy:
            context = impatient(proxy.through(installation.connection_string))
            outcome = work_stream(context, Stream(installation.customer, Dataset.METRICS))
        assert plan.struck or IS_SOAK, "only near the end can a call not come: their number differs a little"
        story.check_readers(FIRST, ALL)
        if outcome is WorkOutcome.FAILED:
            check_failure(story)
        # What an hour of waiting does: the lease ends, and the next try is due.
        installation.let_lease_expire()
        retry_now(installation.context, installation.customer, None)
        run_worker(installation)
        story.check(ALL)
        story.check_at_rest()
    except Exception as error:
        raise AssertionError(f"{trouble} at {plan.struck[:1]}") from error
    return outcome


@pytest.mark.parametrize(
    ("fault", "path", "times"),
    [("reset of what is done", "/state/streams/", ALWAYS), ("429", "/days/metrics/", 1)],
    ids=["the answer to the last write is lost", "its document cannot be printed at once"],
)
def test_a_day_that_is_in_every_table_is_not_called_failed(prepared: str, fault: str, path: str, times: int) -> None:
    (story,) = partly_published(prepared, 1)
    seen: list[Request] = []
    struck: list[Request] = []

    def hook(request: Request, moment: Moment) -> bool | Reaction:
        if moment is not FAULTS[fault].moment:
            return False
        seen.append(request)
        is_projected = any(each.method == "PUT" and "/days/_delta_log/" in each.path for each in seen)
        if not is_projected or request.method != "PUT" or path not in request.path or len(struck) == times:
            return False
        struck.append(request)
        return FAULTS[fault].reaction

    with Proxy(upstream=service_address(prepared, "Blob"), hook=hook) as proxy:
        context = impatient(proxy.through(prepared))
        assert work_stream(context, Stream(story.installation.customer, Dataset.METRICS)) is WorkOutcome.DONE
    assert len(struck) == times
    story.check(ALL)
    states = [change["state"] for change in story.installation.day(DAYS[0])["history"]]
    assert "failed" not in states
    remove([story])


def check_failure(story: DayStory) -> None:
    """The day says since when, why and when it is tried again."""
    state = story.installation.state()
    (day,) = [day for day, record in state.days.items() if record.failures]
    record = state.days[day]
    assert record.state is DayState.FAILED
    assert record.next_try is not None
    assert record.error is not None
    assert " " in record.error, "a sentence, not the name of an exception"
    name = blob_names.day_status_name(Dataset.METRICS, day)
    found = story.installation.context.drop.get(blob_names.receipts_container(story.installation.customer), name)
    assert found is not None
    document = found[0].decode()
    assert PRIVATE not in document
    assert emulator.KEY not in document
    shown = story.installation.day(str(day))
    assert (shown["state"], shown["error"]) == ("failed", record.error)
