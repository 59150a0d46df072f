"""The catalogue, as a person reads it on a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date
from typing import Any, Final

from processing.local.terminal import PlainTable, Terminal
from processing.publication.catalogue import DAY
from processing.views.catalogue import MetricSummary

_STEPS: Final = " .:-=+*#"
"""A trend in letters that every terminal has, from the least value to the largest; a blank stands for a day without rows."""
_FIGURES: Final = ("sum", "mean", "stddev", "min", "p50", "p90", "p99", "max")


def as_document(tree: Mapping[str, Any]) -> str:
    """Summaries and rows as one JSON text."""
    return json.dumps(tree, default=_json, ensure_ascii=False, allow_nan=False, indent=1)


def print_metrics_page(out: Terminal, found: Sequence[MetricSummary]) -> None:
    """Print a line for each metric and id type, those with the newest rows first."""
    if not found:
        out.line("no day with rows is published yet")
        return
    headings = ("metric", "kind", "id type", "first day", "last day", "units", "value", "14 days", "")
    out.table(PlainTable(headings=headings, numbers=frozenset({"units", "value"}), sections=[list(_lines(found))]))


def print_metric_page(out: Terminal, metric: MetricSummary, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print what its last published days say of a metric, the newest first."""
    silent = ", silent for more than two weeks" if metric.stale else ""
    out.line(f"{metric.dataset} {metric.name}: {metric.kind}, from {metric.first_day} to {metric.last_day}{silent}")
    for use in metric.experiments:
        out.line(f"  judges experiment {use.experiment}: {', '.join(use.groups)}")
    figures = ("units", "count", *_FIGURES)
    cells = [(str(row[DAY]), row["id_type"], *(_number(row[name]) for name in figures)) for row in rows]
    out.table(PlainTable(headings=("day", "id type", *figures), numbers=frozenset(figures), sections=[cells]))


def _lines(found: Sequence[MetricSummary]) -> Iterator[tuple[str, ...]]:
    for each in found:
        for own in each.id_types:
            days = (own.first_day.isoformat(), own.last_day.isoformat())
            stale = "stale" if each.stale else ""
            figures = (_number(own.units), _number(own.value), trend(own.trend), stale)
            yield each.name, each.kind, own.id_type, *days, *figures


def trend(values: Sequence[float | None]) -> str:
    """A letter for each day."""
    there = [each for each in values if each is not None]
    low, high = (min(there), max(there)) if there else (0.0, 0.0)
    last = len(_STEPS) - 1

    def step(value: float) -> int:
        if high == low:
            return last
        # Halved first: the difference of two finite numbers may lie beyond all floats.
        return 1 + round((value / 2 - low / 2) / (high / 2 - low / 2) * (last - 1))

    return "".join(" " if each is None else _STEPS[step(each)] for each in values)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _json(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.isoformat() if isinstance(value, date) else str(value)
