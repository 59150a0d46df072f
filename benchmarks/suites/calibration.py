"""Whether what experiments are told is true: simulated ones, of which the truth is known, against what is promised."""

from __future__ import annotations

from typing import Final

from benchmarks.goals import Goal
from benchmarks.scale import Scale
from benchmarks.simulated import (
    CORRELATION,
    DAYS,
    MEANS,
    RATIOS,
    Truth,
    alarms_of_growing_totals,
    alarms_of_new_units,
    coverage,
    distance_from_uniform,
    flagged,
    narrowing,
)
from benchmarks.suites import Figures, Findings

_PROMISED: Final = 95.0
_OFF: Final = 0.5
"""Points that a share of intervals may be off."""
_UNIFORM: Final = 1.63
"""Over the root of their number: what the distance of p-values without effect exceeds once in a hundred times."""
_ALARMS: Final = 0.05
_FAIR: Final = 0.002
_SEEDS: Final = {"means": 1, "ratios": 2, "narrowing": 3, "new units": 4, "growing totals": 5, "split": 6}


def measure(scale: Scale) -> Findings:
    """Everything by fixed seeds, a quarter of the experiments where their totals grow."""
    found = Findings()
    rows: list[tuple[str | float | None, ...]] = []
    for name, truth in (("means", MEANS), ("ratios", RATIOS)):
        scale.on_progress(f"intervals of {name}")
        figures, goals = _intervals(name, truth, scale.experiments)
        rows += figures
        found.goals += goals
    found.figures.append(
        Figures(title=f"{scale.experiments:,} experiments of each kind", headings=("", "reached", "promised"), rows=tuple(rows))
    )
    scale.on_progress("CUPED, looks and splits")
    found.goals += [*_cuped(scale.experiments), *_splits(scale.experiments)]
    looks, goals = _looks(scale.experiments)
    found.figures.append(_table_of_looks(looks))
    found.goals += goals
    return found


def _table_of_looks(rows: list[tuple[str | float | None, ...]]) -> Figures:
    """Beside the always-valid interval the fixed one, which says what looking every day does to it."""
    return Figures(
        title=f"Experiments without effect, {DAYS} daily looks: % that raise an alarm",
        headings=("", "always-valid interval", "fixed interval"),
        rows=tuple(rows),
    )


def _intervals(name: str, truth: Truth, experiments: int) -> tuple[list[tuple[str | float | None, ...]], list[Goal]]:
    seen = coverage(truth, experiments, _SEEDS[name])
    shares = {
        "delta": seen.delta,
        "lift": seen.lift,
        "delta with CUPED": seen.cuped_delta,
        "lift with CUPED": seen.cuped_lift,
    }
    rows: list[tuple[str | float | None, ...]] = []
    goals = []
    for figure, share in shares.items():
        rows.append((f"{name}: intervals of {figure} that hold it, %", 100 * share, _PROMISED))
        what = f"{name}: intervals of {figure} that hold it, off {_PROMISED:.0f} %"
        goals.append(Goal(what=what, reached=abs(100 * share - _PROMISED), goal=_OFF, unit="points", is_most=True))
    for figure, p_values in (("p-values", seen.p_values), ("p-values with CUPED", seen.cuped_p_values)):
        reached, goal = distance_from_uniform(p_values), _UNIFORM / p_values.size**0.5
        what = f"{name}: {figure} without effect, distance from uniform"
        goals.append(Goal(what=what, reached=reached, goal=goal, unit="", is_most=True))
    return rows, goals


def _cuped(experiments: int) -> list[Goal]:
    seen, theory = narrowing(experiments, _SEEDS["narrowing"]), (1 - CORRELATION**2) ** 0.5
    off = abs(seen.width / theory - 1)
    return [
        Goal(what="CUPED: width of the interval, off the theory", reached=off, goal=0.005, unit="x", is_most=True),
        Goal(
            what="CUPED: variance_reduction, off the theory",
            reached=abs(seen.reduction - CORRELATION**2),
            goal=0.005,
            unit="",
            is_most=True,
        ),
        Goal(what="CUPED: delta moved by", reached=abs(seen.bias), goal=3.0, unit="standard errors", is_most=True),
    ]


def _looks(experiments: int) -> tuple[list[tuple[str | float | None, ...]], list[Goal]]:
    rows: list[tuple[str | float | None, ...]] = []
    goals = []
    for name, (always, fixed) in (
        ("new units", alarms_of_new_units(experiments, _SEEDS["new units"])),
        ("growing totals", alarms_of_growing_totals(-(-experiments // 4), _SEEDS["growing totals"])),
    ):
        rows.append((name, 100 * always, 100 * fixed))
        what = f"{DAYS} looks at {name} without effect: share of false alarms"
        goals.append(Goal(what=what, reached=always, goal=_ALARMS, unit="", is_most=True))
    return rows, goals


def _splits(experiments: int) -> list[Goal]:
    seed = _SEEDS["split"]
    return [
        Goal(
            what="splits of 50.5 to 49.5 of a million that are flagged", reached=flagged(0.505, 1_000, seed), goal=1.0, unit=""
        ),
        Goal(what="fair splits that are flagged", reached=flagged(0.5, experiments, seed), goal=_FAIR, unit="", is_most=True),
    ]
