"""Where the figures of units are cut off, so that a few units do not make a mean (contract section 8, `winsorize`).

The bounds are quantiles over the units of all groups, those of zero left out, as `statistics.winsor` defines them. They are
found bucket by bucket from the outermost figures alone: all figures of many units would not fit in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import polars as pl

from processing.publication.experiments.figures import FAMILY, NUMBERS
from schemas.experiments import ExperimentConfig

_TAIL: Final = (*FAMILY, "number", "is_low")
_SIGN: Final = {False: 1.0, True: -1.0}
"""What turns a tail into the largest numbers: the low one is turned round."""


def counted(rows: pl.DataFrame) -> pl.DataFrame:
    """How many figures of each FAMILY and number are not zero, and whether any is negative."""
    return pl.concat(
        [
            rows.filter(pl.col(number) != 0)
            .group_by(FAMILY)
            .agg(pl.len().cast(pl.Int64).alias("count"), (pl.col(number) < 0).any().alias("has_low"))
            .with_columns(pl.lit(number).alias("number"))
            for number in NUMBERS
        ]
    )


def tails(counts: Iterable[pl.DataFrame], experiments: Mapping[str, ExperimentConfig]) -> pl.DataFrame:
    """The counts of all buckets together, as the tails that are cut: how many of the outermost figures each needs, `most`.

    `between` is where the quantile lies from the least of these to the next one.
    """
    shares = pl.DataFrame(
        {"experiment": list(experiments), "share": [each.winsorize for each in experiments.values()]},
        schema={"experiment": pl.String(), "share": pl.Float64()},
    ).filter(pl.col("share") < 1)
    place = (pl.col("count") - 1) * pl.col("share")
    known = (
        pl.concat(list(counts))
        .group_by(*FAMILY, "number")
        .agg(pl.col("count").sum(), pl.col("has_low").any())
        .join(shares, on="experiment")
        .with_columns((pl.col("count") - place.floor().cast(pl.Int64)).alias("most"), (place - place.floor()).alias("between"))
    )
    sides = [known.filter(pl.col("has_low") | (not is_low)).with_columns(is_low=pl.lit(is_low)) for is_low in (False, True)]
    return pl.concat(sides).select(*_TAIL, "most", "between")


def outermost(rows: pl.DataFrame, cut: pl.DataFrame) -> pl.DataFrame:
    """Of a bucket's figures those that may be among the outermost of all; `figure` is turned round for the low tails."""
    found = []
    for (number, is_low), tail in cut.partition_by("number", "is_low", as_dict=True).items():
        some = rows.filter(pl.col(number) != 0).join(tail.select(FAMILY), on=FAMILY, how="semi")
        figure = (pl.col(number) * _SIGN[is_low]).alias("figure")
        found.append(
            some.lazy()
            .select(*FAMILY, figure)
            .group_by(FAMILY)
            .agg(pl.col("figure").top_k(int(tail["most"].max())))  # type: ignore[arg-type]
            .explode("figure")
            .with_columns(pl.lit(number).alias("number"), pl.lit(is_low).alias("is_low"))
            .select(*_TAIL, "figure")
            .collect()
        )
    return pl.concat(found) if found else _nothing()


def bounds(several: Iterable[pl.DataFrame], cut: pl.DataFrame) -> pl.DataFrame:
    """By FAMILY `low_y`, `high_y` and so on for each of NUMBERS; null where nothing is cut."""
    chosen = _nothing()
    for each in several:
        # Of what all buckets give together no more is held than of one.
        together = pl.concat([chosen, each.select(chosen.columns)]).join(cut, on=_TAIL)
        rank = pl.col("figure").rank("ordinal", descending=True).over(_TAIL)
        chosen = together.filter(rank <= pl.col("most")).select(chosen.columns)
    chosen = chosen.join(cut, on=_TAIL)
    least = pl.col("figure").bottom_k(2).sort()
    quantile = least.first() + pl.col("between").first() * (least.last() - least.first())
    found = chosen.group_by(_TAIL).agg(pl.max_horizontal(quantile, pl.lit(0.0)).alias("bound"))
    columns = [
        (pl.col("bound") * _SIGN[is_low])
        .filter((pl.col("number") == number) & (pl.col("is_low") == is_low))
        .first()
        .alias(f"{'low' if is_low else 'high'}_{number}")
        for number in NUMBERS
        for is_low in (False, True)
    ]
    return found.group_by(FAMILY).agg(columns)


def cut_off(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The figures with what lies beyond the bounds set to them."""
    columns = rows.columns
    inside = [
        pl.max_horizontal(pl.min_horizontal(number, f"high_{number}"), f"low_{number}").alias(number) for number in NUMBERS
    ]
    return rows.join(known, on=FAMILY, how="left").with_columns(inside).select(columns)


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(
        schema={**dict.fromkeys((*FAMILY, "number"), pl.String()), "is_low": pl.Boolean(), "figure": pl.Float64()}
    )
