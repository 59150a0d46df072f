"""The decision about a stream's days from nothing: everything is listed, the marked day's cut is taken, its status printed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.emulated import context_for
from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.streams import Stream
from processing.jobs.days.observe_stream import observe_stream
from processing.stored.stream_state import load_state


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:  # noqa: ARG001 - nothing is written here
    """The work: one look at the stream of `customer`, whose state is forgotten before."""
    context = context_for(task["connection"])
    customer = task["customer"]
    context.lake.delete(blob_names.STATE_CONTAINER, blob_names.state_name(Stream(customer, Dataset.METRICS)))
    # A marker takes effect once it lies in the past of a clock that counts seconds.
    time.sleep(1.0)

    def work() -> dict[str, Any]:
        looked = observe_stream(context, load_state(context, Stream(customer, Dataset.METRICS)))
        record = looked.state.days.get(date.fromisoformat(task["day"]))
        return {"state": record.state.value if record else None}

    return work
