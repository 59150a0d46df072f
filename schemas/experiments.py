"""What a customer's config says of one experiment (contract section 8, Experiments)."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from schemas.config_base import Part, Unique, section


def _iso_day(value: object) -> object:
    # Numbers and times of day would be taken for dates too.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return value
    raise ValueError("write a day as YYYY-MM-DD")


IsoDay = Annotated[date, BeforeValidator(_iso_day)]
MetricName = Annotated[str, Field(min_length=1, max_length=127)]
GroupName = Annotated[str, Field(min_length=1, max_length=127)]
Weight = Annotated[float, Field(gt=0, le=1_000_000)]


class ExperimentConfig(Part):
    """One experiment whose results are computed; an entry without keys is enough."""

    control: GroupName | None = Field(
        default=None,
        json_schema_extra=section(8),
        description=(
            "the group that the others are compared with; by default the one named control, off, false or default, in any case"
        ),
    )
    weights: Annotated[dict[GroupName, Weight], Field(max_length=100)] = Field(
        default_factory=dict,
        json_schema_extra=section(8),
        description="group to the share of the units that it should have, in any unit; by default all groups have the same",
    )
    start: IsoDay | None = Field(
        default=None,
        json_schema_extra=section(8),
        description="the first day whose exposures count, YYYY-MM-DD; by default the first that there are",
    )
    end: IsoDay | None = Field(
        default=None,
        json_schema_extra=section(8),
        description="the last day of the experiment, YYYY-MM-DD, after which it has no more results; by default it goes on",
    )
    id_type: str | None = Field(
        default=None,
        min_length=1,
        max_length=127,
        json_schema_extra=section(8),
        description="the id type of the units that count; by default each has results of its own",
    )
    metrics: Annotated[tuple[MetricName, ...], Field(max_length=500), Unique] | None = Field(
        default=None,
        json_schema_extra=section(8),
        description="the metrics it is judged by; by default all, or none where events are named",
    )
    events: Annotated[tuple[MetricName, ...], Field(max_length=500), Unique] | None = Field(
        default=None,
        json_schema_extra=section(8),
        description="the events whose counts and sums it is judged by; by default all, or none where metrics are named",
    )
    confidence: float = Field(
        default=0.95,
        ge=0.5,
        le=0.9999,
        json_schema_extra=section(8),
        description="how often the intervals are to hold what they are about",
    )
    cuped_days: int = Field(
        default=7,
        ge=0,
        le=28,
        json_schema_extra=section(8),
        description="days before a unit's exposure that tell how it differed before, by which estimates get narrower; 0 is off",
    )
    winsorize: float = Field(
        default=0.999,
        ge=0.9,
        le=1,
        json_schema_extra=section(8),
        description="the quantile of the units' totals, those of zero left out, above which a total counts as that; 1 is off",
    )
    correction: Literal["none", "bh", "bonferroni"] = Field(
        default="none",
        json_schema_extra=section(8),
        description="how p-values are adjusted because many are looked at: Benjamini-Hochberg, Bonferroni, or not at all",
    )
    sequential: bool = Field(
        default=False,
        json_schema_extra=section(8),
        description="whether there is also an interval that holds however often one looks",
    )

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError("end lies before start")
        return self

    @property
    def judged_by(self) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
        """The metrics and the events, each None for all of them."""
        if self.metrics is None and self.events is None:
            return None, None
        return self.metrics or (), self.events or ()
