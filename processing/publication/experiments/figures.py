"""What metrics are judged by: one figure for each unit of a group, and the moments of these (contract section 8).

A figure has `y` (a value, a numerator, a count or a sum), `z` (a denominator, else 0), and `x` and `w`, the same of the days
before the unit's exposure. FAMILY says whose it is. Units without rows are zeros of a value or an event, and no units of a
ratio.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import polars as pl

from processing.publication.experiments.unit_totals import EVENT, RATIO, VALUE
from processing.publication.experiments.units import KEY
from processing.statistics.moment_frames import UNITS, combined, moment_columns

COUNT, SUM = "event_count", "event_sum"
"""Kinds of figures, besides value and ratio."""
FAMILY: Final = ("experiment", "id_type", "kind", "metric_name")
GROUP: Final = (*FAMILY, "group_id")
NUMBERS: Final = ("y", "z", "x", "w")


def figures(totals: pl.DataFrame, ratios: Collection[str]) -> pl.DataFrame:
    """The figures of totals, with `units.KEY`; `ratios` are the metrics that are known to be ratios."""
    is_ratio = pl.col("metric_name").is_in(list(ratios))
    source, nothing = pl.col("source"), pl.lit(0.0)

    def taken(rows: pl.DataFrame, kind: str, y: str, z: str | None) -> pl.DataFrame:
        return rows.select(
            *KEY,
            pl.lit(kind).alias("kind"),
            "metric_name",
            pl.col(y).alias("y"),
            (nothing if z is None else pl.col(z)).alias("z"),
            pl.col(f"{y}_before").alias("x"),
            (nothing if z is None else pl.col(f"{z}_before")).alias("w"),
        )

    events = totals.filter(source == EVENT)
    of_ratios = totals.filter((source == RATIO) & is_ratio & (pl.col("second") != 0))
    return pl.concat(
        [
            taken(totals.filter((source == VALUE) & ~is_ratio), VALUE, "first", None),
            taken(of_ratios, RATIO, "first", "second"),
            taken(events, COUNT, "first", None),
            taken(events, SUM, "second", None),
        ]
    )


def partial_moments(rows: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Moments by GROUP of the figures that there are, as `statistics.moment_frames` has them, ratios with denominators."""
    grouped = rows.join(units.select(*KEY, "group_id"), on=KEY)
    is_ratio = pl.col("kind") == RATIO
    of_ratios = moment_columns("y", denominator="z", covariate="x", covariate_denominator="w")
    means = grouped.filter(~is_ratio).group_by(GROUP).agg(*moment_columns("y", covariate="x"))
    ratios = grouped.filter(is_ratio).group_by(GROUP).agg(*of_ratios)
    return pl.concat([means, ratios], how="diagonal_relaxed")


def whole_moments(parts: Iterable[pl.DataFrame], families: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """Moments of every group for each FAMILY, those without a unit among them, in the order of GROUP.

    `families` has FAMILY alone; `sizes` has `experiment`, `id_type`, `group_id` and `units`.
    """
    every_part = pl.concat(list(parts), how="diagonal_relaxed").with_columns(pl.col(UNITS).cast(pl.Int64))
    known = every_part.join(families, on=FAMILY, how="semi")
    is_ratio = pl.col("kind") == RATIO
    every = families.join(sizes.select("experiment", "id_type", "group_id", "units"), on=["experiment", "id_type"])
    present = known.group_by(GROUP).agg(pl.col(UNITS).sum().alias("present"))
    absent = pl.when(~is_ratio).then(pl.col("units") - pl.col("present").fill_null(0)).otherwise(0)
    zeros = every.join(present, on=GROUP, how="left").select(*GROUP, absent.alias(UNITS))
    numbers = [name for name in known.columns if name not in (*GROUP, UNITS)]
    zeros = zeros.with_columns([pl.lit(0.0).alias(name) for name in numbers])
    with_units = [each.filter(pl.col(UNITS) > 0) for each in (known, zeros.select(known.columns))]
    found = combined(pl.concat(with_units), GROUP)
    empty = every.select(GROUP).join(found, on=GROUP, how="anti").with_columns(pl.lit(0, pl.Int64).alias(UNITS))
    return pl.concat([found, empty], how="diagonal_relaxed").sort(GROUP)
