"""The web app on a port of this machine, each request answered as the HTTP door answers it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import azure.functions as func
from fastapi import FastAPI

from functions.http import answered
from processing.local.host.coroutines import CoroutineLoop

_LOOP = CoroutineLoop("served")


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of the app, until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Nothing: the jobs' own lines tell what was asked."""

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            url = f"http://{self.headers['host']}{self.path}"
            request = func.HttpRequest(method=self.command, url=url, headers=dict(self.headers.items()), body=body)
            answer = _LOOP.run(answered(app, request))
            assert isinstance(answer, func.HttpResponse)
            data = answer.get_body()
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
