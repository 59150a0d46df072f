"""Ingest of a local file against bare Polars and the peers, the same rows for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from benchmarks.flaws import Damage
from benchmarks.goals import Goal
from benchmarks.measure import Contestant, Measured, compete
from benchmarks.samples import Sample, SampleSpec, sample
from benchmarks.scale import Scale
from benchmarks.suites import Findings, Table

OURS: Final = "ours"
BASE: Final = "bare Polars"
_WARM_ROWS: Final = 1_000


def measure(scale: Scale) -> Findings:
    """Ratios for every layout and share of bad rows, then each peer on a file that it can read."""
    found = Findings()
    clean = SampleSpec(rows=scale.rows)
    events = SampleSpec(dataset="events", layout="ndjson", rows=scale.event_rows)
    against_bare = (
        ("clean CSV", clean, clean, 0.75),
        ("CSV, 0.1 % bad rows", replace(clean, bad=0.001), clean, 0.65),
        ("CSV, 5 % bad rows", replace(clean, bad=0.05), clean, 0.50),
        ("clean CSV.gz, against bare CSV", replace(clean, layout="csv.gz"), clean, 0.70),
        ("clean NDJSON events, against json_decode", events, events, 0.60),
        ("clean Parquet, against scan to sink", replace(clean, layout="parquet"), replace(clean, layout="parquet"), 0.60),
    )
    for title, spec, base, goal in against_bare:
        _against_bare(found, scale, title=title, spec=spec, base=base, goal=goal)
    for peer in _peers(scale):
        _against_peer(found, scale, peer)
    return found


def _against_bare(found: Findings, scale: Scale, *, title: str, spec: SampleSpec, base: SampleSpec, goal: float) -> None:
    # Bare Polars reads the clean twin: one ragged row, stray quote or bad byte would end its scan.
    mine, plain = sample(spec), sample(base)
    contestants = [ours(spec, mine), _bare(BASE, base, plain, {})]
    if spec.layout == "csv" and not spec.bad:
        contestants.append(_bare(f"{BASE}, its default codec", base, plain, {"codec": "zstd"}))
    measured = compete(contestants, scale.runs, on_progress=scale.on_progress)
    found.tables.append(Table(title=title, measured=tuple(measured), base=BASE, megabytes=plain.megabytes))
    reached = measured[0].speed_of(measured[1])
    found.goals.append(
        Goal(what=f"{title}: share of bare speed", reached=reached, goal=goal, unit="x", note=wrong(measured[:1]))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Peer:
    title: str
    module: str
    rows: int
    runs: int
    goal: float


def _peers(scale: Scale) -> tuple[_Peer, ...]:
    slow = scale.slow_runs
    return (
        _Peer(title="DuckDB store_rejects and SQL checks", module="duck", rows=scale.rows, runs=scale.runs, goal=1.5),
        _Peer(title="pandas and pandera", module="pandas_pandera", rows=scale.pandas_rows, runs=slow, goal=6.0),
        _Peer(title="Spark, local", module="spark", rows=scale.spark_rows, runs=slow, goal=10.0),
        _Peer(title="dlt with a pydantic model", module="dlt_pydantic", rows=scale.dlt_rows, runs=slow, goal=40.0),
    )


def _against_peer(found: Findings, scale: Scale, peer: _Peer) -> None:
    # Flaws of values alone: with stray quotes in it some peers lose rows, and others do not end at all.
    spec = SampleSpec(rows=peer.rows, bad=0.05, damage=Damage.VALUES)
    made = sample(spec)
    rival = Contestant(
        title=peer.title,
        module=peer.module,
        task={"path": str(made.path), **_warm(spec)},
        is_peer=True,
        rows=spec.rows,
        right={"accepted": made.expected.accepted},
    )
    measured = compete([ours(spec, made), rival], peer.runs, warm=peer.runs > scale.slow_runs, on_progress=scale.on_progress)
    title = f"{spec.rows:,} rows, 5 % with bad values: {peer.title}"
    found.tables.append(Table(title=title, measured=tuple(measured), base=peer.title, megabytes=made.megabytes))
    what = f"speed against {peer.title}, {spec.rows:,} rows, 5 % bad"
    reached = measured[0].speed_of(measured[1])
    found.goals.append(Goal(what=what, reached=reached, goal=peer.goal, unit="x", note=wrong(measured)))


def ours(spec: SampleSpec, made: Sample, **task: Any) -> Contestant:
    """Our ingest of a sample, held to its exact counts."""
    return Contestant(
        title=OURS,
        module="ours",
        task={"path": str(made.path), "dataset": spec.dataset, **_warm(spec), **task},
        rows=spec.rows,
        right=asdict(made.expected),
    )


def wrong(measured: Sequence[Measured]) -> str:
    """Who gave no figure, and who did not find what it must, in words; nothing when all did."""
    notes = [f"{each.title}: {each.note}" for each in measured if each.note]
    return "; ".join(notes + [f"{each.title}: wrong counts" for each in measured if each.exact is False])


def _bare(title: str, spec: SampleSpec, made: Sample, task: dict[str, Any]) -> Contestant:
    return Contestant(title=title, module="bare", task={"path": str(made.path), **_warm(spec), **task}, rows=spec.rows)


def _warm(spec: SampleSpec) -> dict[str, str]:
    return {"warm": str(sample(replace(spec, rows=_WARM_ROWS)).path)}
