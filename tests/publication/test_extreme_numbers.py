"""Nothing in any table is ever NaN or infinite, and what floats can hold is right, for all finite doubles (contract 8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.publication import shuffle
from processing.publication.events import compute as event_publication
from processing.publication.metrics import values as metric_values
from tests.publication.test_metric_day import Row, compute
from tests.support import exact
from tests.support.days import computed, staged_part
from tests.support.soak import times

LARGEST = 1.7976931348623157e308
doubles = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, 1.0, 1e200, -1e200, 1e-200, 1.5e-200, 5e-324, -5e-324, 1e308, -1e308, LARGEST, -LARGEST]),
)
Parts = list[list[float]]


def value_rows(table: Sequence[float], number: int) -> list[Row]:
    return [(f"u{number}-{place}", "user_id", "m1", (value, None, None), False) for place, value in enumerate(table)]


@settings(max_examples=times(100))
@given(st.lists(st.lists(doubles, max_size=6), min_size=1, max_size=3), st.sampled_from([1, 2, 10**6]))
def test_totals_of_values_are_right_or_null(parts: Parts, in_memory: int) -> None:
    """In one bucket or in several, with the values of a metric at once or alone."""
    values = [value for table in parts for value in table]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle, "_ROWS_IN_MEMORY", in_memory)
        patch.setattr(metric_values, "_VALUES_AT_ONCE", in_memory)
        result, _, totals = compute([value_rows(table, number) for number, table in enumerate(parts)])
    if not values:
        return
    (row,) = totals.to_dicts()
    wide, largest = exact.size(values), max(abs(Fraction(value)) for value in values)
    expected = {
        "sum": (exact.total(values), wide),
        "mean": (exact.total(values) / len(values), wide / len(values)),
        "stddev": (exact.stddev(values), largest),
        "min": (Fraction(min(values)), Fraction(0)),
        "p50": (exact.percentile(values, 0.5), largest),
        "p90": (exact.percentile(values, 0.9), largest),
        "p99": (exact.percentile(values, 0.99), largest),
        "max": (Fraction(max(values)), Fraction(0)),
    }
    wrong = {name: row[name] for name, (figure, scale) in expected.items() if not exact.is_right(row[name], figure, scale)}
    assert not wrong
    beyond = [name for name, (figure, _) in expected.items() if figure is not None and row[name] is None]
    assert set(beyond) <= {"sum", "stddev"}, "the others lie among the values"
    assert result.overflowed == len(beyond)


def ratio_rows(table: Sequence[tuple[float, float]], number: int) -> list[Row]:
    return [(f"u{number}-{place}", "user_id", "m1", (None, *parts), False) for place, parts in enumerate(table)]


@settings(max_examples=times(100))
@given(st.lists(st.lists(st.tuples(doubles, doubles), max_size=6), min_size=1, max_size=3), st.sampled_from([1, 10**6]))
def test_totals_of_ratios_are_right_or_null(parts: list[list[tuple[float, float]]], in_memory: int) -> None:
    pairs = [pair for table in parts for pair in table]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle, "_ROWS_IN_MEMORY", in_memory)
        result, found, totals = compute([ratio_rows(table, number) for number, table in enumerate(parts)])
    if not pairs:
        return
    assert all_finite(found)
    assert all_finite(totals)
    (row,) = totals.to_dicts()
    uppers, lowers = [upper for upper, _ in pairs], [lower for _, lower in pairs]
    upper, lower = exact.total(uppers), exact.total(lowers)
    assert exact.is_right(row["numerator"], upper, exact.size(uppers))
    assert exact.is_right(row["denominator"], lower, exact.size(lowers))
    if abs(lower) * 10**3 > exact.size(lowers):
        # Where denominators do not cancel each other out, the quotient is as exact as the sums.
        assert exact.is_right(row["mean"], upper / lower, exact.size(uppers) * 10**3 / abs(lower))
    beyond = [row["numerator"] is None, row["denominator"] is None]
    assert sum(beyond) <= result.overflowed <= sum(row[name] is None for name in ("sum", "mean", "stddev", *FIGURES))


FIGURES = ("numerator", "denominator", "p50", "p90", "p99")


@settings(max_examples=times(100))
@given(st.lists(st.lists(doubles, max_size=6), min_size=1, max_size=3), st.sampled_from([1, 10**6]))
def test_sums_of_events_are_right_or_null(parts: Parts, at_once: int) -> None:
    values = [value for table in parts for value in table]
    schema = dict.fromkeys(("event_name", "event_value", "event_metadata", "user", "timeuuid"), pl.String)
    event = {
        "timestamp": datetime(2026, 11, 18, 9, tzinfo=UTC),
        "event_name": "view",
        "user": '{"userID":"u"}',
        "is_test": False,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_publication, "_ROWS_AT_ONCE", at_once)
        day = computed(
            Dataset.EVENTS,
            [
                staged_part(
                    number,
                    [event | {"event_value": repr(value)} for value in table],
                    {"timestamp": pl.Datetime("us", "UTC"), **schema, "is_test": pl.Boolean},
                )
                for number, table in enumerate(parts)
            ],
        )
    if not values:
        return
    (row,) = day.rows("metric_days")
    assert exact.is_right(row["sum"], exact.total(values), exact.size(values))
    (unit,) = day.rows("event_units")
    assert exact.is_right(unit["sum"], exact.total(values), exact.size(values))
    assert day.result.overflowed == (row["sum"] is None) + (unit["sum"] is None)


def all_finite(frame: pl.DataFrame) -> bool:
    """Whether every number of a table is finite or null."""
    figures = frame.select(pl.selectors.float())
    return all(math.isfinite(value) for row in figures.iter_rows() for value in row if value is not None)


def test_what_was_infinite_is_the_figure_that_it_is() -> None:
    _, _, totals = compute([value_rows([1e200, -1e200], 0)])
    (row,) = totals.to_dicts()
    assert row["stddev"] == pytest.approx(1.4142135623730951e200)
    result, _, totals = compute([value_rows([1e308, 1e308, -1e308], 0)])
    (row,) = totals.to_dicts()
    assert (row["sum"], row["mean"]) == (pytest.approx(1e308), pytest.approx(1e308 / 3))
    assert result.overflowed == 0
    result, _, totals = compute([value_rows([1e308, 1e308], 0)])
    (row,) = totals.to_dicts()
    assert (row["sum"], row["mean"], row["p50"]) == (None, 1e308, 1e308)
    assert result.overflowed == 1
