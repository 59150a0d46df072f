"""Our day of results: files of the lake to the rows of `experiment_results` and what the next day goes on from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.result_day import DAY, ResultDay
from processing.domain.datasets import Dataset
from processing.publication.experiments.compute import ResultSources, compute_result_day
from processing.publication.model import DayRequest
from schemas.experiments import ExperimentConfig


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:
    """The work: the day's exposures and rows, and those of the seven days before it, which are the same here."""
    day = ResultDay(folder=Path(task["folder"]), units=task["units"])

    def files_of(table: str, _day: date) -> Iterator[bytes]:
        # A result's rows are asked for of every day that covariates look back to, exposures of the day alone.
        return (path.read_bytes() for path in day.files(table))

    request = DayRequest(dataset=Dataset.EXPERIMENTS, day=DAY, file_prefix="bench", ratios_before=())
    sources = ResultSources(
        experiments={"button": ExperimentConfig(correction="bh", sequential=True)},
        resumed=frozenset({"button"}),
        since=DAY,
        files_of=files_of,
        left=files_of,
        rows=task["rows"],
        ratios=(),
    )

    def work() -> dict[str, Any]:
        result = compute_result_day(request, sources, scratch, lambda name: (scratch / name).unlink())
        return {"rows": result.rows}

    return work
