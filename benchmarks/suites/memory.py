"""Peak memory of ingest whatever the size of the file, with bad rows, and with a year and more of days in one file."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.goals import Goal
from benchmarks.measure import Measured, compete
from benchmarks.samples import SampleSpec, sample
from benchmarks.scale import Scale
from benchmarks.suites import Findings, Table
from benchmarks.suites.ingest import ours, wrong

_FEW_DAYS = 700.0
_MANY_DAYS = 850.0
_FLAT = 1.2


def measure(scale: Scale) -> Findings:
    """Each file once or twice; the goals are for the worst."""
    found = Findings()
    largest = max(scale.memory_rows)
    specs = [SampleSpec(rows=rows) for rows in scale.memory_rows]
    # Bad rows in the second size: the time to explain them grows with the file, the memory must not.
    specs.append(SampleSpec(rows=sorted(scale.memory_rows)[min(1, len(scale.memory_rows) - 1)], bad=0.05))
    peaks = {}
    shown: list[Measured] = []
    for spec in (*specs, replace(specs[0], rows=scale.many_days_rows, days=400)):
        made = sample(spec)
        bad = f", {spec.bad:.0%} bad" if spec.bad else ""
        title = f"{made.megabytes:,.0f} MB of CSV, {spec.days} days{bad}"
        measured = compete(
            [replace(ours(spec, made, watch_disk=True), title=title)],
            scale.memory_runs,
            warm=False,
            on_progress=scale.on_progress,
        )
        shown += measured
        peaks[spec] = measured[0].peak_mib
        most = _MANY_DAYS if spec.days > 31 else _FEW_DAYS
        found.goals.append(
            Goal(
                what=f"peak memory, {title}",
                reached=measured[0].peak_mib,
                goal=most,
                unit="MiB",
                is_most=True,
                note=wrong(measured),
            )
        )
    found.tables.append(Table(title="memory and scratch disk of one ingest", measured=tuple(shown)))
    small, large = peaks[specs[0]], peaks[SampleSpec(rows=largest)]
    found.goals.append(
        Goal(
            what=f"peak memory at {largest / specs[0].rows:.0f} times the rows, against the smaller file",
            reached=large / small if small and large else None,
            goal=_FLAT,
            unit="x",
            is_most=True,
        )
    )
    return found
