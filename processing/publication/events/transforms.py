"""The transforms of one day of events: drop repeats, find the ids, count and sum up (contract sections 4 and 8).

Pure functions from lazy frames to lazy frames. Rows carry, besides the columns of the dataset, ORDER: which of two rows
came first.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from processing.frames.casts import cast_text
from processing.publication.events.user_ids import USER
from processing.publication.inputs import ORDER
from processing.publication.sums import added, summed, whole, with_shrunk, without_shrunk

SHUFFLED_BY: Final = ("timeuuid", pl.when(pl.col("timeuuid").is_null()).then(ORDER).alias(ORDER))
"""Rows that agree in these may be the same event; rows without a timeuuid are spread evenly."""
UNIT: Final = ("metric_name", "id_type", "unit_id")
"""Of which an event counts each once."""


def result_rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows that enter results: test rows do not."""
    return rows.filter(~pl.col("is_test"))


def earliest_rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of the rows of one day with the same timeuuid the one of the lowest ORDER, and all rows without one; by time."""
    earliest = pl.col(ORDER) == pl.col(ORDER).min().over("timeuuid")
    return rows.filter(pl.col("timeuuid").is_null() | earliest).sort("timestamp", ORDER)


def described_rows(rows: pl.LazyFrame, ids: pl.LazyFrame) -> pl.LazyFrame:
    """The rows, which have USER, in their order with two columns more, from the `find_ids` of their users.

    `event_value_numeric` (Float64) is the number that `event_value` writes, null where it writes none or one that is not
    finite. `user_id` (String) is the userID, null where there is none.
    """
    number = cast_text(pl.col("event_value"), pl.Float64())
    finite = pl.when(number.is_finite()).then(number).alias("event_value_numeric")
    user_ids = ids.filter("is_user_id").select(USER, pl.col("unit_id").alias("user_id"))
    return rows.with_columns(finite).join(user_ids, on=USER, how="left", maintain_order="left")


def event_ids(described: pl.LazyFrame, ids: pl.LazyFrame) -> pl.LazyFrame:
    """One row for each id of each event, from described rows and the ids of their users.

    ORDER, `metric_name` (the event's), `id_type`, `unit_id` and `value` (the event's number).
    """
    return described.join(ids, on=USER, how="inner", maintain_order="left_right").select(
        ORDER,
        pl.col("event_name").alias("metric_name"),
        "id_type",
        "unit_id",
        pl.col("event_value_numeric").alias("value"),
    )


def event_units(ids: pl.LazyFrame) -> pl.LazyFrame:
    """For each UNIT the `count` of its events (Int64), of `numbers` among their values, and their `sum`; from `event_ids`."""
    value = pl.col("value")
    return (
        ids.group_by(UNIT)
        .agg(pl.len().cast(pl.Int64).alias("count"), value.count().cast(pl.Int64).alias("numbers"), *summed("sum", value))
        .with_columns(without_shrunk("sum"))
    )


def added_units(units: pl.LazyFrame) -> pl.LazyFrame:
    """The `event_units` of several sets of events as those of all of them."""
    return (
        units.with_columns(with_shrunk("sum"))
        .group_by(UNIT)
        .agg(pl.col("count", "numbers").sum(), added("sum"))
        .with_columns(without_shrunk("sum"))
    )


def event_unit_rows(units: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of table `event_units` from units that are there once; `sum` is infinite where it lies beyond all floats."""
    return (
        units.with_columns(with_shrunk("sum"))
        .select(
            "unit_id",
            "id_type",
            pl.col("metric_name").alias("event_name"),
            "count",
            pl.when(pl.col("numbers") > 0).then(whole("sum")).alias("sum"),
        )
        .sort("event_name", "id_type", "unit_id")
    )


def event_totals(ids: pl.LazyFrame) -> pl.LazyFrame:
    """For each `metric_name` and `id_type` the `count` of events (Int64), of `numbers` among their values, and their `sum`.

    An event with two ids of one type counts once.
    """
    value = pl.col("value")
    return (
        ids.unique(subset=(ORDER, "id_type"), keep="first", maintain_order=True)
        .group_by("metric_name", "id_type")
        .agg(pl.len().cast(pl.Int64).alias("count"), value.count().cast(pl.Int64).alias("numbers"), *summed("sum", value))
        .sort("metric_name", "id_type")
    )


def added_totals(totals: pl.LazyFrame) -> pl.LazyFrame:
    """The totals of several sets of events as those of all of them."""
    return (
        totals.group_by("metric_name", "id_type", maintain_order=True)
        .agg(pl.col("count", "numbers").sum(), added("sum"))
        .sort("metric_name", "id_type")
    )


def counted_units(units: pl.LazyFrame) -> pl.LazyFrame:
    """For each `metric_name` and `id_type` the number of `units` (Int64), from `event_unit_rows`."""
    name = pl.col("event_name").alias("metric_name")
    return units.group_by(name, "id_type").agg(pl.len().cast(pl.Int64).alias("units"))


def metric_day_rows(totals: pl.LazyFrame, units: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of `metric_days`, from `added_totals` and from any number of `counted_units` one after another.

    `sum` is null where no event of the name has a number, and infinite where it lies beyond all floats.
    """
    return (
        totals.join(units.group_by("metric_name", "id_type").agg(pl.col("units").sum()), on=["metric_name", "id_type"])
        .select(
            "metric_name",
            "id_type",
            pl.lit("event").alias("kind"),
            "units",
            "count",
            pl.when(pl.col("numbers") > 0).then(whole("sum")).alias("sum"),
        )
        .sort("metric_name", "id_type")
    )
