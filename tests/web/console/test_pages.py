"""What holds of every page of the console, whichever it is (contract section 12)."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from processing.domain import blob_names
from processing.stored.customers import add_customer
from processing.stored.keys import list_keys, revoke_key
from processing.web.console.app import PAGES
from processing.web.console.pages import NAVIGATION
from tests.support.console import HOSTILE, Browser, page_of
from tests.support.experiments import D1, D2, mark, two_groups_on_two_days
from tests.support.web import WebStory

OF_ACME = {
    "/": "",
    "/day": f"dataset=metrics&day={D1}",
    "/files": "",
    "/file": "name=metrics/bad.csv",
    "/rejected": "name=metrics/bad.csv",
    "/fix": "name=metrics/bad.csv",
    "/log-stream": "",
    "/metrics": "",
    "/metric": "name=m",
    "/metric.csv": "name=m",
    "/experiments": "",
    "/experiment": "name=button",
    "/missing": f"name=m&unit_id=b0&day={D1}",
}
"""Every page of a customer, with what makes it show something of acme's."""
PARAMETERS = ["cursor", "id_type", "before", "rows", "part", "status", "through", "way", "tests", "day"]
WRONG = (
    HOSTILE, "\0", "\ud7ff\u202e", "x" * 5_000, "%ff", "9" * 400, "\U0001f600" * 500,
    "2026-02-30", "0001-01-01", "9999-12-31", "0001-01", "9999-12", "WyIwMDAxLTAxLTAxIiwgIiJd",
)  # fmt: skip
each_page = pytest.mark.parametrize("path", OF_ACME)
SAYS = {"/", "/files", "/log-stream", "/metrics", "/experiments", "/missing"}
"""Lists and questions, which show a customer's own, be that nothing."""


@pytest.fixture(scope="module")
def story() -> WebStory:
    world = two_groups_on_two_days()
    head = "unit_id,id_type,date,metric_name,metric_value\n"
    world.upload("metrics/bad.csv", f"{head}b0,user_id,{D1},m,1\nb1,user_id,{D1},m,x\n".encode())
    mark(world, D1, D2)
    add_customer(world.context, "other")
    return WebStory(world)


def address(path: str) -> str:
    return f"/console{path}" + (f"?{OF_ACME[path]}" if OF_ACME[path] else "")


def test_every_page_is_tried() -> None:
    assert {path for path, _ in PAGES} == set(OF_ACME)


@each_page
def test_its_customer_sees_it(story: WebStory, path: str) -> None:
    browser = Browser(story)
    browser.sign_in()
    answer = browser.get(address(path))
    assert answer.status == 200
    if answer.headers["content-type"].startswith("text/html"):
        page_of(answer)


@each_page
def test_whoever_has_not_signed_in_is_sent_where_they_do(story: WebStory, path: str) -> None:
    answer = Browser(story).get(address(path))
    assert (answer.status, answer.headers["location"], answer.data) == (303, "/console/sign-in", b"")


@each_page
def test_another_customer_is_told_what_is_told_of_what_is_not_there(story: WebStory, path: str) -> None:
    other = Browser(story)
    other.sign_in("other")
    answer = other.get(address(path))
    assert answer.status == (200 if path in SAYS else 404)
    assert b"bad.csv" not in answer.data
    assert b"button</" not in answer.data.replace(b"</button>", b"")


@each_page
def test_parameters_that_nobody_gives_break_nothing(story: WebStory, path: str) -> None:
    browser = Browser(story)
    browser.sign_in()
    given = dict(parse_qsl(OF_ACME[path]))
    for name in (*given, *PARAMETERS):
        for value in WRONG:
            answer = browser.get(f"/console{path}", **{**given, name: value})
            assert answer.status in (200, 400, 404), (name, value[:20])


def test_every_page_that_is_led_to_is_there(story: WebStory) -> None:
    browser = Browser(story)
    browser.sign_in()
    for link, title in NAVIGATION:
        current = [each for each in browser.page(link).all("a") if each.attributes.get("aria-current") == "page"]
        assert [each.text for each in current] == [title]


def test_what_is_wrong_with_storage_is_for_the_log_alone() -> None:
    story = WebStory()
    browser = Browser(story)
    browser.sign_in()
    del story.memory.drop._containers[blob_names.receipts_container("acme")]
    page = browser.page("/console/files", status=503)
    assert "storage is not as it must be" in page.text
    assert "receipts-acme" not in page.text


def test_a_customer_that_floods_waits(story: WebStory) -> None:
    browser = Browser(story)
    browser.sign_in()
    services = story.app.state.services
    limits = services.limits_of("acme").model_copy(update={"concurrent_requests": 1})
    with services.fair_use.request("acme", limits):
        services.fair_use._running["acme"] = services.limits_of("acme").concurrent_requests
        answer = browser.get("/console/")
    assert answer.status == 429
    assert answer.headers["retry-after"] == "1"


def test_a_page_is_gone_with_the_key_that_opened_it() -> None:
    story = WebStory()
    browser = Browser(story)
    browser.sign_in()
    assert browser.get("/console/files").status == 200
    revoke_key(story.memory.context, "acme", list_keys(story.memory.context, "acme")[0].id)
    story.memory.pass_time(seconds=60)
    assert browser.get("/console/files").status == 303
