"""`GET /v1/logstream`: rows as they come in (contract section 7)."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from processing.domain.datasets import Dataset
from processing.web.api.log_stream_models import LogRowItem, LogStream
from processing.web.api.paging import Cursor, Limit, Reader, read_cursor, write_cursor
from processing.web.api.read import OneDataset
from processing.web.api.routes import common_responses
from processing.web.masks import masks_in
from processing.web.problems import Refused

if TYPE_CHECKING:
    from processing.views.log_stream import Place

router = APIRouter(tags=["reading"])

Name = Annotated[str | None, Query(description="of one metric, event or experiment alone", max_length=127)]
IdType = Annotated[str | None, Query(description="with an id of this type", max_length=127)]
Unit = Annotated[str | None, Query(description="with this id; together with id_type, of that type", max_length=512)]
IsTest = Annotated[bool | None, Query(description="true: test rows alone; false: none of them")]
_RESPONSES = common_responses()


@router.get("/logstream", responses=_RESPONSES)
def logstream(
    caller: Reader,
    *,
    dataset: OneDataset = None,
    name: Name = None,
    id_type: IdType = None,
    unit_id: Unit = None,
    is_test: IsTest = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> LogStream:
    """Accepted rows as they came in, test rows too: first those over HTTP that are in no upload yet, then by uploads."""
    from processing.views.log_rows import LogFilter, masked  # noqa: PLC0415 - with it comes the engine
    from processing.views.log_stream import log_page  # noqa: PLC0415

    shown = LogFilter(
        dataset=None if dataset is None else Dataset(dataset), name=name, id_type=id_type, unit_id=unit_id, is_test=is_test
    )
    context, config = caller.services.context, caller.services.config_of(caller.customer).config
    page = log_page(context, caller.customer, config, shown, after=place_of(cursor), limit=limit)
    masks = masks_in(config)
    return LogStream(
        items=[LogRowItem.model_validate(masked(row, masks.columns[row.dataset])) for row in page.rows],
        complete=page.is_complete,
        cursor=None if page.following is None else cursor_of(page.following),
    )


def cursor_of(place: Place) -> str:
    """The text of a place."""
    return write_cursor([f"{place.changed.isoformat()} {place.part} {place.row}", place.receipt])


def place_of(cursor: str | None) -> Place | None:
    """The inverse of it; Refused for a text that was never given."""
    if cursor is None:
        return None
    from processing.views.log_stream import BEHIND, ROWS_OF_PART, Place  # noqa: PLC0415

    position, receipt = read_cursor(cursor)
    try:
        changed, part, row = position.split(" ")
        place = Place(changed=datetime.fromisoformat(changed).astimezone(UTC), receipt=receipt, part=int(part), row=int(row))
    except (ValueError, OverflowError):
        place = None
    if place is None or not (0 <= place.part <= BEHIND and 0 <= place.row <= ROWS_OF_PART):
        raise Refused(HTTPStatus.BAD_REQUEST, "the cursor is not one that was given")
    return place
