"""The ASGI app: its calls, the console beside them, and how it says no.

The document at `/v1/openapi.json` is what its calls promise (contract section 7).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from processing.domain.errors import DropzoneError, LaterError, OperatorError
from processing.jobs.failures import log_failure
from processing.jobs.journal.journal import Journal
from processing.stored.context import JobContext
from processing.stored.keys import Keys
from processing.web import openapi
from processing.web.api import check, experiments, log, log_stream, mark, metrics, read
from processing.web.console.addresses import HOME
from processing.web.console.addresses import PREFIX as PREFIX_OF_CONSOLE
from processing.web.cross_origin import allow_origins
from processing.web.problems import Refused, answer, field_error, storage_down, storage_is_wrong
from processing.web.services import Services

PREFIX: Final = "/v1"

_log = structlog.get_logger()


class _Console:
    """The console, imported with its first request: its pages bring the engine, which calls can do without."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = await asyncio.to_thread(self._imported)
        await self._app(scope, receive, send)

    def _imported(self) -> ASGIApp:
        from processing.web.console.app import create_console  # noqa: PLC0415

        return create_console(self._services)


class _App(FastAPI):
    """Raises nothing: what broke is in the log and was answered, and the host would log it with all that it quotes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(Exception):
            await super().__call__(scope, receive, send)


def create_app(context: JobContext, journal: Journal, keys: Keys, *, origins: tuple[str, ...] = (), **options: Any) -> FastAPI:
    """The app over one outside world; `options` are further fields of Services, such as another clock.

    `origins` are those of other sites whose pages may call.
    """
    # No page of FastAPI's own: those ask other hosts for their scripts.
    app = _App(title="Dropzone", version=context.program, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.services = Services(context=context, journal=journal, keys=keys, **options)
    api = APIRouter(prefix=PREFIX)
    for each in (log, mark, check, read, metrics, experiments, log_stream):
        api.include_router(each.router)
    app.include_router(api)
    app.add_route(PREFIX_OF_CONSOLE, lambda _: RedirectResponse(HOME), include_in_schema=False)
    app.mount(PREFIX_OF_CONSOLE, _Console(app.state.services))
    allow_origins(app, origins)
    document = openapi.document_of(app)

    @app.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    async def _openapi() -> Response:
        return JSONResponse(document)

    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(DropzoneError, _failed)
    app.add_exception_handler(Exception, _broken)
    return app


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - registered for nothing else
    return answer(error)


def _invalid(_request: Request, error: Exception) -> Response:
    """A parameter of the address that is not what the document says."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [field_error(str(each["msg"]), field=str(each["loc"][-1]), value=each.get("input")) for each in found]
    names = ", ".join(str(each.field) for each in errors)
    return answer(Refused(HTTPStatus.BAD_REQUEST, f"these parameters are not as they must be: {names}", errors))


def _not_routed(_request: Request, error: Exception) -> Response:
    """No such address, or another method than it takes."""
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    headers = error.headers if isinstance(error, HTTPException) else None
    detail = f"there is nothing here: see {PREFIX}/openapi.json" if status is HTTPStatus.NOT_FOUND else status.description
    return answer(Refused(status, detail, headers=headers))


def _failed(request: Request, error: Exception) -> Response:
    """Storage is down, or not as it must be; what is wrong is for the log alone."""
    if isinstance(error, LaterError):
        _log.warning("request_not_answered", path=_route_of(request), error=str(error))
        return answer(storage_down())
    log_failure(_log, "request_failed", error, path=_route_of(request))
    return answer(storage_is_wrong() if isinstance(error, OperatorError) else storage_down())


def _broken(request: Request, error: Exception) -> Response:
    log_failure(_log, "request_broken", error, path=_route_of(request))
    return answer(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "this is ours to fix; nothing was kept of the request"))


def _route_of(request: Request) -> str:
    """The call, without what a caller wrote into its address."""
    return str(getattr(request.scope.get("route"), "path", ""))
