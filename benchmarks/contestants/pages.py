"""Asks for pages of lists as a browser and a program do, from the HTTP door on the local host, one after another."""

from __future__ import annotations

import http.client
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from benchmarks.emulated import context_for

_ROOT: Final = Path(__file__).resolve().parents[2]
_OK: Final = 200
_SEE_OTHER: Final = 303


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:  # noqa: ARG001 - nothing is written here
    """The work: each of the `pages` `times` times; `found` has the median seconds of each, and of its first call."""
    context_for(task["connection"])
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.http_server"], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None  # noqa: S101 - it was asked for
    visitor = _Visitor(urlsplit(server.stdout.readline().strip()).netloc, task["key"])
    for path in task["pages"].values():
        visitor.seconds_of(path)

    def work() -> dict[str, Any]:
        seconds = {title: [visitor.seconds_of(path) for _ in range(task["times"])] for title, path in task["pages"].items()}
        server.communicate()
        return {title: statistics.median(each) for title, each in seconds.items()}

    return work


class _Visitor:
    """Signed in, and with a key."""

    def __init__(self, address: str, key: str) -> None:
        self._connection = http.client.HTTPConnection(address)
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{address}"}
        answer = self._asked("POST", "/console/sign-in", form, urlencode({"key": key}))
        if answer.status != _SEE_OTHER:
            raise RuntimeError(f"cannot sign in: {answer.status}")
        self._headers: Mapping[str, str] = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "X-Api-Key": key}

    def seconds_of(self, path: str) -> float:
        """How long a page took to come."""
        began = time.perf_counter()
        answer = self._asked("GET", path, self._headers)
        if answer.status != _OK:
            raise RuntimeError(f"{path}: {answer.status}")
        return time.perf_counter() - began

    def _asked(self, method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> http.client.HTTPResponse:
        self._connection.request(method, path, body, dict(headers))
        answer = self._connection.getresponse()
        answer.read()
        return answer
