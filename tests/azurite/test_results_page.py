"""docs/results.md: it has every column of every table, and its programs run as they stand on published results."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
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
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PEERS = ROOT / ".bench/venv/bin/python"
"""Of the environment of benchmarks, which has PySpark; no test makes it."""
SMALL_SPARK = {
    "PYSPARK_SUBMIT_ARGS": "--master local[1] --conf spark.sql.shuffle.partitions=1 pyspark-shell",
    "SPARK_LOCAL_IP": "127.0.0.1",
}
FIRST = date(2026, 11, 17)


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_a_table_is_told_with_its_type(table: str) -> None:
    section = re.split(r"^## ", PAGE.partition(f"## `{table}`")[2], maxsplit=1, flags=re.MULTILINE)[0]
    shown = re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.MULTILINE)
    assert shown == [(name, str(kind)) for name, kind in TABLES[table].columns.items()]


def test_every_note_is_told() -> None:
    section = PAGE.partition("| note | means |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {"no_rows", *Note}


@pytest.fixture(scope="module")
def published(prepared: str) -> Iterator[Installation]:
    """A customer with an experiment of two groups, two days of a metric and their results."""
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
    yield installation
    installation.leave()


def test_the_programs_of_the_page_run_on_published_results(published: Installation, tmp_path: Path) -> None:
    program = "\n".join(each for each in PROGRAMS if not _needs_spark(each))
    assert "revenue" in _output(sys.executable, program, published, tmp_path)
    results = published.table("experiment_results")
    (blue,) = results.filter(pl.col("pst_date") == FIRST + timedelta(days=1), pl.col("group_id") == "blue").to_dicts()
    assert blue["delta"] == pytest.approx(26.0, abs=0.1)
    assert blue["p_value"] < 0.05


@pytest.mark.skipif(
    not PEERS.exists() or shutil.which("java") is None, reason="PySpark of the peers' environment (make bench), and Java"
)
def test_spark_reads_the_files_that_a_table_names(published: Installation, tmp_path: Path) -> None:
    opening, (spark,) = PROGRAMS[0], [each for each in PROGRAMS if _needs_spark(each)]
    tell = 'for row in rows.groupBy("pst_date").agg({"unit_id": "count", "value": "sum"}).collect():\n    print("day", *row)'
    shown = _output(str(PEERS), f"{opening}\n{spark}\n{tell}", published, tmp_path)
    told = {fields[1]: fields[2:] for line in shown.splitlines() if (fields := line.split())[:1] == ["day"]}
    assert told.keys() == {str(FIRST + timedelta(days=number)) for number in range(2)}
    rows = published.table("metric_rows")
    for day, figures in told.items():
        of_day = rows.filter(pl.col("pst_date") == date.fromisoformat(day))
        assert [float(each) for each in figures] == pytest.approx([of_day.height, of_day["value"].sum()])


def _needs_spark(program: str) -> bool:
    return "pyspark" in program


def _output(python: str, program: str, published: Installation, folder: Path) -> str:
    """What a program of the page writes when it runs on these results."""
    program = program.replace("results-acme", f"results-{published.customer}")
    environment = {**os.environ, "AZURE_STORAGE_CONNECTION_STRING": published.connection_string, **SMALL_SPARK}
    done = subprocess.run([python, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
