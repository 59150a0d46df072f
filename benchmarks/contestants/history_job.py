"""A job of the program in a world of history, with the requests that it made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.emulated import context_for
from benchmarks.history.emulator import Control
from benchmarks.history.jobs import JOBS
from benchmarks.history.requests import counted
from processing.domain.datasets import Dataset
from processing.domain.streams import Stream


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:  # noqa: ARG001 - nothing is written here
    """The work: the job that the task names, as often as makes its time measurable; `found` has the requests of them all."""
    context, control = context_for(task["connection"]), Control(connection=task["connection"])
    calls = JOBS[task["job"]].prepare(context, Stream(task["customer"], Dataset.METRICS))
    before = control.requests_made()

    def work() -> dict[str, Any]:
        outcomes = {str(call()) for call in calls}
        return {"times": len(calls), "outcomes": sorted(outcomes), "requests": counted(control.requests_since(before))}

    return work
