"""An HTTP proxy between the program and the emulator that can act before and after each request reaches it."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit


class Moment(StrEnum):
    """On which side of the service a request is."""

    BEFORE = "before"
    """It has not reached the service."""
    AFTER = "after"
    """The service has done it, and the answer has not been given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A storage call on its way."""

    method: str
    path: str
    """Decoded, without the account: `/<container>/<blob>`."""
    query: str
    number: int
    """Among all requests through this proxy, from 1."""


Hook = Callable[[Request, Moment], bool]
"""Called at both moments of each request; True breaks the connection there and then."""


@dataclass(slots=True)
class Proxy:
    """Listens on a free port of 127.0.0.1 and forwards to `upstream`, an http address."""

    upstream: str
    hook: Hook = lambda _request, _moment: False
    seen: list[Request] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return self._server.server_port

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def through(self, connection_string: str) -> str:
        """The connection string of the emulator with its blob service behind this proxy."""
        return re.sub(r"(BlobEndpoint=http://127\.0\.0\.1:)\d+", rf"\g<1>{self.port}", connection_string)

    def _note(self, method: str, target: str) -> Request:
        parts = urlsplit(target)
        path = "/" + unquote(parts.path).lstrip("/").partition("/")[2]
        with self._lock:
            request = Request(method=method, path=path, query=parts.query, number=len(self.seen) + 1)
            self.seen.append(request)
        return request

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self
        host = urlsplit(self.upstream).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class has
                pass

            def _forward(self) -> None:
                request = proxy._note(self.command, self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if proxy.hook(request, Moment.BEFORE):
                    self.close_connection = True
                    return
                upstream = http.client.HTTPConnection(host, timeout=60)
                try:
                    headers = {key: value for key, value in self.headers.items() if key.lower() != "connection"}
                    upstream.request(self.command, self.path, body=body, headers=headers)
                    answer = upstream.getresponse()
                    data = answer.read()
                finally:
                    upstream.close()
                if proxy.hook(request, Moment.AFTER):
                    self.close_connection = True
                    return
                self.send_response_only(answer.status, answer.reason)
                for key, value in answer.getheaders():
                    if key.lower() not in ("transfer-encoding", "connection", "content-length", "keep-alive"):
                        self.send_header(key, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
                self.send_header("Content-Length", length or "0")
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _forward  # noqa: N815 - names that the base class looks for

        return Handler
