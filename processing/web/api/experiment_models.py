"""Experiments as they are answered: every field with its meaning and an example."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from processing.web.api.models import Page

_DAY = ["2026-11-18"]
_Figure = float | None


class GroupItem(BaseModel):
    """One group of an experiment."""

    group_id: Annotated[str, Field(description="its name; masked as the config says", examples=["blue"])]
    is_control: Annotated[bool, Field(description="whether the others are compared with it", examples=[False])]
    units: Annotated[int, Field(description="units that were exposed to this group alone", ge=0, examples=[5012])]


class ExperimentItem(BaseModel):
    """An experiment through the last day with results, with the units of one id type."""

    experiment: Annotated[str, Field(description="its name", examples=["button"])]
    id_type: Annotated[str, Field(description="the kind of id; masked as the config says", examples=["user_id"])]
    day: Annotated[date, Field(description="the last PST day with results", examples=_DAY)]
    groups: Annotated[list[GroupItem], Field(description="by name")]
    mixed_units: Annotated[int, Field(description="units that saw two groups, and are in none", ge=0, examples=[3])]
    srm_p: Annotated[
        _Figure,
        Field(description="the chance of a split as uneven if units fell as they should; null for one group", examples=[0.61]),
    ]
    srm: Annotated[bool, Field(description="whether that is so small that no comparison can be trusted", examples=[False])]
    metrics: Annotated[int, Field(description="metrics, and counts and sums of events, with rows", ge=0, examples=[4])]


class Experiments(Page):
    """The customer's experiments."""

    items: Annotated[list[ExperimentItem], Field(description="by name and id type; none where names are masked")]


class ExperimentRow(BaseModel):
    """A metric of a group: a row of table `experiment_results`. A figure that cannot be told is null, and `note` says why."""

    model_config = ConfigDict(extra="allow")

    metric_name: Annotated[
        str, Field(description="of the metric or the event; masked as the config says", examples=["revenue"])
    ]
    kind: Annotated[str, Field(description="value, ratio, event_count or event_sum", examples=["value"])]
    id_type: Annotated[str, Field(description="the kind of id; masked as the config says", examples=["user_id"])]
    group_id: Annotated[str, Field(description="the group; masked as the config says", examples=["blue"])]
    is_control: Annotated[bool, Field(description="whether the others are compared with it", examples=[False])]
    units: Annotated[int, Field(description="units that count; of a ratio, those with a denominator", ge=0, examples=[5012])]
    mean: Annotated[_Figure, Field(description="of the units' totals; of a ratio the one sum over the other", examples=[1.5])]
    delta: Annotated[_Figure, Field(description="its mean less that of control", examples=[0.4])]
    ci_low: Annotated[_Figure, Field(description="the lower end of the interval of delta", examples=[0.1])]
    ci_high: Annotated[_Figure, Field(description="its upper end", examples=[0.7])]
    lift: Annotated[_Figure, Field(description="delta as a share of control's mean", examples=[0.033])]
    lift_low: Annotated[_Figure, Field(description="the lower end of the interval of lift", examples=[0.008])]
    lift_high: Annotated[_Figure, Field(description="its upper end", examples=[0.058])]
    p_value: Annotated[_Figure, Field(description="the chance of such a delta without an effect", ge=0, le=1, examples=[0.009])]
    note: Annotated[str | None, Field(description="why a figure is null, or what is to be known", examples=[None])]


class ExperimentDetail(BaseModel):
    """What one experiment came to through a day."""

    experiment: Annotated[str, Field(description="its name", examples=["button"])]
    day: Annotated[date, Field(description="the PST day that the totals run through", examples=_DAY)]
    earlier: Annotated[date | None, Field(description="the last day before it that has results", examples=["2026-11-17"])]
    items: Annotated[
        list[ExperimentRow], Field(description="by metric, kind, id type and group, with every column of the table")
    ]
