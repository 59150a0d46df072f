"""Pages of other sites: those of named origins may call, and no header speaks of any other."""

from __future__ import annotations

import pytest

from processing.stored.keys import Keys
from processing.web.app import create_app
from tests.support.bicep import INFRA
from tests.support.web import Answer, Client, WebStory

SITE = "https://app.example.com"


def preflight(client: Client, origin: str, method: str = "POST", header: str = "x-api-key") -> Answer:
    asked = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": header}
    return client.send("OPTIONS", "/v1/log_custom_metric", b"", asked)


@pytest.fixture
def story() -> WebStory:
    return WebStory()


@pytest.fixture
def open_client(story: WebStory) -> Client:
    """A customer's page on a site that is named."""
    app = create_app(story.memory.context, story.journal, Keys(story.memory.context), origins=(SITE,))
    return Client(app, story.client().key)


def test_a_page_of_a_named_origin_may_call_and_read_the_answer(open_client: Client) -> None:
    asked = preflight(open_client, SITE)
    assert asked.status == 200
    assert asked.headers["access-control-allow-origin"] == SITE
    assert "access-control-allow-credentials" not in asked.headers
    for path, status in (("/v1/streams", 200), ("/v1/nothing", 404)):
        answer = open_client.send("GET", path, b"", {"origin": SITE})
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, SITE)


@pytest.mark.parametrize(
    ("origin", "method", "header"),
    [
        ("https://evil.example", "POST", "x-api-key"),
        (SITE, "DELETE", "x-api-key"),
        (SITE, "POST", "x-other"),
        ("null", "GET", ""),
    ],
)
def test_any_other_page_gets_a_problem_document(open_client: Client, origin: str, method: str, header: str) -> None:
    answer = preflight(open_client, origin, method, header)
    assert answer.status == 403
    assert answer.json["status"] == 403
    assert answer.headers.get("access-control-allow-origin") in (None, SITE)


def test_with_no_origin_named_nothing_is_said_of_origins(story: WebStory) -> None:
    client = story.client()
    for answer in (preflight(client, SITE), client.send("GET", "/v1/streams", b"", {"origin": SITE})):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_platform_adds_none_of_its_own() -> None:
    """It would answer for the app, and otherwise than on other hosts."""
    assert "cors" not in (INFRA / "modules" / "app.bicep").read_text(encoding="utf-8").lower()
