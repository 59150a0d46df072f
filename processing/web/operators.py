"""Operators by their tokens of Entra: a bearer token becomes a person or program that may, or a problem document.

Platform sign-in does not stand before the app, and its headers (`X-MS-CLIENT-PRINCIPAL` and the like) could come from anybody:
they are not read. What is believed is what the tenant signed: signature, times, issuer, audience, tenant and role.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NoReturn

import structlog

from processing.web.problems import RETRY_SECONDS, Refused

if TYPE_CHECKING:
    from jwt import PyJWK, PyJWKClient
    from starlette.datastructures import Headers

_LONGEST: Final = 16_384
"""Characters of a token that is looked at."""
_ALGORITHMS: Final = ("RS256",)
"""What Entra signs with. What a token itself says of it is not believed."""
_CLAIMS: Final = ("iss", "aud", "tid", "oid", "iat", "nbf", "exp", "ver")
_LEEWAY: Final = 60
"""Seconds that clocks may differ."""
_KEYS_KEPT: Final = 3_600.0
"""Seconds after which the tenant's keys are fetched again; one that is not known is looked for at once."""
_NOT_AGAIN_FOR: Final = 30.0
"""Seconds in which tokens with unknown keys cause no further fetch."""
_PATIENCE: Final = 5.0
"""Seconds that the tenant's keys may take, while somebody waits."""
_BEARER: Final = re.compile(r"bearer +([\w.-]+)", re.IGNORECASE)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who shows a token that lets them look after the installation."""

    object_id: str
    """Of the person or program in the tenant; it stays the same when names change."""
    name: str
    """For those who read it; never for a decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorPolicy:
    """Whose tokens are taken."""

    tenant: str
    """Id of the Entra tenant."""
    audience: str
    """Client id of the app registration that tokens are made for."""
    role: str
    """Value of the app role that an operator has there."""
    authority: str = "https://login.microsoftonline.com"
    """Where the tenant's tokens come from; another one in other clouds."""

    @property
    def issuer(self) -> str:
        """Of tokens of version 2.0."""
        return f"{self.authority}/{self.tenant}/v2.0"

    @property
    def keys(self) -> str:
        """Where the keys are published that the tenant signs with."""
        return f"{self.authority}/{self.tenant}/discovery/v2.0/keys"


@dataclass(slots=True)
class Operators:
    """One for each process, which remembers the tenant's keys; safe to share between threads."""

    policy: OperatorPolicy | None
    """None where no tenant is set: nobody is an operator then."""
    _keys: PyJWKClient | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, headers: Headers) -> Operator:
        """Who shows this token; Refused: 401 for none or a wrong one, 403 without the role, 503 without the tenant's keys."""
        shown = headers.getlist("authorization")
        match = _BEARER.fullmatch(shown[0].strip()) if len(shown) == 1 and len(shown[0]) <= _LONGEST else None
        if match is None:
            _refuse("show one token of Entra: Authorization: Bearer")
        if self.policy is None:
            _refuse("operators cannot sign in here: no tenant is set")
        claims = self._claims(match[1], self.policy)
        if claims["tid"] != self.policy.tenant or claims["ver"] != "2.0":
            _refuse("the token is of another tenant, or not of version 2.0", is_token=True)
        roles = claims.get("roles")
        if not isinstance(roles, list) or self.policy.role not in roles:
            raise Refused(HTTPStatus.FORBIDDEN, f"the token lacks the role {self.policy.role}")
        return Operator(object_id=str(claims["oid"]), name=str(claims.get("preferred_username") or claims.get("azp") or ""))

    def _claims(self, token: str, policy: OperatorPolicy) -> Mapping[str, Any]:
        import jwt  # noqa: PLC0415 - an instance that no operator calls needs none

        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(token, policy),
                algorithms=list(_ALGORITHMS),
                audience=policy.audience,
                issuer=policy.issuer,
                leeway=_LEEWAY,
                options={"require": list(_CLAIMS), "strict_aud": True},
            )
        except jwt.PyJWKClientConnectionError as error:
            _log.warning("operator_keys_not_fetched", error=type(error.__cause__).__name__)
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE, "the tenant's keys cannot be had now: try again", retry_after=RETRY_SECONDS
            ) from None
        except jwt.PyJWTError as error:
            _log.info("operator_refused", reason=type(error).__name__)
            _refuse("the token is not one that is taken here, or its time is over", is_token=True)
        return claims

    def _key(self, token: str, policy: OperatorPolicy) -> PyJWK:
        import jwt  # noqa: PLC0415

        header = jwt.get_unverified_header(token)
        if header.get("alg") not in _ALGORITHMS or not isinstance(header.get("kid"), str):
            raise jwt.InvalidAlgorithmError
        with self._lock:
            if self._keys is None:
                self._keys = jwt.PyJWKClient(
                    policy.keys, lifespan=_KEYS_KEPT, cooldown_duration=_NOT_AGAIN_FOR, timeout=_PATIENCE
                )
        return self._keys.get_signing_key(header["kid"])


def _refuse(detail: str, *, is_token: bool = False) -> NoReturn:
    """By RFC 6750: a token that is shown and wrong is `invalid_token`, none at all is no error."""
    challenge = 'Bearer error="invalid_token"' if is_token else "Bearer"
    raise Refused(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": challenge})
