"""The scratch folder of this process, and what dead processes left in theirs."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import structlog

if sys.platform != "win32":
    import fcntl

_PREFIX: Final = "dropzone-process-"
_LOCK: Final = "lock"
_log = structlog.get_logger()


def own_scratch(parent: Path | None = None) -> Path:
    """A new folder for the temporary files of this process, below `parent` or the system's place; it goes with the process.

    What a process leaves that was killed is removed by the next one that starts: its disk is small, and what killed one
    worker may kill the next. A folder is in use as long as its lock is held, which ends with the process however it ends.
    """
    root = Path(tempfile.gettempdir()) if parent is None else parent
    for left in root.glob(f"{_PREFIX}*"):
        if not _is_in_use(left):
            shutil.rmtree(left, ignore_errors=True)
            _log.warning("scratch_of_the_dead_removed", folder=left.name)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    _lock(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _lock(folder: Path) -> None:
    held = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)  # open as long as the process lives
    if sys.platform != "win32":
        fcntl.flock(held, fcntl.LOCK_EX)


def _is_in_use(folder: Path) -> bool:
    if sys.platform == "win32":
        return True  # there, nobody can tell
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except OSError:
        return _is_being_made(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _is_being_made(folder: Path) -> bool:
    """Whether there is no lock because another process is about to take it; nothing of value is lost by a wrong guess."""
    with contextlib.suppress(OSError):
        return not any(folder.iterdir())
    return True
