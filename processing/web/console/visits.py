"""Who sees a page: the session of a request, by which a customer sees its own alone (contract section 12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from processing.domain.api_keys import Scope
from processing.web.console.addresses import SIGN_IN
from processing.web.console.sessions import Session, Sessions
from processing.web.problems import Refused
from processing.web.services import Services

_COOKIE: Final = "__Host-dropzone-session"
_LOCAL_COOKIE: Final = "dropzone-session"
"""On loopback, where a browser takes no cookie of the other name: that one is for HTTPS alone."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of somebody who has signed in."""

    customer: str
    services: Services
    request: Request

    def text(self, name: str) -> str | None:
        """A parameter of the address; None where it is not there or empty."""
        return self.request.query_params.get(name) or None


Show = Callable[[Visit], Response]


def page(show: Show) -> Callable[[Request], Response]:
    """A page for those who have signed in; others are sent where they sign in."""

    def shown(request: Request) -> Response:
        services, sessions = services_of(request)
        session = current_session(request)
        if session is None:
            return RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
        customer = session.key.customer
        with services.fair_use.request(customer, services.limits_of(customer)):
            answer = show(Visit(customer=customer, services=services, request=request))
        again = sessions.renewed(session)
        if again is not None:
            set_cookie(request, answer, again)
        return answer

    return shown


def services_of(request: Request) -> tuple[Services, Sessions]:
    """What the pages share."""
    return request.app.state.services, request.app.state.sessions


def current_session(request: Request) -> Session | None:
    """The session that a request shows, as long as the key that opened it may still read."""
    services, sessions = services_of(request)
    text = request.cookies.get(_cookie(request))
    session = sessions.read(text) if text else None
    return session if session is not None and may_read(services, session) else None


def may_read(services: Services, session: Session) -> bool:
    """Whether the key that a session was opened with may still read."""
    key = services.keys.find(session.key)
    return key is not None and Scope.READ in key.scopes


def is_loopback(request: Request) -> bool:
    """Whether a request came over plain HTTP to a name that is this machine's."""
    return request.url.scheme == "http" and request.url.hostname in _LOOPBACK


def set_cookie(request: Request, answer: Response, text: str) -> None:
    """Have the browser keep a session until it is closed, or ends."""
    answer.set_cookie(_cookie(request), text, path="/", secure=not is_loopback(request), httponly=True, samesite="strict")


def delete_cookie(request: Request, answer: Response) -> None:
    """Have the browser forget its session."""
    answer.delete_cookie(_cookie(request), path="/", secure=not is_loopback(request), httponly=True, samesite="strict")


def expect_own_form(request: Request) -> None:
    """Refused unless a form was sent by a page of ours: by `Origin`, or by what the browser says where it has none."""
    origin, site, host = (request.headers.get(name) for name in ("origin", "sec-fetch-site", "host"))
    is_own = site == "same-origin" if origin is None else bool(host) and origin.partition("://")[2] == host
    if not is_own or site not in (None, "same-origin"):
        raise Refused(HTTPStatus.FORBIDDEN, "this form was not sent by a page of the console: open the page and try again")


def _cookie(request: Request) -> str:
    return _LOCAL_COOKIE if is_loopback(request) else _COOKIE
