"""The catalogue as it is answered: every field with its meaning and an example."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from processing.web.api.models import Page

_DAY = ["2026-11-18"]


class MetricIdTypeItem(BaseModel):
    """A metric with one id type."""

    id_type: Annotated[str, Field(description="the kind of id; masked as the config says", examples=["user_id"])]
    first_day: Annotated[date, Field(description="the first published day that has rows of it", examples=_DAY)]
    last_day: Annotated[date, Field(description="the last published day that has rows of it", examples=_DAY)]
    units: Annotated[int, Field(description="distinct units on the last day", ge=0, examples=[1200])]
    value: Annotated[
        float | None,
        Field(
            description="of the last day: the mean of a value or a ratio, the count of an event; null beyond all floats",
            examples=[12.5],
        ),
    ]
    trend: Annotated[
        list[float | None],
        Field(
            description="the value of each of the 14 days through trend_through, null where a day has no rows",
            min_length=14,
            max_length=14,
            examples=[[None] * 13 + [12.5]],
        ),
    ]


class ExperimentUseItem(BaseModel):
    """An experiment that is judged by a metric or an event."""

    experiment: Annotated[str, Field(description="its name", examples=["button"])]
    groups: Annotated[list[str], Field(description="by name; masked as the config says", examples=[["blue", "control"]])]


class MetricItem(BaseModel):
    """A metric, or an event, over all published days."""

    model_config = ConfigDict(extra="allow")

    dataset: Annotated[str, Field(description="metrics, or events", examples=["metrics"])]
    name: Annotated[str, Field(description="of the metric or the event", examples=["revenue"])]
    kind: Annotated[str, Field(description="on its last day: value, ratio or event", examples=["value"])]
    first_day: Annotated[date, Field(description="the first published day that has rows of it", examples=_DAY)]
    last_day: Annotated[date, Field(description="the last published day that has rows of it", examples=_DAY)]
    trend_through: Annotated[date, Field(description="the last published day of the dataset", examples=_DAY)]
    stale: Annotated[bool, Field(description="whether it has had no rows for more than two weeks", examples=[False])]
    id_types: Annotated[list[MetricIdTypeItem], Field(description="by name")]
    experiments: Annotated[
        list[ExperimentUseItem], Field(description="those that are judged by it, by name; none where names are masked")
    ]


class Metrics(Page):
    """The customer's metrics and events."""

    items: Annotated[
        list[MetricItem],
        Field(description="those with the newest rows first, then by dataset and name; none whose names are masked"),
    ]


class MetricDayItem(BaseModel):
    """What a day says of a metric with an id type: a row of table `metric_days`. A figure that its kind lacks is null."""

    day: Annotated[date, Field(description="the PST day", examples=_DAY)]
    id_type: Annotated[str, Field(description="the kind of id; masked as the config says", examples=["user_id"])]
    kind: Annotated[str, Field(description="value, ratio or event", examples=["value"])]
    units: Annotated[int, Field(description="distinct units", ge=0, examples=[1200])]
    count: Annotated[int | None, Field(description="events", ge=0, examples=[None])]
    sum: Annotated[float | None, Field(description="of the values, or of the numbers among an event's", examples=[15000.0])]
    mean: Annotated[float | None, Field(description="of the units' values; a ratio's is the one sum over the other")]
    stddev: Annotated[float | None, Field(description="of the units' values", ge=0, examples=[3.5])]
    min: Annotated[float | None, Field(description="the least value of a unit", examples=[0.0])]
    p50: Annotated[float | None, Field(description="the value that half of the units stay below", examples=[11.0])]
    p90: Annotated[float | None, Field(description="the same of nine in ten", examples=[20.0])]
    p99: Annotated[float | None, Field(description="the same of ninety-nine in a hundred", examples=[40.0])]
    max: Annotated[float | None, Field(description="the largest value of a unit", examples=[55.0])]
    numerator: Annotated[float | None, Field(description="a ratio's sum of numerators", examples=[None])]
    denominator: Annotated[float | None, Field(description="a ratio's sum of denominators", examples=[None])]


class MetricDetail(Page):
    """A metric and its days."""

    metric: Annotated[MetricItem, Field(description="the same as in the list")]
    items: Annotated[list[MetricDayItem], Field(description="the newest day first, each with all its id types")]
