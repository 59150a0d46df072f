"""What each unit of an experiment came to since its exposure, and on the days before it (contract section 8, Experiments).

Frames of totals have `units.KEY`, ITEM and four sums (Float64): FIRST and SECOND are the sum of a value and nothing, of the
numerators and denominators of a ratio, or of an event's counts and numbers; `*_before` are the same of the days before the
unit's exposure, by which estimates get narrower. Days add up in any order and grouping.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

import polars as pl

from processing.publication.experiments.units import KEY, UNIT
from schemas.experiments import ExperimentConfig

ITEM: Final = ("source", "metric_name")
SUMS: Final = ("first", "second", "first_before", "second_before")
VALUE, RATIO, EVENT = "value", "ratio", "event"
"""Where a total comes from; a metric may have rows of the first two, until it is known to be a ratio."""
TOTALS: Final[Mapping[str, pl.DataType]] = {
    **dict.fromkeys((*KEY, *ITEM), pl.String()),
    **dict.fromkeys(SUMS, pl.Float64()),
}
ROWS: Final[Mapping[str, pl.DataType]] = {
    **dict.fromkeys((*UNIT, *ITEM), pl.String()),
    "first": pl.Float64(),
    "second": pl.Float64(),
}
"""Rows of one day of any table."""
OF_METRICS: Final = (*UNIT, "metric_name", "metric_value", "numerator", "denominator")
"""The columns of `metric_rows` that they are made of."""


def rows_of_metrics(table: pl.DataFrame) -> pl.DataFrame:
    """ROWS from those of `metric_rows`: those with both parts of a ratio are of that, those with a value of that."""
    is_ratio = pl.col("numerator").is_not_null() & pl.col("denominator").is_not_null()
    ratios = table.filter(is_ratio).select(
        *UNIT, pl.lit(RATIO).alias("source"), "metric_name", first="numerator", second="denominator"
    )
    values = table.filter(pl.col("metric_value").is_not_null()).select(
        *UNIT, pl.lit(VALUE).alias("source"), "metric_name", first="metric_value", second=pl.lit(0.0)
    )
    return pl.concat([ratios, values]).select(*ROWS)


def rows_of_events(table: pl.DataFrame) -> pl.DataFrame:
    """ROWS from those of `event_units`."""
    return table.select(
        *UNIT,
        pl.lit(EVENT).alias("source"),
        pl.col("event_name").alias("metric_name"),
        first=pl.col("count").cast(pl.Float64),
        second=pl.col("sum").fill_null(0.0),
    ).select(*ROWS)


def wanted_rows(rows: pl.DataFrame, experiments: Mapping[str, ExperimentConfig]) -> pl.DataFrame:
    """Rows with `experiment`, those that it is judged by; of all others none."""
    is_event = pl.col("source") == EVENT
    of_all = [name for name, each in experiments.items() if each.judged_by == (None, None)]
    named = pl.DataFrame(
        [
            (name, kind, metric)
            for name, each in experiments.items()
            for kind, metrics in zip((False, True), each.judged_by, strict=True)
            for metric in metrics or ()
        ],
        schema={"experiment": pl.String(), "__is_event": pl.Boolean(), "metric_name": pl.String()},
        orient="row",
    )
    rows = rows.with_columns(is_event.alias("__is_event"))
    every = rows.filter(pl.col("experiment").is_in(of_all))
    some = rows.join(named, on=["experiment", "__is_event", "metric_name"], how="semi")
    return pl.concat([every, some]).drop("__is_event")


def totals_of_day(
    units: pl.DataFrame, rows: pl.DataFrame, day: date, experiments: Mapping[str, ExperimentConfig]
) -> pl.DataFrame:
    """TOTALS of the ROWS of `day`, for units that were exposed on it or before."""
    joined = units.filter(pl.col("exposed_on") <= day).select(KEY).join(rows, on=UNIT)
    nothing = pl.lit(0.0)
    return wanted_rows(joined, experiments).select(
        *KEY, *ITEM, "first", "second", nothing.alias("first_before"), nothing.alias("second_before")
    )


def totals_before(
    new_units: pl.DataFrame, rows: pl.DataFrame, day: date, exposed_on: date, experiments: Mapping[str, ExperimentConfig]
) -> pl.DataFrame:
    """TOTALS of the ROWS of `day`, for units that were first exposed some days after it, on `exposed_on`."""
    looking = {name: each for name, each in experiments.items() if exposed_on - timedelta(days=each.cuped_days) <= day}
    joined = new_units.filter(pl.col("experiment").is_in(list(looking))).select(KEY).join(rows, on=UNIT)
    nothing = pl.lit(0.0)
    return wanted_rows(joined, looking).select(
        *KEY,
        *ITEM,
        nothing.alias("first"),
        nothing.alias("second"),
        first_before="first",
        second_before="second",
    )


def added(totals: Iterable[pl.DataFrame], units: pl.DataFrame) -> pl.DataFrame:
    """The TOTALS together, of these units alone, in the order of their keys."""
    together = pl.concat([each.select(*TOTALS) for each in totals]).lazy()
    known = units.lazy().select(KEY)
    return together.join(known, on=KEY, how="semi").group_by(*KEY, *ITEM).agg(pl.col(SUMS).sum()).collect()


def no_totals() -> pl.DataFrame:
    """TOTALS without a row."""
    return pl.DataFrame(schema=dict(TOTALS))
