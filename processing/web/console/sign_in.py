"""Signing in with a key that may read, or on this machine with a link; and signing out."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from processing.domain.api_keys import KeyText, Scope
from processing.web.access import address_of, holder_of
from processing.web.bodies import read_body
from processing.web.console.addresses import HOME, SIGN_IN
from processing.web.console.pages import render
from processing.web.console.sessions import Purpose
from processing.web.console.visits import (
    current_session,
    delete_cookie,
    expect_own_form,
    is_loopback,
    may_read,
    services_of,
    set_cookie,
)
from processing.web.problems import Refused

_MOST_FIELDS = 4


def show_sign_in(request: Request) -> Response:
    """The form; whoever has signed in needs none."""
    link = request.query_params.get("link")
    if link is None and current_session(request) is not None:
        return RedirectResponse(HOME, HTTPStatus.SEE_OTHER)
    return _form(link=link)


async def sign_in(request: Request) -> Response:
    """Exchange a key, or a link, for a session."""
    expect_own_form(request)
    fields = await _fields(request)
    return await run_in_threadpool(_signed_in, request, fields)


async def sign_out(request: Request) -> Response:
    """Have the browser forget its session."""
    expect_own_form(request)
    answer = RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
    delete_cookie(request, answer)
    return answer


def _signed_in(request: Request, fields: dict[str, str]) -> Response:
    _, sessions = services_of(request)
    try:
        key = _holder(request, fields)
    except Refused as refused:
        answer = _form(status=refused.status, problem=refused.detail)
        # That a key is missing is told to browsers by the form.
        answer.headers.update({name: value for name, value in refused.headers.items() if name == "Retry-After"})
        return answer
    answer = RedirectResponse(HOME, HTTPStatus.SEE_OTHER)
    set_cookie(request, answer, sessions.begin(key))
    return answer


def _holder(request: Request, fields: dict[str, str]) -> KeyText:
    services, sessions = services_of(request)
    link = fields.get("link")
    if link is None:
        return holder_of(services, fields.get("key", "").strip(), address_of(request), Scope.READ)
    session = sessions.read(link, Purpose.LINK) if is_loopback(request) else None
    if session is None or not may_read(services, session):
        raise Refused(HTTPStatus.FORBIDDEN, "the link opens nothing any more: start again what printed it, or show a key")
    return session.key


async def _fields(request: Request) -> dict[str, str]:
    body = await read_body(request)
    try:
        found = parse_qs(body.data.decode("ascii"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Refused(HTTPStatus.BAD_REQUEST, "the form is none of the console's") from None
    return {name: values[0] for name, values in found.items()}


def _form(*, status: HTTPStatus = HTTPStatus.OK, problem: str | None = None, link: str | None = None) -> Response:
    return render("sign_in.html", status=status, problem=problem, link=link)
