"""Days of experiment results: totals of units, whatever the path to them, and what the groups come to (contract 8)."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.publication.experiments import buckets
from processing.publication.experiments.compute import ResultSources, compute_result_day
from processing.publication.model import DayRequest, DayResult
from schemas.experiments import ExperimentConfig
from tests.support.soak import times

FIRST = date(2026, 11, 10)
UNITS = [f"u{number:02d}" for number in range(24)]
GROUPS = ("control", "blue", "green")
SEEDS = st.integers(0, 2**16)
SIZES = st.sampled_from([5, 10_000])
"""Rows of a bucket: several buckets or one."""
Row = dict[str, Any]


@dataclass(slots=True)
class World:
    """What other streams published, by day, and what results left."""

    exposures: defaultdict[date, list[Row]] = field(default_factory=lambda: defaultdict(list))
    metrics: defaultdict[date, list[Row]] = field(default_factory=lambda: defaultdict(list))
    events: defaultdict[date, list[Row]] = field(default_factory=lambda: defaultdict(list))
    left: dict[tuple[str, date], list[bytes]] = field(default_factory=dict)

    def expose(self, day: date, unit: str, group: str, experiment: str = "button") -> None:
        self.exposures[day].append({"experiment": experiment, "id_type": "user_id", "unit_id": unit, "group_id": group})

    def value(self, day: date, unit: str, value: float, metric: str = "revenue") -> None:
        self.metrics[day].append({"unit_id": unit, "id_type": "user_id", "metric_name": metric, "metric_value": value})

    def ratio(self, day: date, unit: str, upper: float, lower: float, metric: str = "share") -> None:
        self.metrics[day].append(
            {"unit_id": unit, "id_type": "user_id", "metric_name": metric, "numerator": upper, "denominator": lower}
        )

    def event(self, day: date, unit: str, count: int, total: float | None, name: str = "click") -> None:
        self.events[day].append({"unit_id": unit, "id_type": "user_id", "event_name": name, "count": count, "sum": total})

    def files_of(self, table: str, day: date) -> Iterator[bytes]:
        if table == "_exposed_units" and self.exposures[day]:
            rows: dict[tuple[str, str], list[str]] = defaultdict(list)
            for each in self.exposures[day]:
                rows[each["experiment"], each["unit_id"]].append(each["group_id"])
            yield parquet(
                {
                    "experiment": experiment,
                    "id_type": "user_id",
                    "unit_id": unit,
                    "group_id": groups[0],
                    "least_group": min(groups),
                    "greatest_group": max(groups),
                }
                for (experiment, unit), groups in rows.items()
            )
        if table == "metric_rows" and self.metrics[day]:
            yield parquet({"metric_value": None, "numerator": None, "denominator": None, **each} for each in self.metrics[day])
        if table == "event_units" and self.events[day]:
            yield parquet(self.events[day])


def parquet(rows: Iterable[Row]) -> bytes:
    numbers = ("metric_value", "numerator", "denominator", "sum")
    found = io.BytesIO()
    frame = pl.DataFrame(list(rows), infer_schema_length=None)
    frame.cast({name: pl.Float64 for name in numbers if name in frame.columns}).write_parquet(found)
    return found.getvalue()


def results(
    world: World,
    day: date,
    experiments: Mapping[str, ExperimentConfig],
    scratch: Path,
    *,
    resumed: bool = False,
    ratios: tuple[str, ...] = ("share",),
) -> list[Row]:
    """The rows of a day; what it leaves is kept in the world."""
    files: dict[str, bytes] = {}

    def emit(name: str) -> None:
        files[name] = (scratch / name).read_bytes()
        (scratch / name).unlink()

    request = DayRequest(dataset=Dataset.EXPERIMENTS, day=day, file_prefix="00000001-00000001-abcd", ratios_before=())
    sources = ResultSources(
        experiments=experiments,
        resumed=frozenset(experiments) if resumed else frozenset(),
        since=FIRST,
        files_of=world.files_of,
        left=lambda table, before: world.left.get((table, before), []),
        rows=35,
        ratios=ratios,
    )
    scratch.mkdir(parents=True, exist_ok=True)
    found: DayResult = compute_result_day(request, sources, scratch, emit)
    for output in found.kept:
        world.left[output.table, day] = [files[f"{output.table}/{file.path}"] for file in output.files]
    (output,) = found.outputs
    frames = [pl.read_parquet(files[f"{output.table}/{file.path}"]) for file in output.files]
    return pl.concat(frames).to_dicts() if frames else []


def of(rows: list[Row], metric: str, group: str, kind: str | None = None) -> Row:
    (row,) = (
        each for each in rows if each["metric_name"] == metric and each["group_id"] == group and kind in (None, each["kind"])
    )
    return row


def a_world(seed: int, days: int = 6) -> World:
    """Units that are exposed on some day or before there are rows, again or to another group, and that come to something."""
    random, world = Random(seed), World()
    for unit in UNITS:
        groups = random.sample(GROUPS, 2) if random.random() < 0.2 else [random.choice(GROUPS)] * 2
        for group in groups:
            world.expose(FIRST + timedelta(days=random.randrange(days)), unit, group)
        for number in range(-8, days):
            day = FIRST + timedelta(days=number)
            if random.random() < 0.7:
                world.value(day, unit, random.choice([0.0, 1.5, -2.0, 40.0, random.gauss(10, 3)]))
            if random.random() < 0.7:
                world.ratio(day, unit, random.randrange(5), random.randrange(4))
            if random.random() < 0.7:
                world.event(day, unit, random.randrange(1, 5), random.choice([None, 2.5, -1.0]))
    return world


def totals_by_hand(world: World, day: date, cuped_days: int) -> dict[str, dict[tuple[str, str], tuple[float, ...]]]:
    """By kind: (unit, group) to its four numbers, with numpy's quantiles left out."""
    groups: dict[str, set[str]] = defaultdict(set)
    first: dict[str, tuple[date, str]] = {}
    for its in sorted(each for each in world.exposures if each <= day):
        for row in world.exposures[its]:
            groups[row["unit_id"]].add(row["group_id"])
            first.setdefault(row["unit_id"], (its, row["group_id"]))
    found: dict[str, dict[tuple[str, str], tuple[float, ...]]] = defaultdict(dict)
    for unit, (begun, group) in ((unit, each) for unit, each in first.items() if len(groups[unit]) == 1):
        sums: dict[str, list[float]] = {kind: [0.0] * 4 for kind in ("value", "ratio", "event_count", "event_sum")}
        for its in {*world.metrics, *world.events}:
            if begun <= its <= day:
                add_by_hand(world, its, unit, sums, 0)
            elif begun - timedelta(days=cuped_days) <= its < begun:
                add_by_hand(world, its, unit, sums, 2)
        for kind, numbers in sums.items():
            if kind != "ratio" or numbers[1]:
                found[kind][unit, group] = tuple(numbers)
    return found


def add_by_hand(world: World, day: date, unit: str, sums: dict[str, list[float]], place: int) -> None:
    for row in (each for each in world.metrics[day] if each["unit_id"] == unit):
        if "metric_value" in row:
            sums["value"][place] += row["metric_value"]
        else:
            sums["ratio"][place] += row["numerator"]
            sums["ratio"][place + 1] += row["denominator"]
    for row in (each for each in world.events[day] if each["unit_id"] == unit):
        sums["event_count"][place] += row["count"]
        sums["event_sum"][place] += row["sum"] or 0.0


@given(
    seed=st.integers(0, 2**16),
    through=st.integers(0, 5),
    cuped_days=st.sampled_from([0, 3, 7]),
    size=st.sampled_from([5, 10_000]),
)
@settings(max_examples=times(12))
def test_the_units_come_to_what_they_do_by_hand(
    seed: int, through: int, cuped_days: int, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Day after day, in one bucket or in many, and at once from the rows of all days: the same to the last digits."""
    world, day = a_world(seed), FIRST + timedelta(days=through)
    experiments = {"button": ExperimentConfig(winsorize=1, cuped_days=cuped_days)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "_ROWS_OF_A_BUCKET", size)
        scratch = tmp_path_factory.mktemp("results")
        for number in range(through + 1):
            now = FIRST + timedelta(days=number)
            rows = results(world, now, experiments, scratch / f"day{number}", resumed=number > 0)
        anew = results(world, day, experiments, scratch / "anew")
    expected = totals_by_hand(world, day, cuped_days)
    assert [strip(row) for row in anew] == [pytest.approx(strip(row), rel=1e-9, abs=1e-9) for row in rows]
    for row in rows:
        numbers = np.array([each for (_, group), each in expected[row["kind"]].items() if group == row["group_id"]])
        assert row["units"] == len(numbers)
        if len(numbers) < 2:
            continue
        if row["kind"] == "ratio":
            assert row["mean"] == pytest.approx(numbers[:, 0].sum() / numbers[:, 1].sum())
            assert row["denominator"] == pytest.approx(numbers[:, 1].sum())
        else:
            assert row["mean"] == pytest.approx(numbers[:, 0].mean(), abs=1e-9)
            assert row["stddev"] == pytest.approx(numbers[:, 0].std(ddof=1), abs=1e-9)
        assert row["total"] == pytest.approx(numbers[:, 0].sum(), abs=1e-9)


def strip(row: Row) -> Row:
    return {name: value for name, value in row.items() if not isinstance(value, str | bool) and value is not None}


@given(seed=SEEDS, share=st.sampled_from([0.9, 0.95, 0.999]), size=SIZES)
@settings(max_examples=times(12))
def test_totals_are_cut_off_where_numpy_finds_the_quantiles(
    seed: int, share: float, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world, day = a_world(seed), FIRST + timedelta(days=5)
    experiments = {"button": ExperimentConfig(winsorize=share, cuped_days=0)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "_ROWS_OF_A_BUCKET", size)
        rows = results(world, day, experiments, tmp_path_factory.mktemp("results"))
    expected = totals_by_hand(world, day, 0)
    for row in (each for each in rows if each["kind"] != "ratio"):
        totals = np.array([each[0] for each in expected[row["kind"]].values()])
        known = totals[totals != 0]
        low, high = np.quantile(known, [1 - share, share])
        own = np.array([each[0] for (_, group), each in expected[row["kind"]].items() if group == row["group_id"]])
        assert row["total"] == pytest.approx(np.clip(own, min(low, 0), max(high, 0)).sum(), abs=1e-9)


def test_an_event_without_numbers_has_no_sums_to_compare(tmp_path: Path) -> None:
    world = World()
    for place, unit in enumerate(UNITS):
        world.expose(FIRST, unit, GROUPS[place % 2])
        world.event(FIRST, unit, place, None, "view")
        world.event(FIRST, unit, place, 2.0 * place, "buy")
    rows = results(world, FIRST, {"button": ExperimentConfig()}, tmp_path)
    assert {(row["metric_name"], row["kind"]) for row in rows} == {
        ("view", "event_count"),
        ("buy", "event_count"),
        ("buy", "event_sum"),
    }


def test_control_is_found_by_its_name_or_named_and_everything_is_finite(tmp_path: Path) -> None:
    world = World()
    for place, unit in enumerate(UNITS):
        world.expose(FIRST, unit, ("OFF", "on")[place % 2])
        world.value(FIRST, unit, 1e300 * (place % 3), "huge")
        world.value(FIRST, unit, 4.0, "same")
        world.ratio(FIRST, unit, 1.0, 0.0)
    rows = results(world, FIRST, {"button": ExperimentConfig(sequential=True)}, tmp_path / "found")
    assert [row["is_control"] for row in rows] == [True, False] * 2, "a ratio without denominators has no rows"
    assert of(rows, "same", "on")["note"].startswith("no_variance")
    assert "overflow" in of(rows, "huge", "on")["note"]
    numbers = [value for row in rows for value in row.values() if isinstance(value, float)]
    assert all(np.isfinite(numbers))
    rows = results(world, FIRST, {"button": ExperimentConfig(control="no")}, tmp_path / "named")
    assert {row["note"].partition(", ")[0] for row in rows} == {"no_control"}
    assert {row["delta"] for row in rows} == {None}
