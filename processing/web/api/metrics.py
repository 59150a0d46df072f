"""`GET /v1/metrics` and `/v1/metrics/{name}`: the catalogue (contract sections 7 and 8)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query

from processing.domain.datasets import Dataset
from processing.domain.documents import to_json
from processing.web.api.metric_models import MetricDayItem, MetricDetail, MetricItem, Metrics
from processing.web.api.paging import Cursor, Key, Limit, Reader, day_of_cursor, page_of, write_cursor
from processing.web.api.routes import common_responses
from processing.web.masks import Masks, masks_in
from processing.web.problems import Refused

if TYPE_CHECKING:
    from processing.views.catalogue import MetricSummary

router = APIRouter(tags=["reading"])

OneDataset = Annotated[Literal["metrics", "events"] | None, Query(description="of one dataset alone")]
_RESPONSES = common_responses()


@router.get("/metrics", responses=_RESPONSES)
def metrics(caller: Reader, *, dataset: OneDataset = None, limit: Limit = 100, cursor: Cursor = None) -> Metrics:
    """Every metric and event that a published day has: since when, its last value and trend, and whether it fell silent."""
    from processing.views.catalogue import catalogue  # noqa: PLC0415 - with it comes the engine

    masks = masks_in(caller.services.config_of(caller.customer).config)
    found = [
        each
        for each in catalogue(caller.services.context, caller.customer)
        if dataset in (None, each.dataset) and not masks.hides_names(each.dataset)
    ]
    page, following = page_of(found, cursor, limit, _key, _is_behind)
    return Metrics(items=[_item(each, masks) for each in page], cursor=following)


@router.get("/metrics/{name:any}", responses={**_RESPONSES, **common_responses(HTTPStatus.NOT_FOUND)})
def metric(caller: Reader, name: str, *, dataset: OneDataset = None, limit: Limit = 28, cursor: Cursor = None) -> MetricDetail:
    """One of them, the metric where an event has the same name; with what each of at most `limit` published days says."""
    from processing.publication.catalogue import DAY  # noqa: PLC0415 - with it comes the engine
    from processing.views.catalogue import days_of_metric, find_metric  # noqa: PLC0415

    before, context = day_of_cursor(cursor), caller.services.context
    found = find_metric(context, caller.customer, name, None if dataset is None else Dataset(dataset))
    masks = masks_in(caller.services.config_of(caller.customer).config)
    if found is None or masks.hides_names(found.dataset):
        raise Refused(HTTPStatus.NOT_FOUND, "no published day has a metric or an event of this name")
    days = days_of_metric(context, caller.customer, found, before=before, limit=limit)
    return MetricDetail(
        metric=_item(found, masks),
        items=[
            MetricDayItem.model_validate({**row, "day": row[DAY], "id_type": masks.shown(row["id_type"], "id_type")})
            for row in days.rows
        ],
        cursor=None if days.following is None else write_cursor([days.following.isoformat(), ""]),
    )


def _item(summary: MetricSummary, masks: Masks) -> MetricItem:
    tree: dict[str, Any] = json.loads(to_json(summary))
    for each in tree["id_types"]:
        each["id_type"] = masks.shown(each["id_type"], "id_type")
    if masks.hides("experiment"):
        tree["experiments"] = []
    for each in tree["experiments"]:
        each["groups"] = [masks.shown(group, "group_id") for group in each["groups"]]
    return MetricItem.model_validate(tree)


def _key(summary: MetricSummary) -> Key:
    return [summary.last_day.isoformat(), f"{summary.dataset}/{summary.name}"]


def _is_behind(one: Key, other: Key) -> bool:
    """Days fall, and of one day names rise."""
    return one[0] < other[0] or (one[0] == other[0] and one[1] > other[1])
