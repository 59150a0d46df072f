"""metrics: one row for each unit, day and metric (contract section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import polars as pl

from schemas import rules
from schemas.dataset_schema import Column, DatasetSchema


def metrics(
    *,
    latest_day: date,
    id_types: tuple[str, ...] | None = None,
    is_closed: pl.Expr | None = None,
    kinds: Mapping[str, str] | None = None,
    values: tuple[str, ...] = (),
) -> DatasetSchema:
    """The schema of typed metric rows, for an upload that may speak of days up to `latest_day`.

    `id_types` are the only ones taken, when given; `is_closed` tells the rows of days that cannot be changed any more; `kinds`
    are the metrics that are pinned to `value` or `ratio`. Of a wide table `values` are the columns of which each is a metric.
    """
    if values:
        return _wide(_key(latest_day, id_types, is_closed), values)
    key = _key(latest_day, id_types, is_closed)
    columns = {
        **{name: column for name, column in key.columns.items() if name != "is_test"},
        "metric_name": Column(dtype=pl.String(), description="the metric"),
        "metric_value": _number("the value"),
        "numerator": _number("the upper part of a ratio"),
        "denominator": _number("the lower part of a ratio"),
        "is_test": key.columns["is_test"],
    }
    return replace(
        key,
        columns=columns,
        rules=(
            *key.rules,
            rules.length("metric_name", 1, 127),
            rules.finite("metric_value"),
            rules.finite("numerator"),
            rules.finite("denominator"),
            rules.value_or_ratio("metric_value", "numerator", "denominator"),
            *rules.pinned_kinds("metric_name", "metric_value", "numerator", "denominator", kinds or {}),
        ),
    )


def _key(latest_day: date, id_types: tuple[str, ...] | None, is_closed: pl.Expr | None) -> DatasetSchema:
    """What a row of either form is about."""
    return DatasetSchema(
        name="metrics",
        columns={
            "unit_id": Column(dtype=pl.String(), is_id=True, description="whom the value is about"),
            "id_type": Column(dtype=pl.String(), description="the kind of id, for example user_id"),
            "date": Column(dtype=pl.Date(), description="the PST day, as YYYY-MM-DD"),
            "is_test": Column(
                dtype=pl.Boolean(), required=False, default=False, description="true for rows that must not enter results"
            ),
        },
        rules=(
            rules.length("unit_id", 1, 512),
            *rules.id_type("id_type", id_types),
            rules.day_at_most("date", latest_day),
            *rules.open_day("date", is_closed),
        ),
    )


def _wide(key: DatasetSchema, values: tuple[str, ...]) -> DatasetSchema:
    """A record with a value in any of several columns."""
    numbers = {name: _number("the value of a metric") for name in values}
    finite = (rules.finite(name) for name in values)
    return replace(key, columns={**key.columns, **numbers}, rules=(*key.rules, *finite, rules.any_value(values)))


def _number(description: str) -> Column:
    return Column(dtype=pl.Float64(), nullable=True, required=False, description=description)
