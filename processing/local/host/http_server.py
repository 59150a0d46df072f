"""Serves the HTTP-triggered functions on 127.0.0.1.

Keys of the Functions host (auth levels `function` and `admin`) are not checked here: whoever reaches this machine's loopback
may call. Unlike Azure, routes are matched with the case that they are written in.
"""

from __future__ import annotations

import inspect
import socket
import threading
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import WSGIRequestHandler, make_server

from processing.domain.errors import OperatorError
from processing.local.host.coroutines import CoroutineLoop
from processing.local.host.doors import Door
from processing.local.host.failures import log_failure
from processing.local.host.host_json import route_prefix
from processing.local.host.routes import CONVERTERS, rules_of

HOST: Final = "127.0.0.1"
_LARGEST_BODY: Final = 100 * 1024 * 1024
"""Bytes; where Azure's own host stops."""
_SHUTDOWN_POLL: Final = 0.05


class HttpServer:
    """All HTTP functions of the app behind one port."""

    def __init__(self, doors: Sequence[Door], host_json: Mapping[str, Any], *, port: int) -> None:
        self.name = "http"
        prefix = route_prefix(host_json)
        self._routes = Map(
            [
                Rule(rule, endpoint=door, methods=door.trigger.get("methods"), strict_slashes=False, merge_slashes=False)
                for door in doors
                for rule in rules_of(door, prefix)
            ],
            converters=CONVERTERS,
            merge_slashes=False,
        )
        self._running = 0
        self._count = threading.Lock()
        self._stopping = False
        with _bound(port) as listening:
            self._server = make_server(
                HOST, port, self._application, threaded=True, request_handler=_QuietHandler, fd=listening.fileno()
            )
        self.url = f"http://{HOST}:{self._server.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_SHUTDOWN_POLL,), name="http-server", daemon=True
        )
        self._coroutines = CoroutineLoop("http-loop")

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Take no further request; those that run may end."""
        self._stopping = True
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        else:
            self._server.server_close()

    def busy(self) -> bool:
        """Whether a function may still be running."""
        return self._running > 0

    def abandon(self) -> None:
        """Nothing to give back: the caller sees its connection closed."""

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._count:
            self._running += 1
        request = Request(environ)
        request.max_content_length = _LARGEST_BODY
        response = self._answer(request)
        # Running until the last byte is on its way, not only until the function returned.
        response.call_on_close(self._ended)
        return response(environ, start_response)

    def _ended(self) -> None:
        with self._count:
            self._running -= 1

    def _answer(self, request: Request) -> Response:
        if self._stopping:
            # A connection that was kept open outlives the listening socket.
            return Response(status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Connection": "close"})
        try:
            door, route_params = self._routes.bind_to_environ(request.environ).match()
            function_request = _as_function_request(request, route_params)
        except HTTPException as error:
            return Response.force_type(error.get_response(request.environ))
        try:
            result = door.call(function_request)
            return _as_http_response(self._coroutines.run(result) if inspect.iscoroutine(result) else result)
        except Exception as error:  # noqa: BLE001 - whatever a function raises, the caller gets an answer and the server goes on
            log_failure(door.name, error)
            return Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)


class _QuietHandler(WSGIRequestHandler):
    """Leaves it to the functions to log what they do."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the name is werkzeug's
        """Say nothing."""


def _bound(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        raise OperatorError(f"cannot listen on {HOST}:{port} ({error}); choose another port, or 0 for a free one") from error


def _as_function_request(request: Request, route_params: Mapping[str, Any]) -> func.HttpRequest:
    headers = dict(request.headers.items())
    # As Azure's front end does: whatever the caller says of where it comes from, what is known stands last.
    headers["X-Forwarded-For"] = ", ".join(filter(None, (headers.get("X-Forwarded-For"), request.remote_addr)))
    return func.HttpRequest(
        method=request.method,
        url=_url(request),
        headers=headers,
        # As Azure hands over a parameter that was given more than once.
        params={key: ",".join(values) for key, values in request.args.lists()},
        route_params={key: str(value) for key, value in route_params.items()},
        body=request.get_data(),
    )


def _url(request: Request) -> str:
    """The address as it was sent: with its escapes, of which `%2F` and `%25` would else be lost."""
    target = str(request.environ.get("RAW_URI") or request.full_path)
    return request.host_url.rstrip("/") + target if target.startswith("/") else request.url


def _as_http_response(result: object) -> Response:
    if isinstance(result, str):
        return Response(result, content_type="text/plain; charset=utf-8")
    if not isinstance(result, func.HttpResponse):
        raise TypeError(f"an HTTP function returns an HttpResponse or a str, not {type(result).__name__}")
    headers = list(result.headers.items())
    response = Response(result.get_body(), status=result.status_code, headers=headers)
    if not any(name.lower() == "content-type" for name, _ in headers):
        text = result.mimetype.startswith("text/")
        response.headers["Content-Type"] = f"{result.mimetype}; charset={result.charset}" if text else result.mimetype
    return response
