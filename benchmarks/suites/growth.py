"""Ten times the rows must not take more than ten and a half times as long."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from benchmarks.goals import Goal
from benchmarks.measure import compete
from benchmarks.samples import SampleSpec, sample
from benchmarks.scale import Scale
from benchmarks.suites import Findings, Table
from benchmarks.suites.ingest import ours, wrong

_TIMES: Final = 10
_MOST: Final = 10.5
_RUNS: Final = 5


def measure(scale: Scale) -> Findings:
    """Clean CSV, and CSV with bad rows, whose reasons cost time of their own."""
    found = Findings()
    for bad in (0.0, 0.05):
        specs = [SampleSpec(rows=rows, bad=bad) for rows in (scale.rows // _TIMES, scale.rows)]
        contestants = [replace(ours(spec, sample(spec)), title=f"{spec.rows:,} rows") for spec in specs]
        measured = compete(contestants, min(scale.runs, _RUNS), on_progress=scale.on_progress)
        title = f"growth, {bad:.0%} bad rows"
        found.tables.append(Table(title=title, measured=tuple(measured)))
        few, many = (each.seconds for each in measured)
        found.goals.append(
            Goal(
                what=f"time for {_TIMES} times the rows, {bad:.0%} bad",
                reached=many / few if few and many else None,
                goal=_MOST,
                unit="x",
                is_most=True,
                note=wrong(measured),
            )
        )
    return found
