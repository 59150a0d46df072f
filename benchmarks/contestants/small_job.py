"""The real job on the emulator for files of some kilobytes, one after another, in a process that is warm."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.emulated import context_for, new_customer
from processing.domain import blob_names
from processing.domain.receipts import UploadStatus
from processing.jobs.uploads.receive_file import receive_file

_WARM: Final = 3
_TIMES: Final = 20


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:  # noqa: ARG001 - the job has its own scratch
    """The work: receive copies of `path` that are uploaded before; `found` holds the median seconds from event to receipt."""
    context = context_for(task["connection"])
    customer = new_customer(context)
    container = blob_names.drop_container(customer)
    names = [f"metrics/{number:03d}.csv" for number in range(_WARM + _TIMES)]
    for name in names:
        context.drop.put(container, name, Path(task["path"]))

    def once(name: str) -> float:
        began = time.perf_counter()
        status = receive_file(context, container, name)
        if status is not UploadStatus.ACCEPTED:
            raise SystemExit(f"not accepted: {status}")
        return time.perf_counter() - began

    for name in names[:_WARM]:
        once(name)

    def work() -> dict[str, Any]:
        seconds = [once(name) for name in names[_WARM:]]
        return {"whole": statistics.median(seconds), "worst": max(seconds)}

    return work
