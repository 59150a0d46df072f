"""Builds a world of history in an emulator that copies blobs; not measured, others measure in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.emulated import context_for
from benchmarks.history.emulator import Control
from benchmarks.history.world import WorldSpec, build
from processing.domain import blob_names


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:  # noqa: ARG001 - nothing is written here
    """The work: the world that the task tells of; `found` names the customer and tells how large the state became."""
    context = context_for(task["connection"])
    spec = WorldSpec(days=task["days"], files=task["files"], open_days=task["open_days"])

    def work() -> dict[str, Any]:
        stream = build(context, Control(connection=task["connection"]), spec)
        state = context.lake.head(blob_names.STATE_CONTAINER, blob_names.state_name(stream))
        return {"customer": stream.customer, "state_bytes": state.size if state else None}

    return work
