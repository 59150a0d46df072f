"""`python -m benchmarks.worker CONTESTANT JSON`: one contestant does its work once, and what it took is printed as JSON.

A contestant is a module of `benchmarks.contestants` with `prepare(task, scratch)`, which gets everything ready and returns
the work to be measured: a function without arguments that returns what it found.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from benchmarks.usage import usage

EXIT_ABSENT: Final = 77
"""Exit code when a package of the contestant is not installed."""
_SAMPLING: Final = 0.05


def main() -> None:
    """Run the contestant that the command line names."""
    name, task = sys.argv[1], json.loads(sys.argv[2])
    try:
        contestant = importlib.import_module(f"benchmarks.contestants.{name}")
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_ABSENT)
    with tempfile.TemporaryDirectory(prefix="dropzone-bench-") as folder:
        _warm_up(contestant, task, Path(folder))
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        work = contestant.prepare(task, scratch)
        before = usage()
        with _peak_disk(scratch, wanted=task.get("watch_disk", False)) as disk:
            began = time.perf_counter()
            found: dict[str, Any] = work()
            seconds = time.perf_counter() - began
        after = usage()
        result = {
            "seconds": seconds,
            "cpu_seconds": after.cpu_seconds - before.cpu_seconds,
            "peak_mib": after.peak_mib,
            "disk_mib": max(disk) / 2**20 if disk else None,
            "found": found,
        }
        sys.stdout.write("\n" + json.dumps(result) + "\n")
        sys.stdout.flush()


def _warm_up(contestant: ModuleType, task: dict[str, Any], folder: Path) -> None:
    """Do the same with the small file that the task names, if it names one: what only a first call costs is not measured."""
    if "warm" in task:
        scratch = folder / "warm"
        scratch.mkdir()
        contestant.prepare({**task, "path": task["warm"]}, scratch)()


@contextmanager
def _peak_disk(folder: Path, *, wanted: bool) -> Iterator[list[int]]:
    """Bytes below the folder, looked at twenty times a second; nothing when not wanted, because looking costs a little."""
    sizes: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_SAMPLING):
            sizes.append(_size(folder))

    thread = threading.Thread(target=watch, daemon=True)
    if wanted:
        thread.start()
    try:
        yield sizes
    finally:
        ended.set()
        if wanted:
            thread.join()


def _size(folder: Path) -> int:
    total = 0
    for each in folder.rglob("*"):
        try:
            # Blocks, not the length: a file may be reserved and still empty.
            total += each.stat().st_blocks * 512
        except OSError:
            continue
    return total


if __name__ == "__main__":
    main()
