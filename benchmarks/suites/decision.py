"""The decision about a stream's days with thousands of uploads, against the bare listings that it cannot do without."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.goals import Goal
from benchmarks.measure import Contestant, Measured, compete
from benchmarks.scale import Scale
from benchmarks.suites import Findings, Table
from processing.domain.stream_state import DayState
from processing.local.azurite.process import running_or_new

_MOST: Final = 2.0


def measure(scale: Scale) -> Findings:
    """One stream for each number of uploads, all answered, their day just marked."""
    found = Findings()
    with running_or_new() as connection:
        for uploads in scale.uploads:
            filled = _filled(scale, connection, uploads)
            if filled.note:
                found.goals.append(_goal(uploads, None, filled.note))
                continue
            task = {"connection": connection, **filled.found}
            listing = Contestant(
                title="bare listings", module="bare_listing", task=task, rows=uploads, right={"blobs": [uploads] * 3}
            )
            look = Contestant(title="our look", module="look", task=task, rows=uploads, right={"state": DayState.READY.value})
            measured = compete([look, listing], scale.look_runs, on_progress=scale.on_progress)
            found.tables.append(Table(title=f"{uploads:,} uploads in a stream", measured=tuple(measured), base=listing.title))
            ours, bare = measured
            note = "" if ours.exact and bare.exact else ours.note or bare.note or f"not what was to be found: {ours.found}"
            reached = ours.seconds / bare.seconds if ours.seconds and bare.seconds else None
            found.goals.append(_goal(uploads, reached, note))
    return found


def _filled(scale: Scale, connection: str, uploads: int) -> Measured:
    task: dict[str, Any] = {"connection": connection, "uploads": uploads}
    return compete(
        [Contestant(title=f"filling a stream with {uploads:,} uploads", module="stream_fill", task=task)],
        1,
        warm=False,
        on_progress=scale.on_progress,
    )[0]


def _goal(uploads: int, reached: float | None, note: str) -> Goal:
    what = f"decision over {uploads:,} uploads, against the bare listings"
    return Goal(what=what, reached=reached, goal=_MOST, unit="x", is_most=True, note=note)
