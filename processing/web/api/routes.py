"""What the routes of all calls have in common in the OpenAPI document."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi.openapi.models import MediaType, Reference, RequestBody, Schema
from pydantic import BaseModel
from starlette.convertors import Convertor, register_url_convertor

from processing.web.problems import responses


class _AnyText(Convertor[str]):
    """The rest of an address, line ends too, which `path` ends at: names hold anything."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """The text itself."""
        return value

    def to_string(self, value: str) -> str:
        """The same."""
        return value


register_url_convertor("any", _AnyText())


def common_responses(*further: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The refusals of every call that needs a key, and further ones."""
    own = {
        *further,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
    return responses(*sorted(own))


def accepts_json(model: type[BaseModel]) -> dict[str, Any]:
    """A body that the model describes and `bodies` reads."""
    return _accepts("application/json", MediaType(schema=Reference(**{"$ref": f"#/components/schemas/{model.__name__}"})))


def accepts_file() -> dict[str, Any]:
    """A body that is a file, of any type."""
    return _accepts("application/octet-stream", MediaType(schema=Schema(type="string", format="binary")))


def _accepts(media_type: str, content: MediaType) -> dict[str, Any]:
    body = RequestBody(content={media_type: content}, required=True)
    return {"requestBody": body.model_dump(mode="json", by_alias=True, exclude_none=True)}
