"""The OpenAPI 3.1 document, made from the routes and the models."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from processing.web.api.models import LogEvents, LogExposures, LogMetrics, MarkReady
from processing.web.problems import Problem

_DESCRIPTION: Final = """\
Rows, marks and checks over HTTP, and what became of them. A key goes into one header: `statsig-api-key`, `x-api-key` or
`Authorization: Bearer`. Bodies are at most 4 MiB as sent and 16 MiB unpacked (`Content-Encoding: gzip`), and 10,000 rows.
Errors are problem documents (RFC 9457)."""
_KEY: Final = "the customer's key, which opens its own data alone"
_SCHEMES: Final[dict[str, dict[str, str]]] = {
    "statsigApiKey": {"type": "apiKey", "in": "header", "name": "statsig-api-key", "description": _KEY},
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": _KEY},
    "bearer": {"type": "http", "scheme": "bearer", "description": _KEY},
}
_BODIES: Final[tuple[type[BaseModel], ...]] = (LogMetrics, LogEvents, LogExposures, MarkReady, Problem)


def document_of(app: FastAPI) -> dict[str, Any]:
    """What the app answers to which requests."""
    document = get_openapi(
        title=app.title, version=app.version, openapi_version="3.1.0", description=_DESCRIPTION, routes=app.routes
    )
    _, definitions = models_json_schema(
        [(model, "validation") for model in _BODIES], ref_template="#/components/schemas/{model}"
    )
    schemas = document["components"]["schemas"]
    schemas |= definitions["$defs"]
    # Of these FastAPI answers 400 with a problem document, and no call 422.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    document["components"]["securitySchemes"] = _SCHEMES
    document["security"] = [{name: []} for name in _SCHEMES]
    return document
