"""`make bench`: interleaved runs, medians, and a table of ours against the bare engine with the goals."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.files import metrics_csv, packed

ROWS = 1_000_000
RUNS = 5
OUT = Path(__file__).parent / "out"
CASES = {
    "clean CSV": (0.0, False, 0.75),
    "0.1 % bad rows": (0.001, False, 0.65),
    "5 % bad rows": (0.05, False, 0.50),
    "clean CSV.gz, against bare CSV": (0.0, True, 0.70),
}


def measure(name: str, path: Path) -> tuple[float, float]:
    """Seconds and peak MiB of one contestant in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.contestants", name, str(path)], capture_output=True, text=True, check=True
    )
    seconds, peak = done.stdout.split()
    return float(seconds), float(peak)


def compare(folder: Path, case: str) -> dict[str, Any]:
    """Our speed as a share of the bare engine's, on the same rows."""
    bad, gz, goal = CASES[case]
    plain = folder / f"bad-{bad}.csv"
    if not plain.exists():
        metrics_csv(plain, ROWS, bad=bad)
    path = packed(plain) if gz else plain
    measure("ours", path)
    runs = [(measure("ours", path), measure("bare", plain)) for _ in range(RUNS)]
    ours = statistics.median(run[0][0] for run in runs)
    bare = statistics.median(run[1][0] for run in runs)
    return {
        "case": case,
        "megabytes": round(plain.stat().st_size / 1e6, 1),
        "ours_seconds": round(ours, 3),
        "bare_seconds": round(bare, 3),
        "ratio": round(bare / ours, 2),
        "goal": goal,
        "met": bare / ours >= goal,
        "ours_peak_mib": round(max(run[0][1] for run in runs)),
        "bare_peak_mib": round(max(run[1][1] for run in runs)),
    }


def main() -> None:
    """Measure every case, print the table and write it as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        results = [compare(Path(folder), case) for case in CASES]
    OUT.mkdir(exist_ok=True)
    (OUT / "ingest.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    table = Table(title=f"{ROWS:,} metric rows, medians of {RUNS} interleaved runs")
    for heading in ("case", "MB", "ours s", "bare s", "ratio", "goal", "met", "peak MiB", "bare MiB"):
        table.add_column(heading, justify="left" if heading == "case" else "right")
    for each in results:
        table.add_row(*("yes" if value is True else "no" if value is False else str(value) for value in each.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
