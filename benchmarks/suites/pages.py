"""Pages of the console and the calls behind them for a customer of long standing, with very many files and published days."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.goals import Goal
from benchmarks.measure import Contestant, Measured, compete
from benchmarks.scale import Scale
from benchmarks.suites import Figures, Findings
from benchmarks.suites.ingest import wrong
from processing.local.azurite.process import running_or_new

_MOST: Final = 0.3
_TIMES: Final = 9


def measure(scale: Scale) -> Findings:
    """Each page of a customer that stands as sweeps and turns have left it."""
    with running_or_new() as connection:
        fill = {"connection": connection, "files": scale.listed_files, "days": scale.history_days[1]}
        (filled,) = compete(
            [Contestant(title="a customer of long standing", module="pages_fill", task=fill)],
            1,
            warm=False,
            on_progress=scale.on_progress,
        )
        if not filled.found:
            return Findings(goals=[_goal("pages", None, filled.note)])
        pages = _pages(filled.found["day"])
        task = {"connection": connection, "key": filled.found["key"], "pages": pages, "times": _TIMES}
        (measured,) = compete(
            [Contestant(title="pages", module="pages", task=task)], 1, warm=False, on_progress=scale.on_progress
        )
    return _findings(scale, measured, pages)


def _pages(day: str) -> dict[str, str]:
    return {
        "files, the first page": "/console/files",
        "files with rows of a day": f"/console/files?day={day}",
        "files with a part of a name": "/console/files?name=ab1",
        "files that were refused": "/console/files?status=rejected&dataset=metrics",
        "files over HTTP": "/v1/files?limit=100",
        "metrics": "/console/metrics",
        "a metric": "/console/metric?name=metric_07&dataset=metrics",
        "metrics over HTTP": "/v1/metrics",
        "a metric over HTTP": "/v1/metrics/metric_07",
        "a metric's CSV": "/console/metric.csv?name=metric_07&dataset=metrics",
    }


def _findings(scale: Scale, measured: Measured, pages: dict[str, str]) -> Findings:
    found: dict[str, Any] = measured.found
    table = Figures(
        title=f"{scale.listed_files:,} files and {scale.history_days[1]} published days; medians of {_TIMES}",
        headings=("", "s", "which"),
        rows=tuple((title, found.get(title), path) for title, path in pages.items()),
    )
    return Findings(figures=[table], goals=[_goal(title, found.get(title), wrong([measured])) for title in pages])


def _goal(what: str, reached: float | None, note: str) -> Goal:
    return Goal(what=f"page: {what}", reached=reached, goal=_MOST, unit="s", is_most=True, note=note)
