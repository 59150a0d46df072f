"""Bodies with bounds: what is read, unpacked and parsed is counted before it is used (contract section 7).

Whatever a body holds, it ends in a value or in a refusal; bytes, memory and depth are bounded before a parser sees them.
"""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NoReturn

from starlette.requests import ClientDisconnect, Request

from processing.web.problems import Refused

LARGEST_SENT: Final = 4 * 1024 * 1024
"""Bytes of a body as it is sent."""
LARGEST_UNPACKED: Final = 16 * 1024 * 1024
"""Bytes of a body once it is unpacked."""
DEEPEST: Final = 32
"""Objects and lists in each other."""
_MOST_CONTAINERS: Final = 500_000
_MOST_VALUES: Final = 2_000_000
"""Of both fewer bytes could stand for more memory than a process has."""
_MOST_MEMBERS: Final = 100
_GZIP: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body as it was sent."""

    data: bytes
    is_gzip: bool
    content_type: str

    def unpacked(self) -> bytes:
        """The bytes that were meant; Refused when they are damaged or too many."""
        return _unpacked(self.data) if self.is_gzip else self.data

    def json(self) -> Any:
        """The value that a JSON body holds; Refused for any other body."""
        _expect_json(self.content_type)
        return parse_json(self.unpacked())


async def read_body(request: Request) -> Body:
    """The body of a request, at most 4 MiB of it; Refused with 413 as soon as there is more."""
    encoding = ",".join(request.headers.getlist("content-encoding")).strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body as it is, or with Content-Encoding: gzip once")
    declared = request.headers.get("content-length")
    if declared is not None and not (declared.isascii() and declared.isdigit()):
        raise Refused(HTTPStatus.BAD_REQUEST, "Content-Length is no number of bytes")
    if declared is not None and (len(declared) > len(str(LARGEST_SENT)) or int(declared) > LARGEST_SENT):
        raise _too_large()
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > LARGEST_SENT:
                raise _too_large()
            chunks.append(chunk)
    except ClientDisconnect:
        raise Refused(HTTPStatus.BAD_REQUEST, "the body was not sent to its end") from None
    if declared is not None and size != int(declared):
        raise Refused(HTTPStatus.BAD_REQUEST, "the body has another length than Content-Length says")
    return Body(data=b"".join(chunks), is_gzip=encoding == "gzip", content_type=request.headers.get("content-type", ""))


def parse_json(data: bytes) -> Any:
    """The value of a JSON text in UTF-8; Refused for one that is broken, too deep, or names something twice."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is not UTF-8 (at byte {error.start:,})") from None
    if text.count("{") + text.count("[") > _MOST_CONTAINERS or text.count(",") > _MOST_VALUES:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body holds too many values: send several requests")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        where = f" (at character {error.pos:,})" if isinstance(error, json.JSONDecodeError) else ""
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is not JSON{where}") from None
    _expect_shallow(value)
    return value


def _unpacked(data: bytes) -> bytes:
    found: list[bytes] = []
    size = 0
    while data or not found:
        # A file of gzip may be several, end to end; each of them copies what comes behind it.
        if len(found) == _MOST_MEMBERS:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is more than {_MOST_MEMBERS} gzip files end to end")
        member = zlib.decompressobj(_GZIP)
        try:
            piece = member.decompress(data, LARGEST_UNPACKED - size + 1)
        except zlib.error:
            raise Refused(HTTPStatus.BAD_REQUEST, "the body is not gzip, or is damaged") from None
        size += len(piece)
        if size > LARGEST_UNPACKED:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is larger than 16 MiB once it is unpacked")
        if not member.eof:
            raise Refused(HTTPStatus.BAD_REQUEST, "the body is gzip that was cut off")
        found.append(piece)
        data = member.unused_data
    return b"".join(found)


def _expect_json(content_type: str) -> None:
    # By hand: the parser of mail decodes what no caller needs, and breaks on it.
    kind, *parameters = (each.strip() for each in content_type.lower().split(";"))
    told = {name.strip(): value for name, _, value in (each.partition("=") for each in reversed(parameters))}
    charset = told.get("charset", "utf-8").strip(' "')
    is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    if not is_json or charset not in ("utf-8", "utf8", "us-ascii"):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON in UTF-8, with Content-Type: application/json")


def _expect_shallow(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        below = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for values in below for each in values if isinstance(each, dict | list)]
        if not level:
            return
    raise _too_deep()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body names {_twice(pairs)[:64]!r} twice in one object")
    return found


def _twice(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("every name is another one")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body holds a number that is too large ({text[:32]})")
    return number


def _no_number(text: str) -> NoReturn:
    raise Refused(HTTPStatus.BAD_REQUEST, f"the body holds {text}, which is not JSON: write a finite number or null")


def _too_large() -> Refused:
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is larger than 4 MiB: send several requests, or gzip")


def _too_deep() -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, f"the body is nested deeper than {DEEPEST} levels")
