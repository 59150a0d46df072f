"""Many small customers on two instances: whether every timer's round is over before the next begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.goals import Goal
from benchmarks.measure import Contestant, compete
from benchmarks.scale import Scale
from benchmarks.suites import Figures, Findings
from benchmarks.suites.ingest import wrong
from processing.local.azurite.process import running_or_new

_MANY: Final = 1_000
"""Customers that the figures are drawn out to, by a straight line through those that were measured."""
_FILES: Final = 20
_INSTANCES: Final = 2
_PERIODS: Final[Mapping[str, tuple[float, int]]] = {
    "timer of days": (300.0, 1),
    "a sweep": (600.0, _INSTANCES),
    "a look": (3_600.0, _INSTANCES),
    "a night": (86_400.0, _INSTANCES),
    "a publication": (86_400.0, _INSTANCES),
}
"""Seconds in which a round must be over, and how many instances share it: the timer's own run is one."""


def measure(scale: Scale) -> Findings:
    """A quarter of the customers and all of them, so that what does not grow with their number is told apart."""
    numbers = (max(scale.customers // 4, 1), scale.customers)
    with running_or_new() as connection:
        contestants = [
            Contestant(
                title=f"{number} customers with {_FILES} files",
                module="fleet_job",
                task={"connection": connection, "customers": number, "files": _FILES},
                right={"published": number},
            )
            for number in numbers
        ]
        few, many = compete(contestants, 1, warm=False, on_progress=scale.on_progress)
    if note := wrong([few, many]):
        return Findings(goals=[_goal(round_, None, note) for round_ in _PERIODS])
    drawn = {round_: _drawn_out(round_, numbers, few.found, many.found) for round_ in _PERIODS}
    table = Figures(
        title=f"Rounds of all customers, seconds on one instance; {_MANY:,} drawn out",
        headings=("", *(f"{number:,}" for number in numbers), f"{_MANY:,}", "period", "share of it"),
        rows=tuple(
            (round_, few.found[round_], many.found[round_], drawn[round_], period, drawn[round_] / instances / period)
            for round_, (period, instances) in _PERIODS.items()
        ),
    )
    shares = {round_: drawn[round_] / instances / period for round_, (period, instances) in _PERIODS.items()}
    return Findings(figures=[table], goals=[_goal(round_, share) for round_, share in shares.items()])


def _drawn_out(round_: str, numbers: tuple[int, int], few: Mapping[str, Any], many: Mapping[str, Any]) -> float:
    each = (many[round_] - few[round_]) / (numbers[1] - numbers[0])
    return float(many[round_] + each * (_MANY - numbers[1]))


def _goal(round_: str, reached: float | None, note: str = "") -> Goal:
    what = f"{_MANY:,} customers on {_INSTANCES} instances, {round_}: share of its period"
    return Goal(what=what, reached=reached, goal=1.0, unit="x", is_most=True, note=note)
