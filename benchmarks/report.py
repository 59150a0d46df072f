"""Findings as tables for people and as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.goals import Goal
from benchmarks.measure import Measured
from benchmarks.suites import Figures, Findings, Table

_LEFT = ("", "what", "note")


def print_findings(out: Console, findings: Findings) -> None:
    """Every table of a suite."""
    for table in findings.tables:
        out.print(_side_by_side(table))
    for figures in findings.figures:
        out.print(_as_they_are(figures))


def print_goals(out: Console, goals: Sequence[Goal]) -> None:
    """All goals: what was reached, and whether it is enough."""
    table = _headed("Goals", "what", "reached", "goal", "met", "note")
    for goal in goals:
        bound = f"{'<=' if goal.is_most else '>='} {_figure(goal.goal)} {goal.unit}"
        met = {True: "[green]yes[/]", False: "[red]no[/]", None: "-"}[goal.met]
        table.add_row(goal.what, f"{_figure(goal.reached)} {goal.unit}", bound, met, goal.note)
    out.print(table)


def write_json(path: Path, machine: dict[str, Any], findings: Findings) -> None:
    """One suite's findings with the facts of the machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    goals = [{**asdict(goal), "met": goal.met} for goal in findings.goals]
    document = {"machine": machine, "goals": goals, "tables": [asdict(table) for table in findings.tables]}
    document |= {"figures": [asdict(figures) for figures in findings.figures]} if findings.figures else {}
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")


def _as_they_are(figures: Figures) -> RichTable:
    table = RichTable(title=figures.title, title_justify="left")
    for column, heading in enumerate(figures.headings):
        is_text = all(isinstance(cell, str) for row in figures.rows for cell in row[column : column + 1])
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=not is_text)
    for row in figures.rows:
        table.add_row(*(each if isinstance(each, str) else _figure(each) for each in row))
    return table


def _side_by_side(table: Table) -> RichTable:
    shown = _headed(
        table.title,
        "",
        "work s",
        "process s",
        "CPU s",
        "peak MiB",
        "disk MiB",
        "rows/s",
        "MB/s",
        "speed",
        "runs",
        "exact",
        "note",
    )
    base = next((each for each in table.measured if each.title == table.base), None)
    for each in table.measured:
        shown.add_row(each.title, *_figures(each, base, table.megabytes))
    return shown


def _figures(each: Measured, base: Measured | None, megabytes: float | None) -> list[str]:
    seconds = each.seconds
    exact = {True: "yes", False: "[red]no[/]", None: ""}[each.exact]
    return [
        _figure(seconds),
        _figure(each.whole_seconds),
        _figure(each.cpu_seconds),
        _figure(each.peak_mib),
        "" if each.disk_mib is None else _figure(each.disk_mib),
        f"{each.rows / seconds:,.0f}" if seconds and each.rows else "",
        f"{megabytes / seconds:,.0f}" if seconds and megabytes else "",
        "" if base is None else _figure(each.speed_of(base)),
        str(each.runs),
        exact,
        each.note,
    ]


def _headed(title: str, *headings: str) -> RichTable:
    table = RichTable(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in _LEFT else "right", no_wrap=heading not in _LEFT)
    return table


def _figure(number: float | None) -> str:
    if number is None:
        return "-"
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.2f}" if number >= 0.1 else f"{number:.4f}"
