"""Which pages of other sites may call: CORS is the app's own, so that it is the same on every host.

A browser sends no key by itself, so that nothing is believed from where a page comes; without an origin that is named, browsers
keep the answers from the pages of others.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from processing.web.access import HEADERS
from processing.web.problems import Refused, answer

_SENT: Final = (*HEADERS, "authorization", "content-type", "content-encoding", "idempotency-key")
_READ: Final = ("retry-after", "www-authenticate")


class _CrossOrigin(CORSMiddleware):
    """As Starlette has it, but for the form in which this app says no."""

    def preflight_response(self, request_headers: Headers) -> Response:
        found = super().preflight_response(request_headers)
        if found.status_code == HTTPStatus.OK:
            return found
        return answer(Refused(HTTPStatus.FORBIDDEN, "pages of this origin may not call in this way"))


def allow_origins(app: FastAPI, origins: tuple[str, ...]) -> None:
    """Let pages of these origins call; with none, the app speaks no CORS at all."""
    if origins:
        options: dict[str, Any] = {"allow_methods": ("GET", "POST"), "allow_headers": _SENT, "expose_headers": _READ}
        app.add_middleware(_CrossOrigin, allow_origins=origins, max_age=600, **options)
