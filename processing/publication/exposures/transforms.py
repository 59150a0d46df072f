"""The transforms of one day of exposures: of each unit and experiment only the very first is a result (contract section 8).

Pure functions from lazy frames to lazy frames. Rows carry, besides the columns of the dataset, ORDER: which of two rows of
one instant came first. A row without a timestamp stands for an exposure on an earlier day; its ORDER is BEFORE.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from processing.publication.inputs import ORDER

KEY: Final = ("experiment", "id_type", "unit_id")
BEFORE: Final = -1
_BEFORE_ALL: Final = -(2**63)


def first_rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of the rows with the same KEY those of an earlier day, else the earliest, else the one of the lowest ORDER."""
    # Two minima need half the memory of sorting.
    instant = pl.col("timestamp").to_physical().fill_null(_BEFORE_ALL)
    earliest = rows.filter(instant == instant.min().over(KEY))
    return earliest.filter(pl.col(ORDER) == pl.col(ORDER).min().over(KEY))


def new_rows(firsts: pl.LazyFrame) -> pl.LazyFrame:
    """Of first rows those of the day itself, by KEY."""
    return firsts.filter(pl.col("timestamp").is_not_null()).sort(KEY)


def exposed_units(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of the day's own rows with the same KEY one: that of the earliest, with the first and last name of all their groups.

    Rows that went through it may go through it again, with others.
    """
    in_order = ("timestamp", ORDER)
    return rows.group_by(KEY).agg(
        pl.col("group_id", "timestamp", ORDER).sort_by(*in_order).first(),
        pl.col("least_group").min(),
        pl.col("greatest_group").max(),
    )


def with_groups(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows as `exposed_units` takes them."""
    group = pl.col("group_id")
    return rows.select(*KEY, group, "timestamp", ORDER, group.alias("least_group"), group.alias("greatest_group"))
