"""Tokens of Entra: what makes an operator and what does not, by keys of our own that are published on this machine."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.datastructures import Headers

from processing.domain.errors import OperatorError
from processing.settings import load_settings
from processing.web.operators import Operator, OperatorPolicy, Operators
from processing.web.problems import Refused, answer

TENANT = "11111111-2222-3333-4444-555555555555"
AUDIENCE = "66666666-7777-8888-9999-000000000000"
ROLE = "Dropzone.Operator"
KEYS = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("first", "second", "strangers")}


@dataclass(slots=True)
class Tenant:
    """Publishes keys where Entra does."""

    url: str = ""
    published: list[str] = field(default_factory=lambda: ["first"])
    is_down: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def document(self) -> bytes:
        keys = [
            {**jwt.algorithms.RSAAlgorithm.to_jwk(KEYS[name].public_key(), as_dict=True), "kid": name, "use": "sig"}
            for name in self.published
        ]
        return json.dumps({"keys": keys}).encode()

    def policy(self) -> OperatorPolicy:
        return OperatorPolicy(tenant=TENANT, audience=AUDIENCE, role=ROLE, authority=self.url)

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": f"{self.url}/{TENANT}/v2.0", "aud": AUDIENCE, "tid": TENANT, "oid": "person", "ver": "2.0",
            "iat": now, "nbf": now, "exp": now + 3600, "roles": [ROLE], "preferred_username": "ann@example.com",
        }  # fmt: skip
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}

    def token(self, *, key: str = "first", named: str | None = None, **changed: Any) -> str:
        return jwt.encode(self.claims(**changed), KEYS[key], algorithm="RS256", headers={"kid": named or key})


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    made = Tenant()

    class Published(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            self.send_response(503 if made.is_down else 200)
            self.end_headers()
            if not made.is_down:
                self.wfile.write(made.document)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Published)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def find(operators: Operators, token: str | None, **headers: str) -> Operator:
    return operators.find(Headers({**({"authorization": f"Bearer {token}"} if token is not None else {}), **headers}))


def refused(operators: Operators, token: str | None, **headers: str) -> tuple[int, str]:
    """The status, and the challenge that comes with it; what is answered is a problem document and repeats nothing."""
    with pytest.raises(Refused) as found:
        find(operators, token, **headers)
    answered = answer(found.value)
    document = json.loads(bytes(answered.body))
    assert document["status"] == answered.status_code
    assert not token or token not in str(document)
    return answered.status_code, answered.headers.get("www-authenticate", "")


def test_a_token_of_the_tenant_for_this_app_with_the_role_is_an_operators(tenant: Tenant) -> None:
    assert find(Operators(tenant.policy()), tenant.token()) == Operator(object_id="person", name="ann@example.com")
    assert tenant.asked == [f"/{TENANT}/discovery/v2.0/keys"]


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"},
        {"iss": None},
        {"aud": "another-app"},
        {"aud": [AUDIENCE, "another-app"]},
        {"aud": None},
        {"tid": "another-tenant"},
        {"tid": None},
        {"oid": None},
        {"ver": "1.0"},
        {"exp": 1},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"iat": None},
        {"key": "strangers", "named": "first"},
        {"key": "strangers"},
    ],
    ids=str,
)
def test_a_token_with_one_thing_wrong_is_401(tenant: Tenant, changed: dict[str, Any]) -> None:
    assert refused(Operators(tenant.policy()), tenant.token(**changed)) == (401, 'Bearer error="invalid_token"')


@pytest.mark.parametrize("roles", [None, [], ["Reader"], ROLE, {ROLE: 1}], ids=str)
def test_a_person_without_the_role_is_403(tenant: Tenant, roles: Any) -> None:
    assert refused(Operators(tenant.policy()), tenant.token(roles=roles))[0] == 403


def test_a_token_that_is_signed_otherwise_is_401_whatever_it_says(tenant: Tenant) -> None:
    operators = Operators(tenant.policy())
    public = KEYS["first"].public_key().public_numbers().n.to_bytes(256, "big")
    by_secret = jwt.encode(tenant.claims(), public, algorithm="HS256", headers={"kid": "first"})
    unsigned = jwt.encode(tenant.claims(), "", algorithm="none", headers={"kid": "first"})
    head, body, signature = tenant.token().split(".")
    other = base64.urlsafe_b64encode(json.dumps(tenant.claims(oid="another")).encode()).decode().rstrip("=")
    for token in (by_secret, unsigned, f"{head}.{other}.{signature}", f"{head}.{body}.", "a.b.c", "abc", "x" * 20_000):
        assert refused(operators, token)[0] == 401


def test_without_a_token_it_is_401_and_the_platforms_headers_are_not_read(tenant: Tenant) -> None:
    operators = Operators(tenant.policy())
    principal = base64.b64encode(json.dumps({"userRoles": [ROLE], "claims": tenant.claims()}).encode()).decode()
    platform = {
        "x-ms-client-principal": principal, "x-ms-client-principal-id": "person", "x-ms-client-principal-name": "ann",
        "x-ms-token-aad-access-token": tenant.token(), "x-ms-token-aad-id-token": tenant.token(),
    }  # fmt: skip
    for headers in ({}, platform, {"authorization": f"Basic {principal}"}, {"authorization": ""}):
        assert refused(operators, None, **headers) == (401, "Bearer")
    with pytest.raises(Refused):
        operators.find(Headers(raw=[(b"authorization", f"Bearer {tenant.token()}".encode())] * 2))
    assert tenant.asked == []


def test_nobody_is_an_operator_where_no_tenant_is_set(tenant: Tenant) -> None:
    assert refused(Operators(None), tenant.token())[0] == 401


def test_keys_are_fetched_once_and_again_when_the_tenant_has_a_new_one(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processing.web.operators._NOT_AGAIN_FOR", 0.0)
    operators = Operators(tenant.policy())
    for _ in range(3):
        find(operators, tenant.token())
    assert len(tenant.asked) == 1
    tenant.published = ["first", "second"]
    find(operators, tenant.token(key="second"))
    find(operators, tenant.token())
    assert len(tenant.asked) == 2


def test_a_key_that_the_tenant_took_back_opens_nothing_once_the_keys_are_fetched_again(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processing.web.operators._KEYS_KEPT", 1e-9)
    operators = Operators(tenant.policy())
    find(operators, tenant.token())
    tenant.published = ["second"]
    assert refused(operators, tenant.token())[0] == 401


def test_tokens_with_keys_that_nobody_has_cause_one_fetch_in_half_a_minute(tenant: Tenant) -> None:
    operators = Operators(tenant.policy())
    for number in range(20):
        assert refused(operators, tenant.token(named=f"unknown-{number}"))[0] == 401
    assert len(tenant.asked) <= 2


def test_while_the_keys_cannot_be_had_it_is_503_and_afterwards_all_is_well(tenant: Tenant) -> None:
    operators = Operators(tenant.policy())
    tenant.is_down = True
    assert refused(operators, tenant.token())[0] == 503
    tenant.is_down = False
    assert find(operators, tenant.token()).object_id == "person"
    tenant.is_down = True
    assert find(operators, tenant.token()).object_id == "person", "keys that are known are enough"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DROPZONE_OPERATOR_TENANT", "common"),
        ("DROPZONE_OPERATOR_TENANT", TENANT),
        ("DROPZONE_OPERATOR_AUDIENCE", AUDIENCE),
        ("DROPZONE_OPERATOR_AUTHORITY", "login.microsoftonline.com"),
        ("DROPZONE_HTTP_ORIGINS", "https://a.example/"),
        ("DROPZONE_HTTP_ORIGINS", "*"),
    ],
)
def test_a_setting_that_would_let_nobody_in_or_everybody_is_refused_at_the_start(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(OperatorError, match=name):
        load_settings()
