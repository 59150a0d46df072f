"""The real job on the emulator, beside the same file ingested from the local disk: what storage adds."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.measure import compete
from benchmarks.samples import SampleSpec, sample
from benchmarks.scale import Scale
from benchmarks.suites import Findings, Table
from benchmarks.suites.ingest import ours
from processing.local.azurite.process import running_or_new


def measure(scale: Scale) -> Findings:
    """No goal: most of what is added is the emulator's own time, on the same cores."""
    found = Findings()
    for bad in (0.0, 0.05):
        spec = SampleSpec(rows=scale.rows, bad=bad)
        made = sample(spec)
        local = replace(ours(spec, made), title="ingest of the local file")
        right = {name: local.right[name] for name in ("read", "accepted", "rejected")}
        with running_or_new() as connection:
            job = replace(
                local,
                title="the job, on the emulator",
                module="job",
                task={**local.task, "connection": connection},
                right=right,
            )
            measured = compete([local, job], min(scale.runs, 3), on_progress=scale.on_progress)
        title = f"receive_file on the emulator, {bad:.0%} bad rows"
        found.tables.append(Table(title=title, measured=tuple(measured), base=local.title, megabytes=made.megabytes))
    return found
