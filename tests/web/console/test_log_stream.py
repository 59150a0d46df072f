"""The log stream on the console: rows as they come in, and that none come any more (contract section 12)."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from processing.stored.customers import add_customer
from tests.support.console import HOSTILE, Browser, Page
from tests.support.memory import HEADER, metrics, ratios
from tests.support.web import WebStory

DAY = date(2026, 11, 18)


def signed_in(story: WebStory, customer: str = "acme") -> Browser:
    browser = Browser(story)
    browser.sign_in(customer)
    return browser


def shown(page: Page) -> list[str]:
    return [each.text for each in page.all("th") if each.attributes["scope"] == "row"]


def event(name: str, user: str, *, test: bool = False) -> bytes:
    row = {"timestamp": f"{DAY}T18:00:00Z", "event_name": name, "user": {"userID": user}, "is_test": test}
    return f"{json.dumps(row)}\n".encode()


def test_rows_stand_newest_first_with_what_they_say(story: WebStory) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 2.5}))
    story.memory.pass_time(seconds=10)
    story.memory.upload("metrics/r.csv", ratios(DAY, {"u": (1, 4)}))
    story.memory.pass_time(seconds=10)
    story.memory.upload("events/a.ndjson", event("buy", "u", test=True))
    page = signed_in(story).page("/console/log-stream")
    assert shown(page) == ["buy \u25cb test", "r", "m"]
    for word in ("1 / 4", "2.5", "user_id: u", "metrics/a.csv", "less than a minute ago"):
        assert word in page.text, word


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("dataset=metrics", ["m"]),
        ("tests=only", ["buy \u25cb test"]),
        ("tests=none", ["m"]),
        ("name=m&id_type=user_id&unit_id=u", ["m"]),
        ("unit_id=nobody", []),
    ],
)
def test_filters_leave_out_other_rows(story: WebStory, given: str, expected: list[str]) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 2.5}))
    story.memory.upload("events/a.ndjson", event("buy", "u", test=True))
    assert shown(signed_in(story).page(f"/console/log-stream?{given}")) == expected


@pytest.mark.parametrize("given", ["dataset=signals", "tests=x", "cursor=x"])
def test_other_filters_are_400(story: WebStory, given: str) -> None:
    signed_in(story).page(f"/console/log-stream?{given}", status=400)


def test_rows_over_http_show_at_once(story: WebStory) -> None:
    sent = {"metrics": [{"unit_id": "u", "id_type": "user_id", "metric_name": "live", "metric_value": 1}]}
    client, browser = story.client(), signed_in(story)
    assert client.post("/v1/log_custom_metric", sent).status == 200
    page = browser.page("/console/log-stream")
    assert shown(page) == ["live"]
    assert "HTTP" in page.text


def test_pages_go_on(story: WebStory) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {f"u{number:03d}": number for number in range(150)}))
    browser = signed_in(story)
    page = browser.page("/console/log-stream")
    following = browser.page(page.link("Next page"))
    assert (len(shown(page)), len(shown(following))) == (100, 50)
    assert [each for each in page.elements if "data-refresh" in each.attributes]
    assert not [each for each in following.elements if "data-refresh" in each.attributes]


def test_silence_is_said(story: WebStory) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1}))
    story.memory.upload(f"signals/{DAY}")
    story.memory.settle()
    assert "though" not in signed_in(story).page("/console/log-stream").text
    story.memory.pass_time(days=5)
    for path in ("/console/log-stream", "/console/"):
        assert f"metrics: no day after {DAY} was marked, though 6 have ended since" in signed_in(story).page(path).text
    assert "5 days ago" in signed_in(story).page("/console/log-stream").text


def test_what_is_masked_and_what_is_another_customers_is_not_shown(story: WebStory) -> None:
    story.memory.config("mask_values: [unit_id, metric_name]")
    story.memory.upload("metrics/a.csv", metrics(DAY + timedelta(days=1), {"secret": 1}, "hidden"))
    page = signed_in(story).page("/console/log-stream")
    assert shown(page) == ["(masked)"]
    assert "secret" not in page.text
    assert "hidden" not in page.text
    add_customer(story.memory.context, "other")
    assert "No such rows" in signed_in(story, "other").page("/console/log-stream").text


def test_every_text_of_a_row_shows_as_text(story: WebStory) -> None:
    text = '"' + HOSTILE.replace('"', '""') + '"'
    story.memory.upload("metrics/a.csv", (HEADER + f"{text},{text},{DAY},{text},1,,\n").encode())
    row = {"timestamp": f"{DAY}T18:00:00Z", "event_name": "e", "event_value": HOSTILE, "user": {"userID": HOSTILE}}
    story.memory.upload("events/a.ndjson", json.dumps(row).encode())
    assert signed_in(story).page("/console/log-stream").text.count(HOSTILE) == 5
