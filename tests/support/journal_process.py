"""A process that takes rows over HTTP would: it appends them, writes down what it answered, and makes uploads of them.

Forked from one that has imported the program, so that each starts at once and can be killed at any storage call.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from processing import wiring
from processing.domain.datasets import Dataset
from processing.jobs.journal.journal import Journal
from processing.settings import load_settings

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["pytest", "function_app", "deltalake", "tests.support.doors", "tests.support.door_process", __name__]
)


def start_writer(customer: str, rows: list[str], answered: Path, environment: Mapping[str, str], *, rolls: bool) -> BaseProcess:
    """Start a process that appends these rows one after another, and makes uploads of them at its end where it `rolls`."""
    process = _context.Process(target=_write, args=(customer, rows, answered, dict(environment), rolls), daemon=True)
    process.start()
    return process


def _write(customer: str, rows: list[str], answered: Path, environment: dict[str, str], rolls: bool) -> None:
    os.environ.update(environment)
    journal = Journal(wiring.build_app(load_settings()))
    with answered.open("a") as told:
        for row in rows:
            journal.append(customer, Dataset.METRICS, f"{row}\n".encode())
            told.write(f"{row}\n")
            told.flush()
    if rolls:
        journal.roll(everything=True)
