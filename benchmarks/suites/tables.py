"""A table after years: opening it, committing a day to it and reading one day of it must cost what they did after weeks."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from benchmarks.emulated import context_for, new_customer
from benchmarks.goals import Goal
from benchmarks.scale import Scale
from benchmarks.suites import Figures, Findings
from processing.domain import blob_names
from processing.domain.publications import TableFile
from processing.local.azurite.process import running_or_new
from processing.publication.delta.files import write_table_file
from processing.publication.delta.specs import METRIC_DAYS
from processing.stored.context import JobContext

_FIRST: Final = date(2024, 1, 1)
_MOST: Final = 2.0
_TIMES: Final = 15


def measure(scale: Scale) -> Findings:
    """A table for each number of publications, and of all of them in turn the time of each step."""
    found = Findings()
    with running_or_new() as connection:
        context = context_for(connection)
        containers = {}
        for publications in scale.publications:
            containers[publications] = blob_names.results_container(new_customer(context))
            for number in range(publications):
                _commit(context, containers[publications], number)
            scale.on_progress(f"a table of {publications:,} publications")
        rows = _medians(context, containers)
    found.figures.append(
        Figures(title="a table after years, ms", headings=("publications", "open", "commit", "read a day"), rows=tuple(rows))
    )
    few, many = rows[0], rows[-1]
    for place, what in enumerate(("opening", "committing to", "reading a day of"), start=1):
        found.goals.append(
            Goal(
                what=f"{what} a table of {many[0]:,} publications against one of {few[0]:,}",
                reached=many[place] / few[place],
                goal=_MOST,
                unit="x",
                is_most=True,
            )
        )
    return found


def _medians(context: JobContext, containers: Mapping[int, str]) -> list[tuple[int, float, float, float]]:
    """Publications, and milliseconds of each step.

    The tables take turns, so that what else the machine does is the same for all of them.
    """
    taken: dict[int, list[tuple[float, float, float]]] = {publications: [] for publications in containers}
    for turn in range(_TIMES):
        for publications, container in containers.items():
            taken[publications].append(_steps(context, container, publications, publications + turn))
    medians = {
        publications: [statistics.median(step) for step in zip(*each, strict=True)] for publications, each in taken.items()
    }
    return [(publications, opened, committed, read) for publications, (opened, committed, read) in medians.items()]


def _steps(context: JobContext, container: str, publications: int, number: int) -> tuple[float, float, float]:
    """Milliseconds to open the table, to commit publication `number` and to read a day."""
    day, address, options = _day(publications // 2), f"az://{container}/{METRIC_DAYS.name}", _options()

    def read() -> None:
        # As a reader does: the whole log, and the files of one day.
        rows = pl.scan_delta(address, storage_options=options).filter(pl.col("pst_date") == day).collect()
        if rows.height != 1:
            raise AssertionError(f"{day} has {rows.height} rows")

    return (
        _milliseconds(lambda: context.tables.open(container, METRIC_DAYS)),
        _milliseconds(lambda: _commit(context, container, number)),
        _milliseconds(read),
    )


def _options() -> dict[str, str]:
    parts = dict(part.partition("=")[::2] for part in os.environ["LAKE_STORAGE"].split(";"))
    account = {"account_name": parts["AccountName"], "account_key": parts["AccountKey"]}
    return {**account, "endpoint": parts["BlobEndpoint"], "allow_http": "true"}


def _milliseconds(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return (time.perf_counter() - began) * 1_000


def _commit(context: JobContext, container: str, number: int) -> None:
    table = context.tables.open(container, METRIC_DAYS)
    partition = {"dataset": "metrics", "pst_date": _day(number).isoformat()}
    table.replace([_file(context, container, partition, number)], partition=partition, app="metrics", seq=number + 1)


def _file(context: JobContext, container: str, partition: dict[str, str], number: int) -> TableFile:
    row = pl.DataFrame({"metric_name": ["revenue"], "id_type": ["user_id"], "kind": ["value"], "units": [1], "sum": [1.0]})
    with tempfile.TemporaryDirectory() as scratch:
        file = write_table_file(row, METRIC_DAYS, Path(scratch), name=f"{number:08d}.parquet", partition=partition)
        name = f"{METRIC_DAYS.name}/{file.path}"
        context.lake.put(container, name, (Path(scratch) / name).read_bytes())
    return file


def _day(number: int) -> date:
    return _FIRST + timedelta(days=number)
