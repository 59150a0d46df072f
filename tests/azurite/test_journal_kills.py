"""Processes that take rows over HTTP die at any storage call: what was answered is in one upload, and nothing twice."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from processing import wiring
from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.jobs.journal.journal import Journal
from processing.settings import load_settings
from processing.stored.journal import roll_segments
from tests.azurite.test_kills import upstream
from tests.support.installation import Installation
from tests.support.journal_process import start_writer
from tests.support.proxy import Moment, Proxy, Request
from tests.support.waiting import wait_until

DAY = "2026-11-18"
WRITES = ["PUT", "PUT", "PUT", "PUT", "PUT", "GET", "PUT", "DELETE"]
"""The container, a segment, two appends; sealed, read, an upload, gone."""


def row(name: str) -> str:
    return json.dumps({"unit_id": name, "id_type": "user_id", "date": DAY, "metric_name": "revenue", "metric_value": 1.0})


def killed_writer(installation: Installation, rows: list[str], answered: Path, number: int, moment: Moment) -> list[Request]:
    """A process that dies at a storage call; the calls that it made."""
    process: list[BaseProcess] = []
    is_started, is_dead = threading.Event(), threading.Event()

    def hook(request: Request, at: Moment) -> bool:
        if (request.number, at) != (number, moment):
            return False
        is_started.wait()
        process[0].kill()
        is_dead.wait()
        return True

    with Proxy(upstream=upstream(installation), hook=hook) as proxy:
        environment = installation.child_environment(proxy.through(installation.connection_string))
        process.append(start_writer(installation.customer, rows, answered, environment, rolls=True))
        is_started.set()
        process[0].join()
        is_dead.set()
        assert process[0].exitcode == (-signal.SIGKILL if number else 0)
    return proxy.seen


def uploaded(installation: Installation) -> Counter[str]:
    """How often each row stands in an upload."""
    drop = installation.context.drop
    found: Counter[str] = Counter()
    for info in drop.list_blobs(installation.drop, "metrics/api/"):
        data = drop.get(installation.drop, info.name)
        assert data is not None
        found.update(data[0].decode().splitlines())
    return found


def check(installation: Installation, answered: Path) -> None:
    """Somebody makes uploads of what was left, and then every answered row is in one of them."""
    roll_segments(installation.context, installation.customer, [Dataset.METRICS])
    left = installation.context.drop.list_blobs(blob_names.journal_container(installation.customer))
    assert not any(info.size for info in left)
    found, said = uploaded(installation), answered.read_text().splitlines()
    assert set(said) <= set(found), "a row was answered and is in no upload"
    assert set(found.values()) <= {1}, "a row is in more than one place"


def test_killed_at_any_storage_call(installation: Installation, tmp_path: Path) -> None:
    answered = tmp_path / "answered"
    calls = killed_writer(installation, [row("a"), row("b")], answered, 0, Moment.BEFORE)
    assert [call.method for call in calls] == WRITES
    for call in calls:
        for moment in Moment:
            key = f"{call.number}-{moment}"
            killed_writer(installation, [row(f"a-{key}"), row(f"b-{key}")], answered, call.number, moment)
    assert len(answered.read_text().splitlines()) > len(calls)
    check(installation, answered)
    assert len(uploaded(installation)) >= 2 + 2 * 2 * (len(calls) - 4), "all but those of whom the first or second append died"


@pytest.mark.parametrize("moment", list(Moment))
def test_a_connection_that_breaks_at_any_storage_call_costs_nothing(
    installation: Installation, tmp_path: Path, moment: Moment
) -> None:
    answered = tmp_path / "answered"
    for number in range(1, len(WRITES) + 1):
        struck: list[int] = []

        def hook(request: Request, at: Moment, number: int = number, struck: list[int] = struck) -> bool:
            is_here = (request.number, at) == (number, moment)
            if is_here:
                struck.append(number)
            return is_here

        with Proxy(upstream=upstream(installation), hook=hook) as proxy, answered.open("a") as told:
            storage = proxy.through(installation.connection_string)
            settings = load_settings().model_copy(update={"drop_connection": storage, "lake_connection": storage})
            journal = Journal(wiring.build_app(settings))
            for name in ("a", "b"):
                journal.append(installation.customer, Dataset.METRICS, f"{row(f'{name}-{number}')}\n".encode())
                told.write(row(f"{name}-{number}") + "\n")
            journal.roll(everything=True)
        assert struck, f"call {number} never came"
    check(installation, answered)
    assert len(uploaded(installation)) == 2 * len(WRITES)


def test_writers_that_die_and_rollers_that_seal_all_the_time(installation: Installation, tmp_path: Path) -> None:
    environment = installation.child_environment(installation.connection_string)
    answered = [tmp_path / str(number) for number in range(3)]
    writers = []
    for number, path in enumerate(answered):
        rows = [row(f"{number}-{each}") for each in range(60)]
        path.touch()
        writers.append(start_writer(installation.customer, rows, path, environment, rolls=number == 0))
    wait_until(lambda: len(answered[2].read_text().splitlines()) > 5)
    for _ in range(5):
        roll_segments(installation.context, installation.customer, [Dataset.METRICS])
    writers[2].kill()
    while any(writer.is_alive() for writer in writers):
        roll_segments(installation.context, installation.customer, [Dataset.METRICS])
    for path in answered:
        check(installation, path)
    assert [len(path.read_text().splitlines()) for path in answered[:2]] == [60, 60]
    for body in installation.upload_messages():
        installation.deliver(body)
    installation.sweep()
    for body in installation.upload_messages():
        installation.deliver(body)
    names = [info.name for info in installation.context.drop.list_blobs(installation.drop, "metrics/api/")]
    accepted = sum(installation.receipt(name)["rows"]["accepted"] for name in names)
    assert accepted == sum(uploaded(installation).values()), "every row is in a receipt once"
