"""`python -m benchmarks [SUITE ...] [--full]`: measures, prints tables and goals, and writes benchmarks/out/*.json."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.goals import Goal
from benchmarks.machine import machine_facts
from benchmarks.report import print_findings, print_goals, write_json
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.suites import (
    Findings,
    calibration,
    day,
    decision,
    fleet,
    growth,
    history,
    hostile,
    http,
    ingest,
    job,
    memory,
    pages,
    results,
    small_file,
    tables,
)

_PIPED: Final = 180
"""Columns of a table that goes to no terminal."""
OUT: Final = Path(__file__).parent / "out"
SUITES: Final[Mapping[str, Callable[[Scale], Findings]]] = {
    "ingest": ingest.measure,
    "memory": memory.measure,
    "hostile": hostile.measure,
    "growth": growth.measure,
    "small_file": small_file.measure,
    "job": job.measure,
    "decision": decision.measure,
    "day": day.measure,
    "history": history.measure,
    "fleet": fleet.measure,
    "http": http.measure,
    "pages": pages.measure,
    "calibration": calibration.measure,
    "results": results.measure,
    "tables": tables.measure,
}


def main() -> None:
    """Measure what the command line asks for; exit 0 whether or not the goals are met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}; all unless named")
    parser.add_argument("--full", action="store_true", help="every size; takes hours, and tens of GB of disk for samples")
    parser.add_argument("--rows", type=int, help="shrink everything, so that the largest ingest ratio has this many rows")
    parser.add_argument("--runs", type=int, help="rounds that count")
    chosen = parser.parse_args()
    unknown = set(chosen.suites) - set(SUITES)
    if unknown:
        parser.error(f"no suite {', '.join(sorted(unknown))}")
    # A pipe says nothing of its width, and half a table is of no use.
    out, progress = Console(width=None if sys.stdout.isatty() else _PIPED), Console(stderr=True)
    scale = _scale(chosen, progress)
    facts = machine_facts()
    out.print(f"{facts['cores']} cores, {facts['memory_gib']} GiB, {facts['processor']}; load {facts['load_before']:.1f}")
    goals: list[Goal] = []
    for name in chosen.suites or SUITES:
        began = time.monotonic()
        found = SUITES[name](scale)
        print_findings(out, found)
        write_json(OUT / f"{name}.json", facts, found)
        progress.print(f"{name}: {time.monotonic() - began:.0f} s", highlight=False)
        goals += found.goals
    print_goals(out, goals)


def _scale(chosen: argparse.Namespace, progress: Console) -> Scale:
    scale = FULL if chosen.full else QUICK
    if chosen.rows:
        scale = scale.limited_to(chosen.rows)
    if chosen.runs:
        most = chosen.runs
        scale = replace(
            scale,
            runs=most,
            slow_runs=min(scale.slow_runs, most),
            look_runs=min(scale.look_runs, most),
            day_runs=min(scale.day_runs, most),
            history_runs=min(scale.history_runs, most),
        )
    if not sys.stderr.isatty():
        return scale
    return replace(scale, on_progress=lambda what: progress.print(f"  {what} ...", end="\r", highlight=False))


if __name__ == "__main__":
    main()
