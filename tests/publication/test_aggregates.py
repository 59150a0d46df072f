"""Raw facts: all rows of a unit come to one, however they were put together on the way (contract section 4)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.publication.compute_day import compute_day
from processing.publication.metrics import aggregates, transforms
from processing.publication.metrics.codes import MetricCodes
from processing.publication.model import DayRequest, DayResult
from tests.support.days import DAY, Emitted, staged_part

SCHEMA = {
    "unit_id": pl.String,
    "id_type": pl.String,
    "date": pl.Date,
    "metric_name": pl.String,
    "metric_value": pl.Float64,
    "numerator": pl.Float64,
    "denominator": pl.Float64,
    "is_test": pl.Boolean,
}
Fact = tuple[str, str, float | None, float | None, float | None]
"""Unit, metric, value, numerator, denominator."""


def day_of(
    parts: list[list[Fact]],
    *,
    how: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
    ratios_before: tuple[str, ...] = (),
) -> tuple[DayResult, list[dict[str, Any]]]:
    """The publication of these parts and the rows of `metric_rows`, by unit and metric."""
    inputs = [
        staged_part(
            order, [dict(zip(SCHEMA, (u, "user_id", DAY, m, v, n, d, False), strict=True)) for u, m, v, n, d in rows], SCHEMA
        )
        for order, rows in enumerate(parts)
    ]
    request = DayRequest(
        dataset=Dataset.METRICS,
        day=DAY,
        file_prefix="p",
        ratios_before=ratios_before,
        aggregates=how or {},
        kinds=kinds or {},
    )
    with TemporaryDirectory() as scratch:
        emitted = Emitted(Path(scratch))
        result = compute_day(request, inputs, Path(scratch), emitted.take)
    found = [pl.read_parquet(io.BytesIO(data)) for name, data in emitted.files.items() if name.startswith("metric_rows/")]
    rows = pl.concat(found).sort("unit_id", "metric_name").to_dicts() if found else []
    return result, rows


FACTS: list[list[Fact]] = [
    [("u", "m", 1.0, None, None), ("u", "m", 4.0, None, None), ("v", "m", -2.0, None, None)],
    [("u", "m", 1.0, None, None)],
]


@pytest.mark.parametrize(
    ("how", "u", "v"), [("sum", 6.0, -2.0), ("count", 3.0, 1.0), ("min", 1.0, -2.0), ("max", 4.0, -2.0), ("mean", 2.0, -2.0)]
)
def test_all_rows_of_a_unit_come_to_one_and_none_is_superseded(how: str, u: float, v: float) -> None:
    result, rows = day_of(FACTS, how={"m": how})
    assert [(row["unit_id"], row["metric_value"], row["value"]) for row in rows] == [("u", u, u), ("v", v, v)]
    assert (result.rows, result.superseded, result.merged) == (2, 0, 2)


def test_a_metric_that_the_config_does_not_name_keeps_its_last_row() -> None:
    result, rows = day_of([[*FACTS[0], ("u", "n", 5.0, None, None), ("u", "n", 7.0, None, None)]], how={"m": "sum"})
    assert {(row["unit_id"], row["metric_name"]): row["value"] for row in rows} == {
        ("u", "m"): 5.0,
        ("v", "m"): -2.0,
        ("u", "n"): 7.0,
    }
    assert (result.superseded, result.merged) == (1, 1)


@pytest.mark.parametrize(("how", "upper", "lower"), [("sum", 4.0, 8.0), ("mean", 2.0, 4.0)])
def test_the_parts_of_ratios_are_put_together_each_and_one_part_alone_is_none(how: str, upper: float, lower: float) -> None:
    facts: list[Fact] = [("u", "r", None, 1.0, 2.0), ("u", "r", 9.0, 5.0, None), ("u", "r", None, 3.0, 6.0)]
    result, (row,) = day_of([facts], how={"r": how})
    assert (row["numerator"], row["denominator"], row["value"]) == (upper, lower, 0.5)
    assert result.ratios == ("r",)


def test_a_sum_beyond_all_floats_is_no_value() -> None:
    _, (row,) = day_of([[("u", "m", 1.7e308, None, None), ("u", "m", 1.7e308, None, None)]], how={"m": "sum"})
    assert (row["metric_value"], row["value"]) == (None, None)


def test_a_pinned_kind_holds_whatever_rows_and_earlier_days_show() -> None:
    facts: list[Fact] = [("u", "m", 3.0, 1.0, 2.0)]
    result, (row,) = day_of([facts], kinds={"m": "value"}, ratios_before=("m",))
    assert (row["value"], result.ratios) == (3.0, ())
    result, (row,) = day_of([[("u", "m", 3.0, None, None)]], kinds={"m": "ratio"})
    assert (row["value"], result.ratios) == (None, ())


whole = st.integers(-(2**30), 2**30).map(float)
facts = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["m", "n"]), whole), min_size=1, max_size=40)


@given(facts, st.integers(1, 5))
def test_raw_facts_and_rows_of_unit_and_day_give_the_same_rows_to_the_bit(
    rows: list[tuple[str, str, float]], parts: int
) -> None:
    raw: list[list[Fact]] = [[(u, m, v, None, None) for u, m, v in rows[n::parts]] for n in range(parts)]
    sums: dict[tuple[str, str], float] = {}
    for unit, metric, value in rows:
        sums[unit, metric] = sums.get((unit, metric), 0.0) + value
    by_day: list[Fact] = [(unit, metric, value, None, None) for (unit, metric), value in sums.items()]
    assert day_of(raw, how={"m": "sum", "n": "sum"})[1] == day_of([by_day])[1]


@given(facts, st.integers(0, 40), st.sampled_from(["sum", "count", "min", "max", "mean"]))
def test_what_is_put_together_first_makes_no_difference(rows: list[tuple[str, str, float]], at: int, how: str) -> None:
    """A bucket that outgrows its share is put together before all of it is there."""
    frame = pl.DataFrame([(u, "user_id", DAY, m, v, None, None, False) for u, m, v in rows], schema=SCHEMA, orient="row")
    coded = MetricCodes().coded(aggregates.with_operations(transforms.result_rows(frame), {"m": how}))
    squeezed = pl.concat([aggregates.put_together(coded.head(at)), coded.slice(at)])
    once, twice = (aggregates.finished(aggregates.put_together(each)) for each in (coded, squeezed))
    key = ["unit_id", "__metric"]
    assert once[0].sort(key).equals(twice[0].sort(key))
    assert once[1] == twice[1]
