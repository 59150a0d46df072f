"""Casts from typed sources: what fits keeps its value, what does not becomes null, and everything has a text."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.frames.casts import TYPE_HINTS, as_text, cast_text, cast_value

_LATE = datetime(2026, 1, 1, 3, 0, 0, 400, tzinfo=UTC)
_NEW_YORK = pl.Datetime("us", "America/New_York")


def _cast(value: Any, source: pl.DataType, target: pl.DataType) -> Any:
    series = pl.Series("v", [value], dtype=source)
    result = series.to_frame().select(cast_value(pl.col("v"), source, target).alias("r")).to_series()
    assert result.dtype == target
    return result.item()


@pytest.mark.parametrize(
    ("value", "source", "text"),
    [
        ("as it is", pl.String(), "as it is"),
        (True, pl.Boolean(), "true"),
        (False, pl.Boolean(), "false"),
        (-12, pl.Int64(), "-12"),
        (2**64 - 1, pl.UInt64(), "18446744073709551615"),
        (12.0, pl.Float64(), "12"),
        (-0.0, pl.Float64(), "0"),
        (1e16, pl.Float64(), "10000000000000000"),
        (0.1, pl.Float64(), "0.1"),
        (float("nan"), pl.Float64(), "NaN"),
        (float("inf"), pl.Float64(), "inf"),
        (Decimal("12.50"), pl.Decimal(10, 2), "12.50"),
        (Decimal(12), pl.Decimal(38, 0), "12"),
        (date(2026, 1, 2), pl.Date(), "2026-01-02"),
        (time(1, 2, 3, 500_000), pl.Time(), "01:02:03.500"),
        (datetime(2026, 1, 2, 3, 4, 5), pl.Datetime("ms"), "2026-01-02T03:04:05"),  # noqa: DTZ001
        (_LATE, pl.Datetime("us", "UTC"), "2026-01-01T03:00:00.000400+00:00"),
        (_LATE, _NEW_YORK, "2025-12-31T22:00:00.000400-05:00"),
        (None, pl.Null(), None),
    ],
)
def test_every_value_has_its_text(value: Any, source: pl.DataType, text: str | None) -> None:
    assert _cast(value, source, pl.String()) == text
    assert _cast(None, source, pl.String()) is None


@pytest.mark.parametrize(
    ("value", "source", "number"),
    [
        (3, pl.Int64(), 3.0),
        (2**63, pl.UInt64(), 2.0**63),
        (0.1, pl.Float64(), 0.1),
        (Decimal("12.50"), pl.Decimal(10, 2), 12.5),
        ("12.5", pl.String(), 12.5),
        ("twelve", pl.String(), None),
        (True, pl.Boolean(), None),
        (date(2026, 1, 2), pl.Date(), None),
        (None, pl.Null(), None),
    ],
)
def test_numbers_become_doubles_and_nothing_else_does(value: Any, source: pl.DataType, number: float | None) -> None:
    assert _cast(value, source, pl.Float64()) == number


@pytest.mark.parametrize(
    ("value", "source", "day"),
    [
        (date(2026, 1, 2), pl.Date(), date(2026, 1, 2)),
        (datetime(2026, 1, 2, 23, 59), pl.Datetime("ns"), date(2026, 1, 2)),  # noqa: DTZ001
        (_LATE, pl.Datetime("us", "UTC"), date(2026, 1, 1)),
        (_LATE, _NEW_YORK, date(2025, 12, 31)),
        ("2026-01-02", pl.String(), date(2026, 1, 2)),
        ("2026-1-2", pl.String(), None),
        (20_000, pl.Int64(), None),
        (time(1), pl.Time(), None),
    ],
)
def test_a_day_is_taken_as_written_in_its_own_zone(value: Any, source: pl.DataType, day: date | None) -> None:
    assert _cast(value, source, pl.Date()) == day


@pytest.mark.parametrize(
    ("value", "source", "truth"),
    [
        (True, pl.Boolean(), True),
        (1, pl.Int64(), True),
        (0, pl.UInt64(), False),
        (2, pl.Int64(), None),
        (1.0, pl.Float64(), True),
        (0.5, pl.Float64(), None),
        (float("nan"), pl.Float64(), None),
        (Decimal(1), pl.Decimal(1, 0), True),
        ("TRUE", pl.String(), True),
        ("yes", pl.String(), None),
        (date(2026, 1, 2), pl.Date(), None),
    ],
)
def test_truth_is_0_or_1_or_its_word(value: Any, source: pl.DataType, truth: bool | None) -> None:
    assert _cast(value, source, pl.Boolean()) is truth


@given(st.floats())
def test_the_text_of_a_double_is_that_double_again(value: float) -> None:
    text = _cast(value, pl.Float64(), pl.String())
    assert text is not None
    assert float(text) == value or value != value  # noqa: PLR0124 - NaN alone differs from itself


@pytest.mark.parametrize("target", TYPE_HINTS)
def test_text_is_cast_as_cast_text_does(target: type[pl.DataType]) -> None:
    frame = pl.DataFrame({"v": ["1", "true", "2026-01-02", "x", "", None]})
    both = frame.select(cast_value(pl.col("v"), pl.String(), target()).alias("a"), cast_text(pl.col("v"), target()).alias("b"))
    assert both.get_column("a").equals(both.get_column("b"), null_equal=True)


def test_a_type_without_a_cast_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        cast_value(pl.col("v"), pl.Int64(), pl.Datetime("us", "UTC"))
    with pytest.raises(TypeError):
        as_text(pl.col("v"), pl.List(pl.Int64()))
