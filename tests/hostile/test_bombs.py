"""An archive that unpacks to more than it may is refused with little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.hostile.archive_cases import ROWS, bomb
from tests.hostile.case import zst

ROOT: Final = Path(__file__).parents[2]
MOST_MEMORY: Final = 600 * 1024**2
"""Bytes for a file of 1.2 GiB, above what the program takes for a file of one row."""

CHECK: Final = """
import resource, sys
from pathlib import Path
from processing.domain.datasets import Dataset
from processing.jobs.uploads.check_file import CheckRequest, check_file
from schemas.customer_config import CustomerConfig

def check(name):
    return check_file(CheckRequest(path=Path(name), dataset=Dataset.METRICS, config=CustomerConfig(), program=""))

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

check(sys.argv[1])
before = peak()
receipt = check(sys.argv[2])
print(receipt.error.code, receipt.rows.read, peak() - before)
"""


def test_a_bomb_of_sound_rows_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv.zst"
    small.write_bytes(b"unit_id,id_type,date,metric_name,metric_value\nu1,user_id,2026-11-18,m,1\n")
    large.write_bytes(bomb(zst, ROWS))
    assert large.stat().st_size < 1024**2
    command = [sys.executable, "-c", CHECK, str(small), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    code, read, taken = done.stdout.split()
    assert (code, read) == ("unpacks_too_large", "0")
    assert int(taken) < MOST_MEMORY
