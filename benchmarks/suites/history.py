"""What a customer of long standing costs beside a new one: requests and CPU of each job after 60 and after 400 days."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

from benchmarks.goals import Goal
from benchmarks.history.emulator import history_emulator
from benchmarks.history.jobs import BACKFILL_DAYS, BACKFILL_FILES, JOBS
from benchmarks.history.requests import Kind, total
from benchmarks.measure import Contestant, Measured, compete
from benchmarks.scale import Scale
from benchmarks.suites import Figures, Findings
from benchmarks.suites.ingest import wrong

_MOST_GROWTH: Final = 1.10
_FLAT: Final = ("sweep", "quiet look", "publication", "ingest")
"""Jobs that must not cost more with the history."""
_MOST_OF_INGEST: Final = 7
_MOST_STATE: Final = 200.0
_MOST_OF_DAYS: Final = 100
_MOST_OF_BACKFILL: Final = BACKFILL_DAYS * (BACKFILL_FILES + 150)
_ONCE: Final = ("housekeeping", "days table", "backfill")
"""Jobs that one round of shows enough."""
_A_PUBLICATION: Final = 2
"""Days that a round publishes: one to be warm, and the one that is measured."""

World = Mapping[str, Any]
"""What a task needs to find a world."""


def measure(scale: Scale) -> Findings:
    """Both worlds at once, so that their jobs take turns."""
    few, many = scale.history_days
    with ExitStack() as stack:
        worlds = [{"connection": stack.enter_context(history_emulator()).connection, "days": days} for days in (few, many)]
        filled = _fill(scale, worlds)
        if note := next((each.note for each in filled if each.note), ""):
            return Findings(goals=[Goal(what=f"costs at {many} days", reached=None, goal=_MOST_GROWTH, unit="x", note=note)])
        for world, made in zip(worlds, filled, strict=True):
            world["customer"] = made.found["customer"]
        jobs = {job: _job(scale, worlds, job) for job in JOBS}
    return _findings(scale, filled, jobs)


def _fill(scale: Scale, worlds: list[dict[str, Any]]) -> list[Measured]:
    # One more is left for the cut that stays open.
    more = {"files": scale.history_files, "open_days": scale.history_runs * _A_PUBLICATION + 1}
    contestants = [
        Contestant(title=f"{world['days']} days of history", module="history_fill", task={**world, **more}) for world in worlds
    ]
    return compete(contestants, 1, warm=False, on_progress=scale.on_progress)


def _job(scale: Scale, worlds: list[dict[str, Any]], job: str) -> list[Measured]:
    outcome = JOBS[job].outcome
    right = {"outcomes": [outcome]} if outcome is not None else {}
    contestants = [
        Contestant(title=f"{job}, {world['days']} days", module="history_job", task={**world, "job": job}, right=right)
        for world in worlds
    ]
    runs = 1 if job in _ONCE else scale.history_runs
    return compete(contestants, runs, warm=False, on_progress=scale.on_progress)


def _findings(scale: Scale, filled: list[Measured], jobs: Mapping[str, list[Measured]]) -> Findings:
    few, many = scale.history_days
    states = [made.found["state_bytes"] / 1_000 for made in filled]
    table = Figures(
        title=f"{few} and {many} days of history, {scale.history_files} files a day; each job once",
        headings=("", *_of_both("requests", few, many), "x", *_of_both("CPU s", few, many), "x", *_of_both("which", few, many)),
        rows=(
            *(_row(job, *measured) for job, measured in jobs.items()),
            ("state blob, KB", *states, _ratio(*states)),
        ),
    )
    ingest, days_table, backfill = jobs["ingest"][1], jobs["days table"][1], jobs["backfill"][0]
    return Findings(
        figures=[table],
        goals=[
            *(goal for job in _FLAT for goal in _flat(job, *jobs[job], days=(few, many))),
            _most(
                f"receive_file of a kilobyte at {many} days", requests_of(ingest), _MOST_OF_INGEST, "requests", wrong([ingest])
            ),
            _most(f"state blob at {many} days", states[1], _MOST_STATE, "KB"),
            _most(
                f"{BACKFILL_DAYS} days of {BACKFILL_FILES} files, marked at once",
                reads_of(backfill),
                _MOST_OF_BACKFILL,
                "reads",
                wrong([backfill]),
            ),
            _most(
                f"table days at {many} days, read by others", gets_of(days_table), _MOST_OF_DAYS, "GETs", wrong([days_table])
            ),
        ],
    )


def requests_of(measured: Measured) -> float | None:
    """Requests of one call; None when there is no figure."""
    return _per_call(measured, total(measured.found.get("requests", {})))


def gets_of(measured: Measured) -> float | None:
    """Those of one call that read a blob."""
    return _per_call(measured, measured.found.get("requests", {}).get(Kind.GET.value, 0))


def reads_of(measured: Measured) -> float | None:
    """Those of one call that read a blob, its properties or a listing."""
    requests = measured.found.get("requests", {})
    return _per_call(measured, sum(requests.get(kind.value, 0) for kind in (Kind.GET, Kind.HEAD, Kind.LIST)))


def cpu_of(measured: Measured) -> float | None:
    """CPU seconds of one call."""
    return _per_call(measured, measured.cpu_seconds)


def _of_both(what: str, few: int, many: int) -> tuple[str, str]:
    return f"{what}\n{few} d", f"{what}\n{many} d"


def _per_call(measured: Measured, figure: float | None) -> float | None:
    return None if figure is None or not measured.found else figure / measured.found["times"]


def _row(job: str, few: Measured, many: Measured) -> tuple[str | float | None, ...]:
    requests, cpu = [requests_of(each) for each in (few, many)], [cpu_of(each) for each in (few, many)]
    return (job, *requests, _ratio(*requests), *cpu, _ratio(*cpu), *(wrong([each]) or _kinds(each) for each in (few, many)))


def _kinds(measured: Measured) -> str:
    times = measured.found["times"]
    return ", ".join(f"{number / times:,.4g} {kind}" for kind, number in measured.found["requests"].items())


def _flat(job: str, few: Measured, many: Measured, *, days: tuple[int, int]) -> list[Goal]:
    what = f"{job} at {days[1]} days against {days[0]}"
    note = wrong([few, many])
    return [
        _most(f"{what}: requests", _ratio(requests_of(few), requests_of(many)), _MOST_GROWTH, "x", note),
        _most(f"{what}: CPU", _ratio(cpu_of(few), cpu_of(many)), _MOST_GROWTH, "x", note),
    ]


def _ratio(few: float | None, many: float | None) -> float | None:
    return many / few if few and many is not None else None


def _most(what: str, reached: float | None, goal: float, unit: str, note: str = "") -> Goal:
    return Goal(what=what, reached=reached, goal=goal, unit=unit, is_most=True, note=note)
