"""`GET /v1/experiments` and `/v1/experiments/{name}`: results as the table has them (contract sections 7 and 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from processing.web.api.experiment_models import ExperimentDetail, ExperimentItem, ExperimentRow, Experiments
from processing.web.api.paging import Cursor, Key, Limit, Reader, page_of
from processing.web.api.routes import common_responses
from processing.web.masks import Masks, masks_in
from processing.web.problems import Refused

if TYPE_CHECKING:
    from processing.views.experiments import ExperimentSummary

router = APIRouter(tags=["reading"])

Through = Annotated[date | None, Query(description="the last day that counts, YYYY-MM-DD; by default the last with results")]
_RESPONSES = common_responses()


@router.get("/experiments", responses=_RESPONSES)
def list_experiments(caller: Reader, *, limit: Limit = 100, cursor: Cursor = None) -> Experiments:
    """Every experiment with results: its groups and their units, and whether the split can be trusted."""
    from processing.views.experiments import experiments  # noqa: PLC0415 - with it comes the engine

    masks = masks_in(caller.services.config_of(caller.customer).config)
    found = [] if masks.hides("experiment") else experiments(caller.services.context, caller.customer)
    types = sorted({each.id_type for each in found})

    def key(summary: ExperimentSummary) -> Key:
        id_type = summary.id_type
        return [summary.experiment, f"{types.index(id_type):09}" if masks.hides("id_type") else id_type]

    page, following = page_of(found, cursor, limit, key, lambda one, other: one > other)
    return Experiments(items=[_item(each, masks) for each in page], cursor=following)


@router.get("/experiments/{name:any}", responses={**_RESPONSES, **common_responses(HTTPStatus.NOT_FOUND)})
def experiment(caller: Reader, name: str, *, day: Through = None) -> ExperimentDetail:
    """What one of them came to through a day: every metric of every group, compared with control."""
    from processing.views.experiments import results_through  # noqa: PLC0415 - with it comes the engine

    masks = masks_in(caller.services.config_of(caller.customer).config)
    found = None if masks.hides("experiment") else results_through(caller.services.context, caller.customer, name, day)
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no day up to that one has results of an experiment of this name")
    return ExperimentDetail(
        experiment=name,
        day=found.day,
        earlier=found.earlier,
        items=[_row(row, masks) for row in found.rows],
    )


def _item(summary: ExperimentSummary, masks: Masks) -> ExperimentItem:
    tree = asdict(summary)
    tree["id_type"] = masks.shown(summary.id_type, "id_type")
    tree["groups"] = [{**each, "group_id": masks.shown(each["group_id"], "group_id")} for each in tree["groups"]]
    return ExperimentItem.model_validate(tree)


def _row(row: Mapping[str, Any], masks: Masks) -> ExperimentRow:
    tree = {key: row[key] for key in row if key != "experiment"}
    return ExperimentRow.model_validate(masks.of_results(tree))
