"""docs/results.md: it has every column of every table, and its programs run as they stand on published results."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from processing.domain.datasets import Dataset
from processing.domain.queue_messages import stream_work
from processing.domain.streams import Stream
from processing.publication.delta.specs import TABLES
from processing.statistics.notes import Note
from tests.support.doors import open_door
from tests.support.experiments import exposures, two_groups
from tests.support.installation import ROOT, Installation, metrics_csv

PAGE = (ROOT / "docs/results.md").read_text(encoding="utf-8")
FIRST = date(2026, 11, 17)


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_a_table_is_told_with_its_type(table: str) -> None:
    section = re.split(r"^## ", PAGE.partition(f"## `{table}`")[2], maxsplit=1, flags=re.MULTILINE)[0]
    shown = re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.MULTILINE)
    assert shown == [(name, str(kind)) for name, kind in TABLES[table].columns.items()]


def test_every_note_is_told() -> None:
    section = PAGE.partition("| note | means |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {"no_rows", *Note}


def test_the_programs_of_the_page_run_on_published_results(prepared: str, tmp_path: Path) -> None:
    installation = Installation.new(prepared)
    config = b"experiments:\n  button:\n"
    installation.context.lake.put("config", f"customers/{installation.customer}.yaml", config)
    messages = [installation.upload("exposures/a.csv", exposures(FIRST, two_groups()))]
    for number in range(2):
        day = FIRST + timedelta(days=number)
        values: dict[str, float | str] = {unit: place + 9.0 * unit.startswith("b") for place, unit in enumerate(two_groups())}
        messages.append(installation.upload(f"metrics/{day}.csv", metrics_csv(day, values)))
    installation.deliver(*messages)
    marked = [installation.upload(f"signals/{FIRST + timedelta(days=number)}", b"") for number in range(2)]
    installation.deliver(*marked)
    installation.tick()
    for dataset in (Dataset.EXPOSURES, Dataset.EXPERIMENTS):
        open_door("dayworker", stream_work(Stream(installation.customer, dataset)))

    program = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    program = program.replace("results-acme", f"results-{installation.customer}")
    environment = {**os.environ, "AZURE_STORAGE_CONNECTION_STRING": prepared}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "revenue" in done.stdout
    results = installation.table("experiment_results")
    (blue,) = results.filter(pl.col("pst_date") == FIRST + timedelta(days=1), pl.col("group_id") == "blue").to_dicts()
    assert blue["delta"] == pytest.approx(26.0, abs=0.1)
    assert blue["p_value"] < 0.05
    installation.leave()
