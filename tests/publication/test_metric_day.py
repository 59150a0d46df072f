"""A day of metrics: duplicates removed, ratios found, sums right, whatever the parts and their order (contract 4 and 8)."""

from __future__ import annotations

import io
import math
import statistics
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.publication import shuffle
from processing.publication.compute_day import compute_day
from processing.publication.metrics import compute as metric_publication
from processing.publication.metrics import shares as metric_shares
from processing.publication.metrics import values as metric_values
from processing.publication.model import DayInput, DayRequest, DayResult
from tests.support.days import Emitted
from tests.support.soak import times

DAY = date(2026, 11, 18)
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
amounts = st.integers(-100, 100).map(float)
rows = st.tuples(
    st.sampled_from(["u1", "u2", "u3"]),
    st.sampled_from(["user_id", "device"]),
    st.sampled_from(["m1", "m2"]),
    st.one_of(
        st.tuples(amounts, st.none(), st.none()), st.tuples(st.none(), amounts, amounts), st.tuples(amounts, amounts, amounts)
    ),
    st.booleans(),
)
Row = tuple[str, str, str, tuple[float | None, float | None, float | None], bool]


def compute(parts: list[list[Row]], before: tuple[str, ...] = ()) -> tuple[DayResult, pl.DataFrame, pl.DataFrame]:
    def part(order: int, table: list[Row]) -> DayInput:
        frame = pl.DataFrame(
            [(unit, kind, DAY, metric, *value, test) for unit, kind, metric, value, test in table],
            schema=SCHEMA,
            orient="row",
        )
        data = io.BytesIO()
        frame.write_parquet(data)
        return DayInput(order=order, size=len(data.getvalue()), read=data.getvalue)

    with tempfile.TemporaryDirectory() as scratch:
        request = DayRequest(dataset=Dataset.METRICS, day=DAY, file_prefix="p", ratios_before=before)
        emitted = Emitted(Path(scratch))
        result = compute_day(request, [part(order, table) for order, table in enumerate(parts)], Path(scratch), emitted.take)
        tables = {
            output.table: [pl.read_parquet(emitted.files[f"{output.table}/{file.path}"]) for file in output.files]
            for output in result.outputs
        }
    found, totals = (pl.concat(tables[name]) if tables[name] else pl.DataFrame() for name in ("metric_rows", "metric_days"))
    return result, found, totals


@settings(max_examples=times(200))
@given(
    st.lists(st.lists(rows, max_size=12), max_size=4),
    st.sampled_from([(), ("m2",)]),
    st.sampled_from([1, 5, 10**6]),
    st.sampled_from([None, 12, 60, 10**6]),
    st.booleans(),
)
def test_a_day_is_what_a_plain_loop_makes_of_it(
    parts: list[list[Row]], before: tuple[str, ...], in_memory: int, share: int | None, beside: bool
) -> None:
    """However many rows are held in memory, however large the shares of a large day, in one thread or in several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle, "_ROWS_IN_MEMORY", in_memory)
        patch.setattr(metric_values, "_VALUES_AT_ONCE", in_memory)
        patch.setattr(metric_publication, "_ALONE", 0 if beside else 10**9)
        if share is not None:
            patch.setattr(metric_publication, "AT_ONCE", 0)
            patch.setattr(metric_shares, "_BYTES_IN_SHARE", share)
        result, found, totals = compute(parts, before)

    last = {(unit, kind, metric): value for table in parts for unit, kind, metric, value, test in table if not test}
    ratios = {metric for (_, _, metric), (_, upper, lower) in last.items() if upper is not None and lower is not None}
    assert set(result.ratios) == ratios
    ratios |= set(before)

    def value_of(metric: str, value: tuple[float | None, float | None, float | None]) -> float | None:
        if metric not in ratios:
            return value[0]
        return value[1] / value[2] if value[1] is not None and value[2] else None

    expected = {key: (*value, value_of(key[2], value)) for key, value in last.items()}
    rows = {(row["unit_id"], row["id_type"], row["metric_name"]): row for row in (found.to_dicts() if last else [])}
    names = ("metric_value", "numerator", "denominator", "value")
    assert {key: tuple(row[name] for name in names) for key, row in rows.items()} == expected
    assert result.rows == len(last) == found.height
    assert result.test_rows == sum(test for table in parts for *_, test in table)
    assert sum(result.input_rows) == sum(map(len, parts)) == result.rows + result.superseded + result.test_rows
    assert result.input_rows == tuple(map(len, parts))

    for row in totals.to_dicts() if last else []:
        mine = [value for key, value in expected.items() if key[1:] == (row["id_type"], row["metric_name"])]
        check_totals(row, mine, is_ratio=row["metric_name"] in ratios)
    assert totals.height == len({key[1:] for key in expected})


def check_totals(row: dict[str, Any], mine: Sequence[tuple[float | None, ...]], *, is_ratio: bool) -> None:
    values = sorted(value[3] for value in mine if value[3] is not None)
    both = [(upper, lower) for _, upper, lower, _ in mine if upper is not None and lower is not None]
    assert row["kind"] == ("ratio" if is_ratio else "value")
    assert row["units"] == len(values)
    assert close(row["sum"], sum(values))
    assert close(row["min"], values[0] if values else None)
    assert close(row["max"], values[-1] if values else None)
    assert close(row["p50"], statistics.median(values) if values else None)
    assert close(row["stddev"], statistics.stdev(values) if len(values) > 1 else None)
    assert close(row["numerator"], sum(upper for upper, _ in both) if both else None)
    assert close(row["denominator"], sum(lower for _, lower in both) if both else None)
    lower = sum(lower for _, lower in both)
    ratio = sum(upper for upper, _ in both) / lower if lower else None
    assert close(row["mean"], ratio if is_ratio else (statistics.fmean(values) if values else None))


def close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def test_a_day_without_rows_has_no_files() -> None:
    result, _, _ = compute([])
    assert [output.files for output in result.outputs] == [(), ()]
    assert (result.rows, result.superseded) == (0, 0)


def test_statistics_are_true_bounds() -> None:
    long = "z" * 100
    result, _, _ = compute(
        [[(long, "user_id", "m1", (1.0, None, None), False), ("a", "user_id", "m1", (3.0, None, None), False)]]
    )
    (file,) = result.outputs[0].files
    assert '"numRecords": 2' in file.statistics
    assert long not in file.statistics
    assert '"minValues": {"id_type": "user_id", "metric_name": "m1", "metric_value": 1.0' in file.statistics
    assert '"nullCount": {"unit_id": 0' in file.statistics
