"""The log stream as it is answered: every field with its meaning and an example."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from processing.web.api.models import Page

_PART = "of a metric; masked as the config says"


class UnitIdItem(BaseModel):
    """Whom a row is about."""

    id_type: Annotated[str, Field(description="the kind of id", examples=["user_id"])]
    unit_id: Annotated[str, Field(description="the id; masked as the config says", examples=["user-1"])]


class LogRowItem(BaseModel):
    """One accepted row. What the config masks stands as `(masked)`."""

    dataset: Annotated[str, Field(description="metrics, events or exposures", examples=["metrics"])]
    received_at: Annotated[
        datetime,
        Field(
            description="when its upload was written, or rows over HTTP were last added to those it stands among",
            examples=["2026-11-18T09:00:00Z"],
        ),
    ]
    upload: Annotated[
        str | None,
        Field(description="name of its upload; null for a row over HTTP that is in none yet", examples=["metrics/a.csv"]),
    ]
    at: Annotated[str, Field(description="the day of a metric's row, else the instant in UTC", examples=["2026-11-18"])]
    name: Annotated[str, Field(description="of the metric, the event or the experiment", examples=["revenue"])]
    value: Annotated[float | str | None, Field(description="of a metric or an event", examples=[12.5])]
    numerator: Annotated[float | str | None, Field(description=_PART, examples=[None])]
    denominator: Annotated[float | str | None, Field(description=_PART, examples=[None])]
    group_id: Annotated[str | None, Field(description="the group of an exposure", examples=[None])]
    ids: Annotated[list[UnitIdItem], Field(description="one of a metric or an exposure; of an event all of its user's")]
    is_test: Annotated[bool, Field(description="whether it is a test row, which never enters results", examples=[False])]


class LogStream(Page):
    """Rows as they came in."""

    items: Annotated[
        list[LogRowItem],
        Field(
            description="the newest uploads first; may be fewer than asked for, or none, though a cursor says that more follows"
        ),
    ]
    complete: Annotated[
        bool,
        Field(description="false where there are more than 100,000 receipts: then not all were looked at", examples=[True]),
    ]
