"""The console as an app of its own within the web app: its pages, its headers, and how it says no."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from processing.domain.errors import DropzoneError, LaterError, OperatorError
from processing.jobs.failures import log_failure
from processing.web.console.addresses import PREFIX
from processing.web.console.days import show_day, show_days
from processing.web.console.experiments import show_experiment, show_experiments
from processing.web.console.files import download_fix, download_rejected, show_file, show_files
from processing.web.console.log_stream import show_log_stream
from processing.web.console.metrics import download_metric, show_metric, show_metrics
from processing.web.console.missing import show_missing
from processing.web.console.operators import show_operators
from processing.web.console.pages import render
from processing.web.console.sessions import Sessions
from processing.web.console.sign_in import show_sign_in, sign_in, sign_out
from processing.web.console.static import static_file
from processing.web.console.visits import page
from processing.web.problems import Refused, storage_down
from processing.web.services import Services

PAGES: Final = (
    ("/", show_days),
    ("/day", show_day),
    ("/files", show_files),
    ("/file", show_file),
    ("/rejected", download_rejected),
    ("/fix", download_fix),
    ("/log-stream", show_log_stream),
    ("/metrics", show_metrics),
    ("/metric", show_metric),
    ("/metric.csv", download_metric),
    ("/experiments", show_experiments),
    ("/experiment", show_experiment),
    ("/missing", show_missing),
)
"""Paths and what shows them to a customer who has signed in."""
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With `no-referrer` a browser would not say where a form comes from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex",
}
_LASTING: Final = "max-age=31536000"
"""For HTTPS alone: a browser remembers it of a host."""

_log = structlog.get_logger()


def create_console(services: Services) -> ASGIApp:
    """The console over what the calls of the web app share."""
    app = Starlette(
        routes=[
            *(Route(path, page(show)) for path, show in PAGES),
            Route("/operators", show_operators),
            Route("/sign-in", show_sign_in),
            Route("/sign-in", sign_in, methods=["POST"]),
            Route("/sign-out", sign_out, methods=["POST"]),
            Route("/static/{hash}/{name}", static_file),
        ],
        exception_handlers={Refused: _refused, HTTPException: _not_routed, DropzoneError: _failed, Exception: _broken},
    )
    app.state.services = services
    app.state.sessions = Sessions(services.context)
    # Around all of it, so that an answer to what broke has them too.
    return _SafeHeaders(app)


class _SafeHeaders:
    """Every answer tells the browser what a page may do, and that nobody keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = _LASTING
            await send(message)

        # What broke is in the log and was answered; the app around this one would log and answer it again.
        with suppress(Exception):
            await self._app(scope, receive, sent)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - registered for nothing else
    return _said(error)


def _not_routed(_request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    return _said(Refused(status, "there is no such page" if status is HTTPStatus.NOT_FOUND else status.description))


def _failed(request: Request, error: Exception) -> Response:
    """Storage is down, or not as it must be; what is wrong is for the log alone."""
    if isinstance(error, LaterError):
        _log.warning("request_not_answered", path=_route_of(request), error=str(error))
    else:
        log_failure(_log, "request_failed", error, path=_route_of(request))
    if isinstance(error, OperatorError):
        return _said(Refused(HTTPStatus.SERVICE_UNAVAILABLE, "storage is not as it must be: the operator must act"))
    return _said(Refused(HTTPStatus.SERVICE_UNAVAILABLE, "storage does not answer: try again", headers=storage_down().headers))


def _broken(request: Request, error: Exception) -> Response:
    log_failure(_log, "request_broken", error, path=_route_of(request))
    return _said(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "this is ours to fix"))


def _route_of(request: Request) -> str:
    """The page, without what a caller wrote into its address."""
    return PREFIX + str(getattr(request.scope.get("route"), "path", ""))


def _said(refused: Refused) -> Response:
    answer = render("problem.html", status=refused.status, title=refused.status.phrase, detail=refused.detail)
    answer.headers.update(refused.headers)
    return answer
