"""`POST /v1/check`: the receipt that a file would get, of which nothing is kept (contract section 7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import JSONResponse

from processing.domain.api_keys import Scope
from processing.domain.datasets import Dataset
from processing.domain.documents import to_json
from processing.domain.errors import LaterError
from processing.web.access import Caller, requires
from processing.web.api.models import ReceiptDocument
from processing.web.api.routes import accepts_file, common_responses
from processing.web.bodies import Body, read_body
from processing.web.problems import Refused
from processing.web.services import Services

router = APIRouter(tags=["files"])

_SECONDS = 60.0
"""That one check may take; an upload has longer."""
_RESPONSES = common_responses(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


@router.post("/check", responses=_RESPONSES, openapi_extra=accepts_file(), response_model=ReceiptDocument)
def check(
    caller: Annotated[Caller, Depends(requires(Scope.CHECK))],
    body: Annotated[Body, Depends(read_body)],
    *,
    dataset: Annotated[
        Literal["metrics", "events", "exposures"], Query(description="below whose folder the file is meant to go")
    ],
    name: Annotated[
        str,
        Query(
            description="what the file is called; its ending tells its format", min_length=1, max_length=512, examples=["a.csv"]
        ),
    ],
) -> JSONResponse:
    """Send a file of at most 4 MiB as the body and get the receipt that an upload would get; nothing is kept."""
    # The engine is imported by the first request that needs it: an instance that starts answers all others sooner.
    from processing.ingest.readers.random_access import InMemoryFile  # noqa: PLC0415
    from processing.jobs.uploads.check_file import CheckRequest, check_source  # noqa: PLC0415

    services = caller.services
    loaded = services.config_of(caller.customer)
    request = CheckRequest(
        path=Path(name),
        dataset=Dataset(dataset),
        config=loaded.config,
        program=services.context.program,
        zone=services.context.zone,
    )
    try:
        receipt = check_source(
            request,
            InMemoryFile(body.unpacked()),
            name,
            services.now(),
            deadline=_deadline(services),
            scratch=services.context.scratch,
        )
    except LaterError:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "the machine is too busy to check this now", retry_after=30) from None
    receipt = replace(receipt, customer=caller.customer, blob=f"{dataset}/{name}", config=loaded.version)
    document: dict[str, Any] = json.loads(to_json(receipt))
    return JSONResponse(document)


def _deadline(services: Services) -> Callable[[], bool]:
    end = services.seconds() + _SECONDS
    return lambda: services.seconds() >= end
