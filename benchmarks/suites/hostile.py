"""What a hostile file costs: the slowest rows against clean ones of the same format, and small files made to become much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from benchmarks.attacks import ATTACKS, Attack
from benchmarks.goals import Goal
from benchmarks.measure import Contestant, Measured, compete
from benchmarks.samples import Layout, sample
from benchmarks.scale import Scale
from benchmarks.suites import Findings, Table
from benchmarks.suites.ingest import ours, wrong
from benchmarks.worst import WORST, Worst, worst_file

_LEAST: Final = 0.25
_MOST_MEMORY: Final = 700.0
_MOST_BYTES: Final = 12.0
"""A short record is written with its reasons and the names of its columns."""
_MOST_SECONDS: Final = 20.0
_MOST_WRITTEN: Final = 72.0
"""Mebibytes: the bound of rejected rows (contract section 5), and the last of them."""
_CLEAN: Final = "clean"
_LAYOUTS: Final[tuple[Layout, ...]] = ("ndjson", "csv", "parquet")


def measure(scale: Scale) -> Findings:
    """Each format with all that is slow in it in one run; shares of CPU time, which others on the machine disturb least."""
    found = Findings()
    rows: Mapping[str, int] = {"ndjson": scale.event_rows, "csv": scale.rows, "parquet": scale.rows}
    for layout in _LAYOUTS:
        cases = [each for each in WORST if each.layout == layout]
        spec = cases[0].clean(rows[layout])
        clean = replace(ours(spec, sample(spec)), title=_CLEAN)
        measured = compete(
            [clean, *(_contestant(each, rows[layout]) for each in cases)], scale.slow_runs, on_progress=scale.on_progress
        )
        found.tables.append(Table(title=f"slowest rows, {layout}", measured=tuple(measured), base=_CLEAN))
        for each in measured[1:]:
            found.goals += _goals(layout, each, measured[0])
    attacked = compete([_attack(each) for each in ATTACKS], scale.slow_runs, on_progress=scale.on_progress)
    found.tables.append(Table(title="small files made to become much", measured=tuple(attacked), base=ATTACKS[0].title))
    for each in attacked:
        found.goals += _bounds(each)
    return found


def _attack(attack: Attack) -> Contestant:
    task = {"path": str(attack.file()), "dataset": attack.dataset}
    return Contestant(title=attack.title, module="ours", task=task, rows=attack.rows, right=attack.right)


def _bounds(each: Measured) -> list[Goal]:
    out = each.found.get("bytes_out")
    written = None if out is None else out / 2**20
    note = wrong([each])
    return [
        Goal(what=f"{each.title}: seconds", reached=each.seconds, goal=_MOST_SECONDS, unit="s", is_most=True, note=note),
        Goal(what=f"{each.title}: peak memory", reached=each.peak_mib, goal=_MOST_MEMORY, unit="MiB", is_most=True),
        Goal(what=f"{each.title}: bytes out", reached=written, goal=_MOST_WRITTEN, unit="MiB", is_most=True),
    ]


def _contestant(worst: Worst, rows: int) -> Contestant:
    spec = worst.clean(rows)
    mine = ours(spec, sample(spec))
    rejected = worst.rejected(rows)
    return replace(
        mine,
        title=worst.title,
        task={**mine.task, "path": str(worst_file(worst, rows))},
        right={"read": rows, "accepted": rows - rejected, "rejected": rejected},
    )


def _goals(layout: str, each: Measured, clean: Measured) -> list[Goal]:
    what, note = f"{layout}, {each.title}", wrong([each])
    share = clean.cpu_seconds / each.cpu_seconds if clean.cpu_seconds and each.cpu_seconds else None
    out = each.found.get("bytes_out")
    grown = out / each.found["bytes_in"] if out is not None else None
    return [
        Goal(what=f"{what}: share of clean speed", reached=share, goal=_LEAST, unit="x", note=note),
        Goal(what=f"{what}: peak memory", reached=each.peak_mib, goal=_MOST_MEMORY, unit="MiB", is_most=True),
        Goal(what=f"{what}: bytes out for bytes in", reached=grown, goal=_MOST_BYTES, unit="x", is_most=True),
    ]
