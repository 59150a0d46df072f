"""What the figures were measured on: the machine, and the versions of what took part."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import PEERS

_OURS: Final = ("polars", "pandera", "pyarrow", "deltalake", "azure-storage-blob")
_THEIRS: Final = ("duckdb", "pandas", "pandera", "dlt", "pyspark")
_ASK: Final = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
def found(name):
    try: return version(name)
    except PackageNotFoundError: return None
print(json.dumps({name: found(name) for name in sys.argv[1:]}))
"""


def machine_facts() -> dict[str, Any]:
    """As JSON shows them; a peer that is not installed has version None."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "processor": _processor(),
        "system": platform.platform(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _OURS},
        "peers": _peers(),
        "java": _java(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _peers() -> dict[str, str | None]:
    if not PEERS.exists():
        return dict.fromkeys(_THEIRS)
    done = subprocess.run([str(PEERS), "-c", _ASK, *_THEIRS], capture_output=True, text=True, check=True)
    result: dict[str, str | None] = json.loads(done.stdout)
    return result


def _java() -> str | None:
    try:
        done = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)  # noqa: S607 - the one on PATH
    except FileNotFoundError:
        return None
    lines = done.stderr.splitlines()
    return lines[0] if lines else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
