"""`POST /v1/mark_data_ready`: every day that ended by a time is complete (contract section 7)."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, NoReturn

from fastapi import APIRouter, Depends

from processing.domain.api_keys import Scope
from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.streams import Stream
from processing.jobs.mark_data_ready import EarlierThanMarked, TooFarAhead, mark_data_ready
from processing.web.access import Caller, requires
from processing.web.api.models import Marked, MarkReady
from processing.web.api.routes import accepts_json, common_responses
from processing.web.bodies import Body, read_body
from processing.web.problems import Refused, field_error

router = APIRouter(tags=["days"])

_RESPONSES = common_responses(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
_LATEST = 253_402_300_799
"""The last second that has a date."""


@router.post("/mark_data_ready", responses=_RESPONSES, openapi_extra=accepts_json(MarkReady))
def mark(caller: Annotated[Caller, Depends(requires(Scope.MARK))], body: Annotated[Body, Depends(read_body)]) -> Marked:
    """Mark every day that ends at or before a time."""
    tree = body.json()
    if not isinstance(tree, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, 'the body is no object: send {"timestamp": 1647975283, "type": "metrics"}')
    dataset, second = tree.get("type"), tree.get("timestamp")
    if dataset not in DATA_DATASETS:
        _refuse("type", dataset, f"write one of {', '.join(DATA_DATASETS)}")
    if isinstance(second, bool) or not isinstance(second, int | float) or not 0 <= second <= _LATEST:
        _refuse("timestamp", second, "write a unix time in seconds")
    try:
        up_to = datetime.fromtimestamp(second, UTC)
        day = mark_data_ready(caller.services.context, Stream(caller.customer, Dataset(dataset)), up_to)
    except TooFarAhead as error:
        _refuse("timestamp", second, str(error))
    except EarlierThanMarked as error:
        raise Refused(HTTPStatus.CONFLICT, str(error)) from None
    return Marked(day=day)


def _refuse(field: str, value: object, message: str) -> NoReturn:
    raise Refused(HTTPStatus.BAD_REQUEST, f"{field}: {message}", [field_error(message, field=field, value=value)])
