"""`GET /v1/experiments` and `/v1/experiments/{name}`: results as the table has them (contract sections 7 and 8)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from processing.web.api.experiment_models import ExperimentDetail, ExperimentItem, ExperimentRow, Experiments
from processing.web.api.paging import Cursor, Key, Limit, Reader, page_of
from processing.web.api.routes import common_responses
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

    found = experiments(caller.services.context, caller.customer)
    page, following = page_of(found, cursor, limit, _key, lambda one, other: one > other)
    return Experiments(items=[ExperimentItem.model_validate(asdict(each)) for each in page], cursor=following)


@router.get("/experiments/{name:any}", responses={**_RESPONSES, **common_responses(HTTPStatus.NOT_FOUND)})
def experiment(caller: Reader, name: str, *, day: Through = None) -> ExperimentDetail:
    """What one of them came to through a day: every metric of every group, compared with control."""
    from processing.views.experiments import results_through  # noqa: PLC0415 - with it comes the engine

    found = results_through(caller.services.context, caller.customer, name, day)
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no day up to that one has results of an experiment of this name")
    return ExperimentDetail(
        experiment=name,
        day=found.day,
        earlier=found.earlier,
        items=[ExperimentRow.model_validate({key: row[key] for key in row if key != "experiment"}) for row in found.rows],
    )


def _key(summary: ExperimentSummary) -> Key:
    return [summary.experiment, summary.id_type]
