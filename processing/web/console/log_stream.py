"""The log stream: accepted rows as they come in, and what the page says when none come (contract sections 7 and 12)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.views.calendar import silences
from processing.views.log_rows import LogFilter, masked
from processing.views.log_stream import log_page
from processing.web.api.log_stream import cursor_of, place_of
from processing.web.console.addresses import address
from processing.web.console.masks import masks_of
from processing.web.console.pages import render
from processing.web.console.visits import Visit
from processing.web.problems import Refused

LOG_STREAM: Final = address("log-stream")
_LIMIT: Final = 100
_TESTS: Final = {"": None, "only": True, "none": False}
"""What the filter of test rows says, and what it means."""


def show_log_stream(visit: Visit) -> Response:
    """Rows, the newest first; how long ago the newest came, and which streams fell silent."""
    given = {name: visit.text(name) for name in ("dataset", "name", "id_type", "unit_id", "tests")}
    cursor, masks = visit.text("cursor"), masks_of(visit)
    context, config = visit.services.context, visit.services.config_of(visit.customer).config
    page = log_page(context, visit.customer, config, _filter(given), after=place_of(cursor), limit=_LIMIT)
    newest = max((row.received_at for row in page.rows), default=None) if cursor is None else None
    return render(
        "log_stream.html",
        customer=visit.customer,
        here=LOG_STREAM,
        given=given,
        datasets=DATA_DATASETS,
        rows=[masked(row, masks.columns[row.dataset]) for row in page.rows],
        is_complete=page.is_complete,
        now=visit.services.now(),
        newest=newest,
        is_first=cursor is None,
        silences=silences(context, visit.customer) if cursor is None else [],
        refresh=address("log-stream", **given),
        first=address("log-stream", **given) if cursor else None,
        following=address("log-stream", **given, cursor=cursor_of(page.following)) if page.following else None,
    )


def _filter(given: dict[str, str | None]) -> LogFilter:
    dataset, tests = given["dataset"], given["tests"] or ""
    if dataset not in (None, *DATA_DATASETS) or tests not in _TESTS:
        raise Refused(HTTPStatus.BAD_REQUEST, "these filters are none of the form's")
    return LogFilter(
        dataset=Dataset(dataset) if dataset else None,
        name=given["name"],
        id_type=given["id_type"],
        unit_id=given["unit_id"],
        is_test=_TESTS[tests],
    )
