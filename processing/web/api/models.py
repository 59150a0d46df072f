"""Requests and answers as they are documented: every field with its limits and an example.

What a request may hold is decided by `bodies` and by the engine that reads uploads, and these models say it.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from processing.web.limits import MOST_ROWS
from processing.web.problems import FieldError

_TEXT_OR_NUMBER: Final = {"type": ["string", "number"]}
_NUMBER: Final = {"type": ["number", "string", "null"], "format": "double"}
_TIME: Final = {"type": ["number", "string", "null"]}


def _any(description: str, example: Any, schema: dict[str, Any]) -> Any:
    return WithJsonSchema({**schema, "description": description, "examples": [example]})


class _Open(BaseModel):
    """Fields that are not named here are not read."""

    model_config = ConfigDict(extra="allow")


class MetricRow(_Open):
    """One value of a metric, of one unit on one day."""

    unit_id: Annotated[Any, _any("whom the value is about, 1 to 512 characters", "1237", _TEXT_OR_NUMBER)] = None
    user_id: Annotated[Any, _any("the same under Statsig's name; send one of the two", "1237", _TEXT_OR_NUMBER)] = None
    id_type: Annotated[str, Field(description="the kind of id", min_length=1, max_length=127, examples=["user_id"])]
    metric_name: Annotated[str, Field(description="the metric", min_length=1, max_length=127, examples=["revenue"])]
    metric_value: Annotated[Any, _any("the value; needed without numerator and denominator", 90, _NUMBER)] = None
    numerator: Annotated[Any, _any("the upper part of a ratio", 3, _NUMBER)] = None
    denominator: Annotated[Any, _any("the lower part of a ratio", 15, _NUMBER)] = None
    date: Annotated[
        str | None, Field(description="the PST day, YYYY-MM-DD; today's where there is none", examples=["2026-11-18"])
    ] = None
    is_test: Annotated[bool | None, Field(description="true for a row that never enters results", examples=[False])] = None


class User(_Open):
    """Whom an event or an exposure is about: `userID`, or 1 to 100 entries of `customIDs`."""

    userID: Annotated[Any, _any("id of type user_id", "user-1", _TEXT_OR_NUMBER)] = None  # noqa: N815 - Statsig's name
    customIDs: Annotated[  # noqa: N815
        dict[str, Any], Field(description="id type to id", max_length=100, examples=[{"companyID": "c-1"}])
    ] = {}


class EventRow(_Open):
    """One event, in our form or in Statsig's; the fields of both are the same things."""

    timestamp: Annotated[Any, _any("unix time or ISO 8601 with an offset; needed without eventName", 1795000000, _TIME)] = None
    time: Annotated[Any, _any("the same in Statsig's form; now where there is none", 1795000000000, _TIME)] = None
    event_name: Annotated[str | None, Field(description="the event, needed", max_length=127, examples=["purchase"])] = None
    eventName: Annotated[  # noqa: N815
        str | None, Field(description="the same in Statsig's form", max_length=127, examples=["purchase"])
    ] = None
    event_value: Annotated[Any, _any("a value, at most 127 characters; a number also counts as one", "9.99", _TIME)] = None
    value: Annotated[Any, _any("the same in Statsig's form", 9.99, _TIME)] = None
    event_metadata: Annotated[
        dict[str, Any] | str | None, Field(description="an object, one level deep", examples=[{"item": "sku-1"}])
    ] = None
    metadata: Annotated[
        dict[str, Any] | str | None, Field(description="the same in Statsig's form", examples=[{"item": "sku-1"}])
    ] = None
    user: Annotated[User | str | None, Field(description="needed, here or for the whole request")] = None
    timeuuid: Annotated[
        str | None,
        Field(
            description="a UUID; the same one twice on a day is one event", examples=["0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9"]
        ),
    ] = None
    is_test: Annotated[bool | None, Field(description="true for a row that never enters results", examples=[False])] = None


class ExposureRow(_Open):
    """That a unit saw a group of an experiment, in our form or in Statsig's."""

    timestamp: Annotated[Any, _any("as of events; needed without experimentName or gateName", 1795000000, _TIME)] = None
    time: Annotated[Any, _any("the same in Statsig's form; now where there is none", 1795000000000, _TIME)] = None
    experiment: Annotated[str | None, Field(description="the experiment, needed", max_length=127, examples=["checkout"])] = None
    experimentName: Annotated[  # noqa: N815
        str | None, Field(description="the same in Statsig's form", max_length=127, examples=["checkout"])
    ] = None
    gateName: Annotated[  # noqa: N815
        str | None, Field(description="a gate, which is an experiment too", max_length=127, examples=["sale_banner"])
    ] = None
    group_id: Annotated[str | None, Field(description="the group that was seen, needed", examples=["test"])] = None
    group: Annotated[str | None, Field(description="the same in Statsig's form", examples=["test"])] = None
    ruleID: Annotated[  # noqa: N815
        str | None, Field(description="Statsig's rule; the group where none is named", examples=["rule-1"])
    ] = None
    passes: Annotated[bool | None, Field(description="of a gate; the group where none is named", examples=[True])] = None
    unit_id: Annotated[Any, _any("who saw it; needed without a user", "user-1", _TEXT_OR_NUMBER)] = None
    id_type: Annotated[str | None, Field(description="the kind of id, user_id by default", max_length=127)] = None
    user: Annotated[User | None, Field(description="Statsig's user: one exposure for each of its ids")] = None
    metadata_json: Annotated[dict[str, Any] | str | None, Field(description="an object, one level deep")] = None


_ROWS: Final = Field(description="the rows", min_length=1, max_length=MOST_ROWS)
_IS_TEST: Final = Field(description="true marks every row as a test, which never enters results", examples=[False])


class LogMetrics(_Open):
    """Values of metrics."""

    metrics: Annotated[list[MetricRow], _ROWS]
    isTest: Annotated[bool, _IS_TEST] = False  # noqa: N815


class LogEvents(_Open):
    """Events."""

    events: Annotated[list[EventRow], _ROWS]
    user: Annotated[User | None, Field(description="of events that have none of their own")] = None
    isTest: Annotated[bool, _IS_TEST] = False  # noqa: N815


class LogExposures(_Open):
    """Exposures."""

    exposures: Annotated[list[ExposureRow], _ROWS]
    user: Annotated[User | None, Field(description="of exposures that have none of their own")] = None
    isTest: Annotated[  # noqa: N815
        bool, Field(description="true has the rows checked, and nothing kept", examples=[False])
    ] = False


class Logged(BaseModel):
    """That rows are durable."""

    success: Annotated[Literal[True], Field(description="always true", examples=[True])] = True
    failed_records: Annotated[
        list[FieldError] | None,
        Field(description="with partial=true every reason for which rows were not kept", examples=[[]]),
    ] = None


class MarkReady(_Open):
    """That everything up to a time was sent."""

    timestamp: Annotated[
        float,
        Field(description="unix time in seconds, from the year 2000 to a day ahead", ge=946_684_800, examples=[1647975283]),
    ]
    type: Annotated[Literal["metrics", "events", "exposures"], Field(description="whose days are marked", examples=["metrics"])]


class Marked(BaseModel):
    """What is marked now."""

    success: Annotated[Literal[True], Field(description="always true", examples=[True])] = True
    day: Annotated[date, Field(description="the last day that is marked by this", examples=["2022-03-21"])]


class StreamItem(_Open):
    """A stream, as status tells of it."""

    dataset: Annotated[str, Field(description="metrics, events or exposures", examples=["metrics"])]
    first_day: Annotated[date | None, Field(description="the first day that is processed", examples=["2026-11-18"])]
    seq: Annotated[int, Field(description="the number of its last publication", ge=0, examples=[3])]


class DayItem(_Open):
    """A day, as its status document tells of it."""

    dataset: Annotated[str, Field(description="metrics, events or exposures", examples=["metrics"])]
    day: Annotated[date, Field(description="the PST day", examples=["2026-11-18"])]
    state: Annotated[str, Field(description="where it stands", examples=["processed"])]
    files: Annotated[int, Field(description="files with rows of the day", ge=0, examples=[2])]
    rows: Annotated[int, Field(description="rows of the day", ge=0, examples=[1200])]


class FileItem(BaseModel):
    """An upload and where its answer stands."""

    name: Annotated[str, Field(description="its name, from the container's root", examples=["metrics/a.csv"])]
    size: Annotated[int, Field(description="bytes", ge=0, examples=[1024])]
    uploaded_at: Annotated[str, Field(description="when it was written, RFC 3339", examples=["2026-11-18T09:00:00Z"])]
    status: Annotated[str | None, Field(description="of its receipt; null while it has none", examples=["accepted"])]
    rows: Annotated[int | None, Field(description="records that were read", ge=0, examples=[1200])]


class Page(BaseModel):
    """Part of a list."""

    cursor: Annotated[
        str | None,
        Field(description="send it as `cursor` for what follows; null at the end", max_length=2_048, examples=[None]),
    ] = None


class Streams(Page):
    """The customer's streams."""

    items: Annotated[list[StreamItem], Field(description="by name")]


class Days(Page):
    """The customer's days."""

    items: Annotated[list[DayItem], Field(description="the newest first")]


class Files(Page):
    """The customer's uploads."""

    items: Annotated[list[FileItem], Field(description="the newest first")]


class ReceiptDocument(_Open):
    """A receipt, as it stands in the receipts container too."""

    blob: Annotated[str, Field(description="name of the upload", examples=["metrics/a.csv"])]
    dataset: Annotated[str, Field(description="the folder", examples=["metrics"])]
    status: Annotated[str, Field(description="the answer", examples=["accepted"])]
    rows: Annotated[dict[str, int], Field(description="read, accepted, rejected and filtered records")]
