"""metrics: one row for each unit, day and metric (contract section 4)."""

from __future__ import annotations

from datetime import date

import polars as pl

from schemas import rules
from schemas.dataset_schema import Column, DatasetSchema


def metrics(*, latest_day: date, id_types: tuple[str, ...] | None = None, is_closed: pl.Expr | None = None) -> DatasetSchema:
    """The schema of typed metric rows, for an upload that may speak of days up to `latest_day`.

    `id_types` are the only ones taken, when given; `is_closed` tells the rows of days that cannot be changed any more.
    """
    return DatasetSchema(
        name="metrics",
        columns={
            "unit_id": Column(dtype=pl.String(), description="whom the value is about"),
            "id_type": Column(dtype=pl.String(), description="the kind of id, for example user_id"),
            "date": Column(dtype=pl.Date(), description="the PST day, as YYYY-MM-DD"),
            "metric_name": Column(dtype=pl.String(), description="the metric"),
            "metric_value": _number("the value"),
            "numerator": _number("the upper part of a ratio"),
            "denominator": _number("the lower part of a ratio"),
            "is_test": Column(
                dtype=pl.Boolean(), required=False, default=False, description="true for rows that must not enter results"
            ),
        },
        rules=(
            rules.length("unit_id", 1, 512),
            *rules.id_type("id_type", id_types),
            rules.day_at_most("date", latest_day),
            *rules.open_day("date", is_closed),
            rules.length("metric_name", 1, 127),
            rules.finite("metric_value"),
            rules.finite("numerator"),
            rules.finite("denominator"),
            rules.value_or_ratio("metric_value", "numerator", "denominator"),
        ),
    )


def _number(description: str) -> Column:
    return Column(dtype=pl.Float64(), nullable=True, required=False, description=description)
