"""The rows of `experiment_results`, from the moments of the groups (contract section 8, Experiments)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from processing.publication.delta.files import file_schema
from processing.publication.delta.specs import EXPERIMENT_RESULTS
from processing.publication.experiments.figures import COUNT, FAMILY, GROUP, SUM
from processing.publication.experiments.unit_totals import RATIO, VALUE
from processing.statistics.compare import compare, describe
from processing.statistics.corrections import Correction, adjust
from processing.statistics.estimates import Kind, pool_covariates
from processing.statistics.moment_frames import moments_of
from processing.statistics.moments import Moments, Variable
from processing.statistics.notes import Note
from processing.statistics.split import is_srm, split_p
from schemas.experiments import ExperimentConfig

_CONTROLS: Final = ("control", "off", "false", "default")
"""Groups that are control where the config names none, in any case, the first of them that there is."""
_SCHEMA: Final = file_schema(EXPERIMENT_RESULTS)
NO_ROWS: Final = "no_rows"
"""Note of a metric that the config names and no unit has rows of."""


def families_of(known: pl.DataFrame, sizes: pl.DataFrame, experiments: Mapping[str, ExperimentConfig]) -> pl.DataFrame:
    """What the groups are compared by: the FAMILY of every row of `known`, and of what the config names beside it."""
    found = known.select(FAMILY).unique()
    have = {(experiment, id_type, kind == COUNT, name) for experiment, id_type, kind, name in found.iter_rows() if kind != SUM}
    named = [
        (experiment, id_type, kind, name)
        for experiment, id_type in sizes.select("experiment", "id_type").unique().sort("experiment", "id_type").iter_rows()
        for kinds, names in zip(((VALUE,), (COUNT, SUM)), experiments[experiment].judged_by, strict=True)
        for name in names or ()
        if (experiment, id_type, COUNT in kinds, name) not in have
        for kind in kinds
    ]
    return pl.concat([found, pl.DataFrame(named, schema=dict.fromkeys(FAMILY, pl.String()), orient="row")])


def result_rows(
    moments: pl.DataFrame, found: pl.DataFrame, sizes: pl.DataFrame, experiments: Mapping[str, ExperimentConfig]
) -> pl.DataFrame:
    """Columns of the table, in the order of experiment, metric, id type and group.

    `moments` as `figures.whole_moments` gives them; `found` has the FAMILY of what units have rows of; `sizes` has the units
    of each group, and `mixed_units`.
    """
    frames = [pl.DataFrame(schema=_SCHEMA)]
    for (experiment, id_type), groups in sizes.partition_by("experiment", "id_type", as_dict=True, maintain_order=True).items():
        mine = (pl.col("experiment") == experiment) & (pl.col("id_type") == id_type)
        its = _Experiment.of(experiments[str(experiment)], groups)
        frames.append(its.rows(moments.filter(mine)))
    rows = pl.concat(frames, how="diagonal_relaxed")
    is_missing = pl.col("__is_found").is_null()
    rows = rows.join(found.select(FAMILY).unique().with_columns(__is_found=True), on=FAMILY, how="left")
    note = pl.when(is_missing).then(pl.lit(NO_ROWS)).otherwise(pl.col("note"))
    return (
        rows.with_columns(note.alias("note"))
        .select(list(_SCHEMA))
        .sort("experiment", "metric_name", "kind", "id_type", "group_id")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Experiment:
    """One experiment with the units of one id type."""

    config: ExperimentConfig
    groups: tuple[str, ...]
    control: str | None
    mixed_units: int
    srm_p: float | None

    @classmethod
    def of(cls, config: ExperimentConfig, groups: pl.DataFrame) -> _Experiment:
        units = {str(group): int(count) for group, count in groups.select("group_id", "units").iter_rows()}
        everyone = {**dict.fromkeys(config.weights, 0), **units}
        weights = [config.weights.get(group, 0.0) for group in everyone] if config.weights else None
        return cls(
            config=config,
            groups=tuple(units),
            control=_control(config, list(units)),
            mixed_units=int(groups["mixed_units"][0]),
            srm_p=split_p(list(everyone.values()), weights),
        )

    def rows(self, moments: pl.DataFrame) -> pl.DataFrame:
        """The rows of all metrics and groups."""
        is_ratio = pl.col("kind") == RATIO
        frames = [
            frame
            for kind, some in ((Kind.MEAN, moments.filter(~is_ratio)), (Kind.RATIO, moments.filter(is_ratio)))
            if some.height
            for frame in self._compared(kind, some)
        ]
        if not frames:
            return pl.DataFrame(schema=_SCHEMA)
        correction = Correction(self.config.correction)
        rows = pl.concat(frames, how="diagonal_relaxed")
        return rows.with_columns(
            pl.Series("p_adjusted", adjust(rows["p_value"].to_list(), correction), nan_to_null=True),
            pl.Series("cuped_p_adjusted", adjust(rows["cuped_p_value"].to_list(), correction), nan_to_null=True),
            pl.lit(self.mixed_units, pl.Int64).alias("mixed_units"),
            pl.lit(self.config.confidence).alias("confidence"),
            pl.lit(self.srm_p, pl.Float64).alias("srm_p"),
            pl.lit(is_srm(self.srm_p)).alias("srm"),
        )

    def _compared(self, kind: Kind, moments: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """The rows of each group, over all metrics of a kind, which every group has in the same order."""
        parts = {group: moments.filter(pl.col("group_id") == group) for group in self.groups}
        by_group = {group: self._moments(part, kind) for group, part in parts.items()}
        pooled = pool_covariates(list(by_group.values()), kind)
        for group, part in parts.items():
            own = by_group[group]
            if self.control is None:
                found = describe(own, kind=kind, adjustment=pooled, note=Note.NO_CONTROL)
            elif group == self.control:
                found = describe(own, kind=kind, adjustment=pooled)
            else:
                found = compare(
                    by_group[self.control],
                    own,
                    kind=kind,
                    confidence=self.config.confidence,
                    adjustment=pooled,
                    sequential=self.config.sequential,
                )
            columns = {name: values for name, values in found.columns().items() if name in _SCHEMA}
            dtypes = {name: _SCHEMA[name] for name in columns}
            sums = {"total": _sum_of(own, Variable.VALUE)}
            if kind is Kind.RATIO:
                sums["denominator"] = _sum_of(own, Variable.DENOMINATOR)
            yield part.select(GROUP).with_columns(
                *pl.DataFrame({**columns, **sums}, schema={**dtypes, **dict.fromkeys(sums, pl.Float64())}).get_columns(),
                pl.lit(group == self.control).alias("is_control"),
            )

    def _moments(self, part: pl.DataFrame, kind: Kind) -> Moments:
        numbers = [name for name in part.columns if not name.startswith(("mean_", "cross_"))]
        every = ["value", "denominator", "covariate", "covariate_denominator"]
        wanted = [
            name
            for name in every
            if (kind is Kind.RATIO or not name.endswith("denominator"))
            and (self.config.cuped_days or not name.startswith("covariate"))
        ]
        known = [f"mean_{name}" for name in wanted]
        known += [f"cross_{one}_{other}" for place, one in enumerate(wanted) for other in wanted[place:]]
        return moments_of(part.select(*numbers, *known))


def _control(config: ExperimentConfig, groups: list[str]) -> str | None:
    """The group that the others are compared with; None where none is known to be it."""
    if config.control is not None:
        return config.control if config.control in groups else None
    return next((group for name in _CONTROLS for group in groups if group.casefold() == name), None)


def _sum_of(moments: Moments, variable: Variable) -> list[float | None]:
    sums = (moments.n * moments.mean[:, variable]).tolist()
    return [each if abs(each) < float("inf") else None for each in sums]
