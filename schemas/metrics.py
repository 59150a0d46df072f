"""metrics: one row for each unit, day and metric (contract section 4)."""

from __future__ import annotations

from datetime import date

import pandera.polars as pa
import polars as pl

from schemas import rules


def metrics(
    *, latest_day: date, id_types: tuple[str, ...] | None = None, is_closed: pl.Expr | None = None
) -> pa.DataFrameSchema:
    """The schema of typed metric rows, for an upload that may speak of days up to `latest_day`.

    `id_types` are the only ones taken, when given; `is_closed` tells the rows of days that cannot be changed any more.
    """
    return pa.DataFrameSchema(
        name="metrics",
        strict=True,
        columns={
            "unit_id": pa.Column(pl.String, rules.length(1, 512), description="whom the value is about"),
            "id_type": pa.Column(pl.String, rules.id_type(id_types), description="the kind of id, for example user_id"),
            "date": pa.Column(
                pl.Date,
                [rules.day_at_most(latest_day), *rules.open_day(is_closed)],
                description="the PST day, as YYYY-MM-DD",
            ),
            "metric_name": pa.Column(pl.String, rules.length(1, 127), description="the metric"),
            "metric_value": _number("the value"),
            "numerator": _number("the upper part of a ratio"),
            "denominator": _number("the lower part of a ratio"),
            "is_test": pa.Column(
                pl.Boolean, required=False, default=False, description="true for rows that must not enter results"
            ),
        },
        checks=rules.value_or_ratio("metric_value", "numerator", "denominator"),
    )


def _number(description: str) -> pa.Column:
    return pa.Column(pl.Float64, rules.finite(), nullable=True, required=False, description=description)
