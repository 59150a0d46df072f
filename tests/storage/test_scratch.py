"""A killed process leaves its scratch folder to the next one that starts, which removes it; nobody else's is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from processing.storage.scratch import own_scratch

CHILD = """
import sys
from pathlib import Path
from processing.logs import configure_logs
from processing.storage.scratch import own_scratch
configure_logs()
folder = own_scratch(Path(sys.argv[1]))
(folder / "half").write_bytes(bytes(1_000_000))
print(folder, flush=True)
sys.stdin.read()
"""


def started(root: Path) -> tuple[subprocess.Popen[str], Path]:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    return child, Path(child.stdout.readline().strip())


@pytest.mark.skipif(sys.platform == "win32", reason="locks of files end with the process on POSIX systems")
def test_what_a_killed_process_left_goes_and_what_a_living_one_uses_stays(tmp_path: Path) -> None:
    dead, left = started(tmp_path)
    dead.kill()
    dead.communicate()
    assert (left / "half").exists()
    living, used = started(tmp_path)
    assert not left.exists()
    (tmp_path / "somebody else's").mkdir()
    mine = own_scratch(tmp_path)
    assert (used / "half").exists()
    assert mine.is_dir()
    assert (tmp_path / "somebody else's").exists()
    living.communicate("")  # it ends by itself
    assert not used.exists()


def test_a_folder_that_is_just_being_made_stays(tmp_path: Path) -> None:
    (tmp_path / "dropzone-process-new").mkdir()
    own_scratch(tmp_path)
    assert (tmp_path / "dropzone-process-new").is_dir()
