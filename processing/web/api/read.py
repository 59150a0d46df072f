"""`GET /v1/...`: streams, days and files as status and receipts tell of them, newest first (contract section 7)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import to_json
from processing.stored.receipts import read_receipt
from processing.views.model import StreamStatus
from processing.views.status import customer_status
from processing.web.access import Caller
from processing.web.api.models import DayItem, Days, FileItem, Files, ReceiptDocument, StreamItem, Streams
from processing.web.api.paging import Cursor, Limit, Reader, cursor_of_place, page_of, place_of_cursor, print_instant
from processing.web.api.routes import common_responses
from processing.web.problems import RETRY_BROKEN_SECONDS, Refused

router = APIRouter(tags=["reading"])

OneDataset = Annotated[Literal["metrics", "events", "exposures"] | None, Query(description="of one dataset alone")]
_RESPONSES = common_responses()


@router.get("/streams", responses=_RESPONSES)
def streams(caller: Reader) -> Streams:
    """The customer's streams, with what each of them needs and of whom."""
    return Streams(items=[StreamItem.model_validate(_without_days(each)) for each in _streams(caller)])


@router.get("/days", responses=_RESPONSES)
def days(caller: Reader, *, dataset: OneDataset = None, limit: Limit = 100, cursor: Cursor = None) -> Days:
    """Days, the newest first: where each stands, what it waits for, and who acts next."""
    found = [day for stream in _streams(caller) if dataset in (None, stream.dataset) for day in stream.days]
    found.sort(key=lambda day: (day.day, day.dataset), reverse=True)
    page, following = page_of(found, cursor, limit, lambda day: [day.day.isoformat(), str(day.dataset)])
    return Days(items=[DayItem.model_validate(json.loads(to_json(day))) for day in page], cursor=following)


@router.get("/files", responses=_RESPONSES)
def files(caller: Reader, *, dataset: OneDataset = None, limit: Limit = 100, cursor: Cursor = None) -> Files:
    """Uploads, the newest first, and what each was answered."""
    from processing.views.files import FileFilter, list_files  # noqa: PLC0415 - with it comes the engine

    wanted, after = FileFilter(dataset=None if dataset is None else Dataset(dataset)), place_of_cursor(cursor)
    page = list_files(caller.services.context, caller.customer, wanted, after=after, limit=limit)
    items = [
        FileItem(
            name=each.name, size=each.size, uploaded_at=print_instant(each.uploaded_at), status=each.status, rows=each.rows
        )
        for each in page.files
    ]
    last = page.files[-1] if page.has_more else None
    return Files(items=items, cursor=None if last is None else cursor_of_place(last.uploaded_at, last.name))


@router.get(
    "/files/{name:any}", responses={**_RESPONSES, **common_responses(HTTPStatus.NOT_FOUND)}, response_model=ReceiptDocument
)
def file(caller: Reader, name: str) -> JSONResponse:
    """The receipt of an upload; `name` is its name from the container's root."""
    # Of a name that no request can carry there is no blob.
    is_name = blob_names.is_addressable(name) and "\0" not in name
    found = read_receipt(caller.services.context.drop, caller.customer, name) if is_name else None
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "there is no receipt of an upload of this name")
    document: dict[str, Any] = json.loads(to_json(found[0]))
    return JSONResponse(document)


def _streams(caller: Caller) -> Sequence[StreamStatus]:
    found = customer_status(caller.services.context, caller.customer)
    if found.unlistable is not None:
        detail = f"the container cannot be listed: {found.unlistable}"
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after=RETRY_BROKEN_SECONDS)
    return found.streams


def _without_days(stream: StreamStatus) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(to_json(stream))
    return {name: value for name, value in tree.items() if name != "days"}
