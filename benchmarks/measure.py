"""Runs contestants in processes of their own, in turns, and gives the medians."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.worker import EXIT_ABSENT

ROOT: Final = Path(__file__).resolve().parents[1]
PEERS: Final = ROOT / ".bench" / "venv" / "bin" / "python"
"""The Python that has the peers, and nothing that ours could notice."""
_PATIENCE: Final = 1_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One that does a task."""

    title: str
    module: str
    """In `benchmarks.contestants`."""
    task: dict[str, Any]
    is_peer: bool = False
    """Whether it runs in the peers' environment."""
    rows: int = 0
    """Rows of its task, for figures per row."""
    right: dict[str, Any] = field(default_factory=dict)
    """What it must find, or nothing when that is not to be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the runs of one contestant came to; seconds are medians, memory and disk the worst."""

    title: str
    rows: int
    runs: int = 0
    seconds: float | None = None
    """Of the work alone, with everything imported; None when there is no figure."""
    whole_seconds: float | None = None
    """From the start of the process to its end."""
    cpu_seconds: float | None = None
    """Of the work alone."""
    peak_mib: float | None = None
    """Resident memory of the whole process, and of those it started."""
    disk_mib: float | None = None
    """Scratch disk, where it was watched."""
    found: dict[str, Any] = field(default_factory=dict)
    exact: bool | None = None
    """Whether it found what it must; None when that was not checked."""
    note: str = ""
    """Why there is no figure."""

    def speed_of(self, other: Measured) -> float | None:
        """How many times as fast it is as another, row for row."""
        if not self.seconds or not other.seconds:
            return None
        return (other.seconds / max(other.rows, 1)) / (self.seconds / max(self.rows, 1))


def compete(
    contestants: Sequence[Contestant], runs: int, *, warm: bool = True, on_progress: Callable[[str], None] = lambda _: None
) -> list[Measured]:
    """Every contestant in turn, `runs` rounds of all of them; `warm` is one round before that does not count.

    That round fills the page cache and writes compiled modules. One that fails is not tried again.
    """
    taken: dict[str, list[dict[str, Any]]] = {each.title: [] for each in contestants}
    failed: dict[str, str] = {}
    for number in range(-1 if warm else 0, runs):
        for each in contestants:
            if each.title in failed:
                continue
            on_progress(each.title)
            try:
                result = _run(each)
            except _NoFigureError as error:
                failed[each.title] = str(error)
                continue
            if number >= 0:
                taken[each.title].append(result)
    return [_summed(each, taken[each.title], failed.get(each.title, "")) for each in contestants]


class _NoFigureError(Exception):
    """The contestant could not do it, or is not there."""


def _run(contestant: Contestant) -> dict[str, Any]:
    python = str(PEERS) if contestant.is_peer else sys.executable
    if not Path(python).exists():
        raise _NoFigureError("not installed")
    command = [python, "-m", "benchmarks.worker", contestant.module, json.dumps(contestant.task)]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
    except subprocess.TimeoutExpired:
        raise _NoFigureError(f"took more than {_PATIENCE / 60:.0f} minutes") from None
    whole = time.perf_counter() - began
    if done.returncode == EXIT_ABSENT:
        raise _NoFigureError("not installed")
    if done.returncode != 0:
        # The message of an error begins a line; what it quotes is indented.
        words = [line for line in done.stderr.splitlines() if line[:1].strip() and not line.startswith("LINE ")]
        raise _NoFigureError(f"failed: {words[-1][:200] if words else f'it ended with {done.returncode}'}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {**result, "whole_seconds": whole}


def _summed(contestant: Contestant, results: Sequence[dict[str, Any]], note: str) -> Measured:
    if not results or note:
        return Measured(title=contestant.title, rows=contestant.rows, note=note or "did not run")
    right = contestant.right
    found = results[-1]["found"]
    disk = [each["disk_mib"] for each in results if each["disk_mib"] is not None]
    return Measured(
        title=contestant.title,
        rows=contestant.rows,
        runs=len(results),
        seconds=statistics.median(each["seconds"] for each in results),
        whole_seconds=statistics.median(each["whole_seconds"] for each in results),
        cpu_seconds=statistics.median(each["cpu_seconds"] for each in results),
        peak_mib=max(each["peak_mib"] for each in results),
        disk_mib=max(disk) if disk else None,
        found=found,
        exact=all(each["found"].get(key) == value for each in results for key, value in right.items()) if right else None,
    )
