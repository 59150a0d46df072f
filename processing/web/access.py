"""Who calls: the key of a request, and what it opens (contract section 7, keys).

A key opens its own customer alone. What a caller without a right key is answered is the same whether a customer exists or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NoReturn

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request

from processing.domain.api_keys import KeyText, Scope, parse_key
from processing.domain.telemetry_names import REFUSED_KEYS, Attribute
from processing.web.problems import Refused
from processing.web.services import Services

HEADERS: Final = ("statsig-api-key", "x-api-key")
_BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_IN_QUERY: Final = frozenset({"key", "apikey", "accesstoken", "statsigapikey", "xapikey", "authorization"})
_LIKE_A_KEY: Final = re.compile(r"dz_[a-z0-9-]{3,50}_[A-Za-z0-9_-]{20}", re.ASCII)
"""Also one that was cut off."""
_NO_ADDRESS: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A customer's program that showed a right key."""

    customer: str
    services: Services


def requires(scope: Scope) -> Callable[[Request], Iterator[Caller]]:
    """What a call depends on: a key with this scope, and one of the customer's places for as long as it is worked on."""

    def caller(request: Request) -> Iterator[Caller]:
        services: Services = request.app.state.services
        customer = _customer(services, request, scope)
        with services.fair_use.request(customer, services.limits_of(customer)):
            yield Caller(customer=customer, services=services)

    return caller


def key_of(headers: Headers, query: QueryParams) -> str | None:
    """The key that a request shows, None for none; Refused for two different ones, and for one in the address."""
    for name, value in query.multi_items():
        if re.sub("[-_]", "", name).lower() in _IN_QUERY or _LIKE_A_KEY.match(value):
            raise Refused(HTTPStatus.BAD_REQUEST, "a key never stands in the address: send it as a header, and make a new one")
    shown = {value.strip() for name in HEADERS for value in headers.getlist(name)}
    for value in headers.getlist("authorization"):
        match = _BEARER.fullmatch(value.strip())
        shown.add(match[1] if match else "")
    if len(shown) > 1:
        raise Refused(HTTPStatus.BAD_REQUEST, "the request shows two different keys: send one")
    return next(iter(shown), None)


def address_of(request: Request) -> str:
    """Where a request comes from, by what the platform's front end adds last to the header."""
    told = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    if not told:
        return request.client.host if request.client else _NO_ADDRESS
    match = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::\d+)?|([0-9.]+)(?::\d+)?", told)
    return (match[1] or match[2]) if match else told[:64]


def _customer(services: Services, request: Request, scope: Scope) -> str:
    shown = key_of(request.headers, request.query_params)
    if shown is None:
        _refuse(services, "none", "show a key: statsig-api-key, x-api-key or Authorization: Bearer")
    return holder_of(services, shown, address_of(request), scope).customer


def holder_of(services: Services, shown: str, address: str, scope: Scope) -> KeyText:
    """Whose key a text is that opens something and has the scope; Refused for any other text, and after too many of them."""
    text = parse_key(shown)
    key = None
    if text is not None:
        key = services.keys.find(text, may_ask=lambda: not services.failed_attempts.wait(address))
    if text is None or key is None:
        wait = services.failed_attempts.wait(address)
        services.failed_attempts.add(address)
        if wait:
            services.context.telemetry.measure(REFUSED_KEYS, 1, {Attribute.OUTCOME: "too_many"})
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too many attempts with keys that open nothing", retry_after=wait)
        _refuse(services, "malformed" if text is None else "unknown", "the key opens nothing")
    if scope not in key.scopes:
        services.context.telemetry.measure(REFUSED_KEYS, 1, {Attribute.OUTCOME: "scope"})
        raise Refused(HTTPStatus.FORBIDDEN, f"the key lacks the scope {scope}")
    return text


def _refuse(services: Services, outcome: str, detail: str) -> NoReturn:
    services.context.telemetry.measure(REFUSED_KEYS, 1, {Attribute.OUTCOME: outcome})
    raise Refused(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})
