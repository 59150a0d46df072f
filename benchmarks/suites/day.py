"""The day stage against DuckDB with 1 GB: time, peak memory and peak scratch disk, on the same staged parts."""

from __future__ import annotations

import math
from typing import Final

from benchmarks.day_parts import DAY, day_parts
from benchmarks.goals import Goal
from benchmarks.measure import Contestant, Measured, compete
from benchmarks.scale import Scale
from benchmarks.suites import Findings, Table
from benchmarks.suites.ingest import wrong

_SPEED: Final = 2.0
_MEMORY: Final = 1_024.0
_DISK: Final = 512_000_000 / 2**20


def measure(scale: Scale) -> Findings:
    """Each size in turn; the figures of both must agree."""
    found = Findings()
    for rows, parts in scale.days:
        made = day_parts(rows, parts)
        task = {"folder": str(made.folder), "day": DAY, "watch_disk": True}
        right = {"rows": made.rows}
        contestants = [
            Contestant(
                title="ours", module="day_ours", task=task, rows=rows, right={**right, "superseded": made.rows_in - made.rows}
            ),
            Contestant(title="DuckDB, 1 GB", module="day_duck", task=task, rows=rows, is_peer=True, right=right),
        ]
        ours, duck = compete(contestants, scale.day_runs, warm=rows <= 5_000_000, on_progress=scale.on_progress)
        title = f"a day of {rows:,} rows in {parts} parts"
        found.tables.append(Table(title=title, measured=(ours, duck), base=duck.title))
        note = duck.note or wrong([ours, duck]) or _disagreement(ours, duck)
        found.goals += [
            Goal(what=f"{title}: speed against DuckDB at 1 GB", reached=ours.speed_of(duck), goal=_SPEED, unit="x", note=note),
            Goal(what=f"{title}: peak memory", reached=ours.peak_mib, goal=_MEMORY, unit="MiB", is_most=True),
            Goal(what=f"{title}: peak scratch disk", reached=ours.disk_mib, goal=_DISK, unit="MiB", is_most=True),
        ]
    return found


def _disagreement(one: Measured, other: Measured) -> str:
    if one.seconds is None or other.seconds is None:
        return ""
    mine, theirs = float(one.found["sum"]), float(other.found["sum"])
    return "" if math.isclose(mine, theirs, rel_tol=1e-9) else f"the sums differ: {mine} and {theirs}"
