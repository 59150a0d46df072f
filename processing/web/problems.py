"""Errors as problem documents (RFC 9457), the only form in which the app says no (contract section 7)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi.openapi.models import Header, MediaType, Reference, Schema
from fastapi.openapi.models import Response as OpenApiResponse
from pydantic import BaseModel, Field
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"
MOST_ERRORS: Final = 100
"""Errors that one document lists; `detail` tells how many there are."""
RETRY_SECONDS: Final = 5
"""After which a caller tries again when storage did not answer."""
RETRY_BROKEN_SECONDS: Final = 300
"""The same when somebody must act before it does."""


class FieldError(BaseModel):
    """One thing that is wrong with a body."""

    index: Annotated[
        int | None, Field(description="the row, from 0; null where it is no single row", ge=0, lt=10_000, examples=[3])
    ]
    field: Annotated[
        str | None,
        Field(description="its field, as it was sent; null for the row as a whole", max_length=64, examples=["id_type"]),
    ]
    value: Annotated[
        str | None,
        Field(description="what stands there, cut to 64 characters; masked as the config says", max_length=64, examples=[""]),
    ]
    message: Annotated[str, Field(description="what to do", examples=["write a value"])]


class Problem(BaseModel):
    """Why a request was refused, as RFC 9457 writes it."""

    type: Annotated[str, Field(description="always about:blank: the status says what kind it is", examples=["about:blank"])]
    title: Annotated[str, Field(description="the status in words", examples=["Bad Request"])]
    status: Annotated[int, Field(description="the status of the answer", ge=400, le=599, examples=[400])]
    detail: Annotated[str, Field(description="what was found and what to do", examples=["1 row is not accepted"])]
    errors: Annotated[
        list[FieldError], Field(description="the first 100 things that are wrong with the body", max_length=MOST_ERRORS)
    ]


class Refused(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        errors: Sequence[FieldError] = (),
        *,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`retry_after` is in seconds."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, retry_after))


def field_error(message: str, *, index: int | None = None, field: str | None = None, value: object = None) -> FieldError:
    """An error with what was sent cut to what may be shown."""
    return FieldError(index=index, field=None if field is None else field[:64], value=shown(value), message=message)


def shown(value: object) -> str | None:
    """A value as text of at most 64 characters that any encoding can carry."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text[:64].encode("utf-8", "replace").decode()


def answer(refused: Refused) -> Response:
    """The document of a refusal."""
    document = Problem(
        type="about:blank",
        title=refused.status.phrase,
        status=refused.status.value,
        detail=refused.detail.encode("utf-8", "replace").decode(),
        errors=list(refused.errors[:MOST_ERRORS]),
    )
    return Response(
        document.model_dump_json(), status_code=refused.status.value, media_type=MEDIA_TYPE, headers=refused.headers
    )


def unreadable_address() -> bytes:
    """The document of a request whose address is no text, with status 400."""
    return bytes(answer(Refused(HTTPStatus.BAD_REQUEST, "the address is not UTF-8 behind its escapes")).body)


def storage_down() -> Refused:
    """That storage does not answer, which is nobody's fault who asks."""
    return Refused(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "storage does not answer: nothing was kept of the request, unless it is found later; try again",
        retry_after=RETRY_SECONDS,
    )


def storage_is_wrong() -> Refused:
    """That storage is not as it must be: to ask again helps once somebody has acted."""
    return Refused(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "storage is not as it must be, and nothing was kept of the request: the operator of the drop zone must act",
        retry_after=RETRY_BROKEN_SECONDS,
    )


RESPONSES: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "the request or its body is not as it must be; `errors` names rows and fields",
    HTTPStatus.UNAUTHORIZED: "no key, or one that opens nothing",
    HTTPStatus.FORBIDDEN: "the key lacks the scope",
    HTTPStatus.NOT_FOUND: "not yours or not there",
    HTTPStatus.CONFLICT: (
        "an earlier time than one that was marked before; an Idempotency-Key that another request had, or that is under way"
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "more than 4 MiB as sent, 16 MiB unpacked or 10,000 rows",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "not JSON in UTF-8, or another encoding than gzip",
    HTTPStatus.TOO_MANY_REQUESTS: "more rows or requests than the customer's limits, or too many failed attempts",
    HTTPStatus.SERVICE_UNAVAILABLE: "storage does not answer",
}


def responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The refusals that a call may answer, for the OpenAPI document."""
    content = {MEDIA_TYPE: MediaType(schema=Reference(**{"$ref": "#/components/schemas/Problem"}))}
    found: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        is_passing = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
        documented = OpenApiResponse(
            description=RESPONSES[status], content=content, headers={"Retry-After": _RETRY_AFTER} if is_passing else None
        )
        found[status.value] = documented.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


_RETRY_AFTER: Final = Header(
    description="seconds after which to try again", required=True, schema=Schema(type="integer", minimum=1)
)
