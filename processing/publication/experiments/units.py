"""Which units are in which group of an experiment, through a day (contract section 8, Experiments).

Frames of units have KEY, `group_id` (of the first exposure that counts), `exposed_on` (its day) and `is_mixed`: whether the
unit saw two groups. A unit that did stays mixed for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from schemas.experiments import ExperimentConfig

KEY: Final = ("experiment", "id_type", "unit_id")
UNIT: Final = ("id_type", "unit_id")
"""What names a unit in the tables."""
UNITS: Final[Mapping[str, pl.DataType]] = {
    **dict.fromkeys((*KEY, "group_id"), pl.String()),
    "exposed_on": pl.Date(),
    "is_mixed": pl.Boolean(),
}
EXPOSED: Final[Mapping[str, pl.DataType]] = dict.fromkeys((*KEY, "group_id", "least_group", "greatest_group"), pl.String())


def counted_exposures(exposed: pl.DataFrame, day: date, experiments: Mapping[str, ExperimentConfig]) -> pl.DataFrame:
    """Of the units that were exposed on `day` those that count for one of the experiments."""
    running = {name: each for name, each in experiments.items() if is_running(each, day)}
    rows = exposed.filter(pl.col("experiment").is_in(list(running)))
    for name, each in running.items():
        if each.id_type is not None:
            rows = rows.filter((pl.col("experiment") != name) | (pl.col("id_type") == each.id_type))
    return rows


def is_running(experiment: ExperimentConfig, day: date) -> bool:
    """Whether a day's exposures and rows count."""
    return (experiment.start is None or experiment.start <= day) and (experiment.end is None or day <= experiment.end)


def with_exposed(units: pl.DataFrame, exposed: pl.DataFrame, day: date) -> pl.DataFrame:
    """The units through `day`, from those before it and those that were exposed on it."""
    before = units.with_columns(pl.col("group_id").alias("least_group"), pl.col("group_id").alias("greatest_group"))
    today = exposed.with_columns(pl.lit(day).alias("exposed_on"), pl.lit(value=False).alias("is_mixed"))
    columns = [*UNITS, "least_group", "greatest_group"]
    return (
        pl.concat([before.select(columns), today.select(columns)])
        .lazy()
        .group_by(KEY)
        .agg(
            pl.col("group_id").sort_by("exposed_on").first(),
            pl.col("exposed_on").min(),
            pl.col("is_mixed").any() | (pl.col("least_group").min() != pl.col("greatest_group").max()),
        )
        .select(*UNITS)
        .collect()
    )


def unmixed(units: pl.DataFrame) -> pl.DataFrame:
    """Those that saw one group alone."""
    return units.filter(~pl.col("is_mixed"))
