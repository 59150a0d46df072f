"""A file of some kilobytes in a process that has ingested others before: from the call to the first part that is staged."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.contestants.ours import request_for
from processing.ingest.ingest_file import ingest_file
from processing.ingest.readers.random_access import LocalFile

_WARM: Final = 5
_TIMES: Final = 50


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:
    """The work: ingest `path` some times over; `found` holds the median seconds."""
    path = Path(task["path"])

    def once() -> tuple[float, float]:
        staged: list[float] = []
        began = time.perf_counter()
        with LocalFile(path) as source:
            ingest_file(
                request_for(path, "metrics"),
                source,
                scratch=scratch,
                emit=lambda _dataset, _part: staged.append(time.perf_counter()),
            )
        return staged[0] - began, time.perf_counter() - began

    for _ in range(_WARM):
        once()

    def work() -> dict[str, Any]:
        first, whole = zip(*(once() for _ in range(_TIMES)), strict=True)
        return {"first_part": statistics.median(first), "whole": statistics.median(whole), "worst": max(whole)}

    return work
