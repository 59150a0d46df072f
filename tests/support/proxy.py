"""An HTTP proxy between the program and the emulator that can act before and after each request reaches it."""

from __future__ import annotations

import http.client
import os
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
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
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Says this in the service's place."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Resets the connection, where True closes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Does nothing for so long, and then what would have been done."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shorten:
    """Gives half of the answer's body, after the service has done the request."""

    is_admitted: bool
    """Whether Content-Length is that of the half, or of the whole that never comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend:
    """Gives the service's answer with these headers besides."""

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """Gives the service's answer with its body changed."""

    body: Callable[[bytes], bytes]


Reaction = Reply | Reset | Stall | Shorten | Amend | Rewrite
Hook = Callable[[Request, Moment], "bool | Reaction"]
"""Called at both moments of each request. True closes the connection there and then, False lets the request pass."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Those who break off, or were killed, are what this is for."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


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
        self._server = _Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def through(self, connection_string: str, service: str = "Blob") -> str:
        """The connection string of the emulator with one of its services behind this proxy."""
        return re.sub(rf"({service}Endpoint=http://127\.0\.0\.1:)\d+", rf"\g<1>{self.port}", connection_string)

    def _note(self, method: str, target: str, body: bytes) -> Request:
        parts = urlsplit(target)
        path = "/" + unquote(parts.path).lstrip("/").partition("/")[2]
        with self._lock:
            request = Request(method=method, path=path, query=parts.query, number=len(self.seen) + 1, body=body)
            self.seen.append(request)
        return request

    def _handler(self) -> type[_Handler]:
        return type("Handler", (_Handler,), {"proxy": self, "host": urlsplit(self.upstream).netloc})


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    host: str
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class has
        pass

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = self.proxy._note(self.command, self.path, body)
        if self._ends_here(self.proxy.hook(request, Moment.BEFORE)):
            return
        upstream = http.client.HTTPConnection(self.host)
        try:
            headers = {key: value for key, value in self.headers.items() if key.lower() != "connection"}
            upstream.request(self.command, self.path, body=body, headers=headers)
            answer = upstream.getresponse()
            data = answer.read()
        finally:
            upstream.close()
        reaction = self.proxy.hook(request, Moment.AFTER)
        if self._ends_here(reaction):
            return
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        if isinstance(reaction, Shorten) and data:
            data = data[: len(data) // 2]
            length = str(len(data)) if reaction.is_admitted else length
            self.close_connection = True
        if isinstance(reaction, Rewrite):
            data = reaction.body(data)
            length = str(len(data))
        added = reaction.headers if isinstance(reaction, Amend) else {}
        self._give(answer.status, answer.reason, {**dict(answer.getheaders()), **added}, data, length)

    def _ends_here(self, reaction: bool | Reaction) -> bool:
        """Does what the reaction says, and says whether that was all that is to become of the request."""
        match reaction:
            case True:
                self.close_connection = True
            case Reset():
                self.close_connection = True
                # With nothing to wait for, closing resets. The base class holds the socket: it is taken from it.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                os.close(self.connection.detach())
            case Reply():
                self._give(reaction.status, None, reaction.headers, reaction.body, str(len(reaction.body)))
            case Stall():
                time.sleep(reaction.seconds)
                return False
            case _:
                return False
        return True

    def _give(self, status: int, reason: str | None, headers: Mapping[str, str], data: bytes, length: str | None) -> None:
        try:
            self.send_response_only(status, reason)
            for key, value in headers.items():
                if key.lower() not in ("transfer-encoding", "connection", "content-length", "keep-alive"):
                    self.send_header(key, value)
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
        except ConnectionError:
            self.close_connection = True  # whoever asked is gone

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _forward  # noqa: N815 - names that the base class looks for
