"""The page of operators: for a token of Entra alone, with every customer and what it needs (contract section 12)."""

from __future__ import annotations

from datetime import date

import pytest

from processing.stored.customers import add_customer
from processing.web.operators import Operators
from tests.support.console import HOSTILE, Browser, Page, page_of
from tests.support.memory import metrics
from tests.support.web import Answer, WebStory
from tests.web import test_operators as entra

tenant = entra.tenant
DAY = date(2026, 11, 18)


@pytest.fixture
def story(tenant: entra.Tenant) -> WebStory:
    story = WebStory()
    story.app.state.services.operators = Operators(tenant.policy())
    return story


def ask(browser: Browser, token: str) -> Answer:
    return browser.send("GET", "/console/operators", b"", {"authorization": f"Bearer {token}"})


def seen(story: WebStory, tenant: entra.Tenant) -> Page:
    answer = ask(Browser(story), tenant.token())
    assert answer.status == 200, answer.data
    return page_of(answer)


def test_operators_see_every_customer_and_what_it_needs_of_whom(story: WebStory, tenant: entra.Tenant) -> None:
    add_customer(story.memory.context, "beta")
    story.memory.upload("metrics/bad.csv", b"x,y\n1,2\n")
    story.memory.put("metrics/new.csv", metrics(DAY, {"u": 1}))
    story.memory.pass_time(hours=2)
    page = seen(story, tenant)
    assert [each.text for each in page.all("h3")] == ["acme", "beta"]
    assert "2 hours ago" in page.text
    assert "ann@example.com" in page.text
    assert "1 upload refused: metrics/bad.csv" in page.text
    assert "drop-events" in page.text
    assert "Nothing is needed" in page.text


def test_others_are_told_that_there_is_no_such_page_or_why_their_token_is_not_taken(
    story: WebStory, tenant: entra.Tenant
) -> None:
    browser = Browser(story)
    nowhere = browser.get("/console/nothing")
    assert browser.get("/console/operators").data == nowhere.data
    assert browser.send("GET", "/console/operators", b"", {"x-ms-client-principal": "e30="}).status == 404
    key = browser.sign_in()
    assert browser.get("/console/operators").status == 404
    assert ask(browser, key).status == 401
    assert ask(browser, tenant.token(roles=["Reader"])).status == 403
    assert ask(browser, tenant.token(tid="another")).status == 401
    assert ask(Browser(WebStory()), tenant.token()).status == 401


def test_a_token_opens_no_customers_page(story: WebStory, tenant: entra.Tenant) -> None:
    headers = {"authorization": f"Bearer {tenant.token()}"}
    for path in ("/console/", "/console/files", "/console/metrics"):
        assert Browser(story).send("GET", path, b"", headers).status == 303


def test_names_show_as_text(story: WebStory, tenant: entra.Tenant) -> None:
    story.memory.upload(f"metrics/{HOSTILE}.csv", b"x,y\n1,2\n")
    assert HOSTILE in seen(story, tenant).text
