"""A file of 10 KB in a process that is warm: from the call to its first staged part, and by the job on the emulator."""

from __future__ import annotations

from typing import Final

from benchmarks.goals import Goal
from benchmarks.measure import Contestant, Measured, compete
from benchmarks.samples import SampleSpec, sample
from benchmarks.scale import Scale
from benchmarks.suites import Findings, Table
from processing.local.azurite.process import running_or_new

_ROWS: Final = 190
"""About 10 KB."""
_GOAL: Final = 0.05


def measure(scale: Scale) -> Findings:
    """Medians of the processes' own medians."""
    spec = SampleSpec(rows=_ROWS)
    made = sample(spec)
    with running_or_new() as connection:
        contestants = [
            Contestant(title="ingest of a local file", module="small_file", task={"path": str(made.path)}, rows=spec.rows),
            Contestant(
                title="the job, on the emulator", module="small_job", task={"path": str(made.path), "connection": connection}
            ),
        ]
        local, job = compete(contestants, min(scale.runs, 3), on_progress=scale.on_progress)
    return Findings(
        tables=[Table(title=f"{made.megabytes * 1000:.0f} KB of CSV, many times in one process", measured=(local, job))],
        goals=[
            Goal(
                what="10 KB file, warm: start to first part",
                reached=local.found.get("first_part"),
                goal=_GOAL,
                unit="s",
                is_most=True,
                note=_also(local, job),
            ),
        ],
    )


def _also(local: Measured, job: Measured) -> str:
    if local.note or job.note:
        return local.note or job.note
    return f"whole file {local.found['whole']:.3f} s; from event to receipt on the emulator {job.found['whole']:.3f} s"
