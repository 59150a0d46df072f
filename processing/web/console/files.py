"""Files: the list with its filters, and a file's receipt as a person reads it, with its rejected rows (contract section 5)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from processing.domain.datasets import FOLDERS, Dataset
from processing.domain.days import parse_day
from processing.domain.receipts import Receipt, UploadStatus
from processing.views.file_search import FoundFile, find_file
from processing.views.files import NO_ANSWER, FileFilter, list_files
from processing.views.rejected_rows import RejectedRows, count_parts, find_fix, read_fix, read_part, read_rejected
from processing.web.api.paging import cursor_of_place, place_of_cursor
from processing.web.console.addresses import address
from processing.web.console.pages import render
from processing.web.console.states import FILE_LEGEND, look_of_file
from processing.web.console.visits import Visit
from processing.web.problems import Refused

FILES: Final = address("files")
_LIMIT: Final = 100
_ROWS: Final = 50
_STATUSES: Final = (*(status.value for status in UploadStatus), NO_ANSWER)


def show_files(visit: Visit) -> Response:
    """Uploads, the newest first."""
    given = {name: visit.text(name) for name in ("dataset", "status", "day", "name")}
    after = place_of_cursor(visit.text("cursor"))
    page = list_files(visit.services.context, visit.customer, _filter(given), after=after, limit=_LIMIT)
    following = cursor_of_place(page.files[-1].uploaded_at, page.files[-1].name) if page.has_more else None
    return render(
        "files.html",
        customer=visit.customer,
        here=FILES,
        files=page.files,
        count=page.count,
        given=given,
        datasets=FOLDERS,
        statuses=[(each, look_of_file(None if each == NO_ANSWER else each).word) for each in _STATUSES],
        look=look_of_file,
        looks=FILE_LEGEND,
        first=address("files", **given) if visit.text("cursor") else None,
        following=address("files", **given, cursor=following) if following else None,
    )


def show_file(visit: Visit) -> Response:
    """One upload: what it was answered, and what to do."""
    found = _found(visit)
    receipt = found.receipt
    rejected = None if receipt is None else _rejected(visit, receipt)
    name = found.name
    return render(
        "file.html",
        customer=visit.customer,
        here=FILES,
        file=found,
        receipt=receipt,
        look_of=look_of_file,
        look=look_of_file(receipt.status.value if receipt is not None else None),
        rejected=rejected,
        row_of=_row,
        fix=None if receipt is None else find_fix(visit.services.context, receipt),
        parts=0 if receipt is None or rejected is None else count_parts(visit.services.context, receipt),
        first=address("file", name=name) + "#rejected" if visit.text("rows") else None,
        following=(
            address("file", name=name, rows=rejected.following) + "#rejected"
            if rejected is not None and rejected.following is not None
            else None
        ),
    )


def download_rejected(visit: Visit) -> Response:
    """A part of the rejected rows of an upload, as NDJSON."""
    receipt = _found(visit).receipt
    number = _number(visit.text("part") or "0")
    data = None if receipt is None else read_part(visit.services.context, receipt, number)
    if data is None:
        raise Refused(HTTPStatus.NOT_FOUND, "there are no such rejected rows, or they are kept no longer")
    headers = {"Content-Disposition": f'attachment; filename="rejected-{number + 1}.ndjson"'}
    return Response(data, media_type="application/x-ndjson", headers=headers)


def download_fix(visit: Visit) -> Response:
    """The fix file of an upload, as it is stored."""
    receipt = _found(visit).receipt
    found = None if receipt is None else read_fix(visit.services.context, receipt)
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "there is no such fix file, or it is kept no longer, or too large to be sent")
    fix, data = found
    headers = {"Content-Disposition": f'attachment; filename="rejected.{fix.ending}"'}
    return Response(data, media_type="application/octet-stream", headers=headers)


def _filter(given: dict[str, str | None]) -> FileFilter:
    dataset, status, day = given["dataset"], given["status"], given["day"]
    parsed = parse_day(day) if day else None
    if (dataset and dataset not in FOLDERS) or (status and status not in _STATUSES) or (day and parsed is None):
        raise Refused(HTTPStatus.BAD_REQUEST, "these filters are none of the form's: a day is written YYYY-MM-DD")
    return FileFilter(dataset=Dataset(dataset) if dataset else None, status=status, day=parsed, name=given["name"])


def _found(visit: Visit) -> FoundFile:
    found = find_file(visit.services.context, visit.customer, visit.text("name") or "")
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "there is no upload of this name, and no receipt of one")
    return found


def _rejected(visit: Visit, receipt: Receipt) -> RejectedRows | None:
    if receipt.rejected_blob is None:
        return None
    start = _number(visit.text("rows") or "0")
    found = read_rejected(visit.services.context, receipt, start=start, limit=_ROWS)
    if found is None and start:
        raise Refused(HTTPStatus.NOT_FOUND, "no rejected row begins there")
    return found


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):  # noqa: PLR2004 - digits that no file has
        raise Refused(HTTPStatus.BAD_REQUEST, "this is no place among the rejected rows")
    return int(text)


def _row(row: dict[str, Any]) -> str:
    """A rejected row as it was uploaded, as far as it was read."""
    return str(row["raw"]) if "raw" in row else json.dumps(row.get("row"), ensure_ascii=False)
