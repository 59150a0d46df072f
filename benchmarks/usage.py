"""What this process and those it started have used so far, read from /proc; Linux alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A sum over processes."""

    cpu_seconds: float
    """User and system time."""
    peak_mib: float
    """The sum of each process's own peak of resident memory."""


def usage() -> Usage:
    """Of this process and all its descendants that still live."""
    # Not ru_maxrss: a process begins with that of the one that started it.
    pids = _tree(os.getpid())
    return Usage(cpu_seconds=sum(map(_cpu, pids)), peak_mib=sum(map(_peak, pids)))


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for each in _PROC.iterdir():
        if each.name.isdigit() and (parent := _stat(int(each.name))[1:2]):
            children.setdefault(int(parent[0]), []).append(int(each.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields from the third on: state, parent, ...; none for a process that has ended."""
    try:
        return (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _cpu(pid: int) -> float:
    # utime, stime and those of its children that ended.
    return sum(int(ticks) for ticks in _stat(pid)[11:15]) / _TICKS


def _peak(pid: int) -> float:
    try:
        status = (_PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0.0)
