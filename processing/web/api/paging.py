"""Pages of a list: what a cursor is, and what stands behind it (contract section 7)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Query

from processing.domain.api_keys import Scope
from processing.domain.days import parse_day
from processing.web.access import Caller, requires
from processing.web.problems import Refused

_T = TypeVar("_T")
_MOST = 1_000
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"
Key = list[str]
Reader = Annotated[Caller, Depends(requires(Scope.READ))]
Limit = Annotated[int, Query(description="how many at most", ge=1, le=_MOST)]
Cursor = Annotated[str | None, Query(description="of the page before", max_length=2_048)]


def page_of(
    items: Iterable[_T],
    cursor: str | None,
    limit: int,
    key: Callable[[_T], Key],
    is_behind: Callable[[Key, Key], bool] = lambda one, other: one < other,
) -> tuple[list[_T], str | None]:
    """The items behind the cursor, and the cursor of what follows.

    Items have keys of two texts, and stand in the order in which each `is_behind` the one before: mostly the keys fall.
    """
    after = None if cursor is None else read_cursor(cursor)
    left = [item for item in items if after is None or is_behind(key(item), after)]
    page = left[:limit]
    return page, write_cursor(key(page[-1])) if len(left) > limit else None


def write_cursor(key: Key) -> str:
    """The text of a cursor."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def read_cursor(text: str) -> Key:
    """The two texts of a cursor; Refused for one that was never given."""
    try:
        key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        key = None
    if not isinstance(key, list) or len(key) != 2 or not all(isinstance(each, str) for each in key):  # noqa: PLR2004
        raise _not_given()
    return key


def day_of_cursor(text: str | None) -> date | None:
    """The day that a cursor of days begins with; None without one."""
    if text is None:
        return None
    day = parse_day(read_cursor(text)[0])
    if day is None:
        raise _not_given()
    return day


def cursor_of_place(at: datetime, name: str) -> str:
    """The cursor of what follows a file, by when it was uploaded and its name."""
    return write_cursor([print_instant(at), name])


def place_of_cursor(text: str | None) -> tuple[datetime, str] | None:
    """When the last file before a cursor was uploaded, and its name; None without one."""
    if text is None:
        return None
    at, name = read_cursor(text)
    try:
        return datetime.strptime(at, _INSTANT).replace(tzinfo=UTC), name
    except ValueError:
        raise _not_given() from None


def print_instant(instant: datetime) -> str:
    """As it stands in answers: UTC, in whole seconds."""
    return instant.strftime(_INSTANT)


def _not_given() -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, "the cursor is not one that was given")
