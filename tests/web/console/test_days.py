"""The calendar of each stream, and a day's page: what it waits for, what came of it, who may see it (contract section 6)."""

from __future__ import annotations

from datetime import date

import pytest

from processing.domain.datasets import Dataset
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess
from processing.stored import parts_in_force
from processing.stored.customers import add_customer
from tests.support.console import HOSTILE, Browser
from tests.support.counting import counted
from tests.support.memory import HEADER, metrics
from tests.support.web import WebStory

DAY = date(2026, 11, 18)
NEXT = date(2026, 11, 19)


def publish(story: WebStory) -> None:
    world = story.memory
    world.upload("metrics/a.csv", metrics(DAY, {"u": 1, "v": 2}))
    world.upload("metrics/b.csv", metrics(DAY, {"u": 3}))
    world.upload(f"signals/{DAY}")
    world.settle()


def test_without_rows_the_page_says_what_to_upload(browser: Browser) -> None:
    browser.sign_in()
    assert "No rows yet" in browser.page("/console/").text


def test_days_show_their_state_by_shape_and_word(story: WebStory, browser: Browser) -> None:
    publish(story)
    story.memory.upload("metrics/c.csv", metrics(NEXT, {"u": 1}))
    browser.sign_in()
    page = browser.page("/console/")
    cells = {each.attributes["href"]: each.text for each in page.all("a") if each.inside("table")}
    assert cells == {
        f"/console/day?dataset=metrics&day={DAY}": "18 \u25cfprocessed",
        f"/console/day?dataset=metrics&day={NEXT}": "19 \u25cbopen",
    }
    assert f"Published through {DAY}" in page.text
    earlier = browser.page("/console/", through="2026-09")
    assert not [each for each in earlier.all("a") if each.inside("table")]
    assert earlier.link("Later") == "?through=2026-11"
    for wrong in ("x", "2026-13", "0001-01", "9999-12", "<b>"):
        assert browser.page("/console/", through=wrong).link("18") == f"/console/day?dataset=metrics&day={DAY}"


def test_what_days_wait_for_stands_on_the_first_page_and_on_theirs(story: WebStory, browser: Browser) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1}))
    story.memory.put("metrics/late.csv", metrics(DAY, {"w": 1}))
    story.memory.upload(f"signals/{DAY}")
    story.memory.settle()
    browser.sign_in()
    assert "late.csv" in browser.page("/console/").text
    page = browser.page("/console/day", dataset="metrics", day=DAY)
    assert "What it waits for" in page.text
    assert "metrics/late.csv" in page.text


def test_a_days_page_tells_files_markers_history_and_manifest(story: WebStory, browser: Browser) -> None:
    publish(story)
    browser.sign_in()
    page = browser.page("/console/day", dataset="metrics", day=DAY)
    rows = {row.text for row in page.all("tr")}
    assert {"metrics/a.csv 2", "metrics/b.csv 1"} <= {text.replace("csv2", "csv 2").replace("csv1", "csv 1") for text in rows}
    assert f"signals/{DAY}" in page.text
    assert page.link("metrics/a.csv") == "/console/file?name=metrics%2Fa.csv"
    for word in ("processed", "Superseded rows1", "Manifest", "Table metric_rows", "Test rows"):
        assert word in page.text, word
    assert browser.get(page.link("metrics/a.csv")).status == 200


def test_a_day_without_a_publication_tells_what_is_staged(story: WebStory, browser: Browser) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1, "v": 2}))
    story.memory.pass_time(seconds=1)
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1, "v": 2, "w": 3}))
    browser.sign_in()
    page = browser.page("/console/day", dataset="metrics", day=DAY)
    assert "3 staged, not published yet" in page.text
    assert "None yet. An empty upload named" in page.text


def test_rows_that_went_to_another_day_are_counted_there_alone(story: WebStory, browser: Browser) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1, "v": 2}))
    story.memory.upload("metrics/b.csv", metrics(DAY, {"w": 1}))
    story.memory.pass_time(minutes=1)
    story.memory.upload("metrics/a.csv", metrics(NEXT, {"u": 1, "v": 2}))
    browser.sign_in()
    page = browser.page("/console/day", dataset="metrics", day=DAY)
    assert "1 staged, not published yet" in page.text
    assert not [each for each in page.all("a") if each.text == "metrics/a.csv"]
    assert "2 staged" in browser.page("/console/day", dataset="metrics", day=NEXT).text
    assert {each.text for each in browser.page("/console/").all("a") if each.inside("table")} == {
        "18 \u25cbopen",
        "19 \u25cbopen",
    }
    story.memory.upload("metrics/b.csv")
    assert [each.text for each in browser.page("/console/").all("a") if each.inside("table")] == ["19 \u25cbopen"]


def test_a_withdrawn_file_leaves_nothing_of_its_day(story: WebStory, browser: Browser) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1, "v": 2}))
    story.memory.pass_time(minutes=1)
    story.memory.upload("metrics/a.csv")
    browser.sign_in()
    browser.page("/console/day", status=404, dataset="metrics", day=DAY)
    assert not [each for each in browser.page("/console/").all("a") if each.inside("table")]


def test_a_refused_version_leaves_the_rows_of_the_one_before(story: WebStory, browser: Browser) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1, "v": 2}))
    story.memory.pass_time(minutes=1)
    bad = "".join(f"u{number},user_id,{DAY},m,x,,\n" for number in range(200))
    assert story.memory.upload("metrics/a.csv", (HEADER + f"u,user_id,{DAY},m,1,,\n" + bad).encode()) == "rejected"
    browser.sign_in()
    assert "2 staged, not published yet" in browser.page("/console/day", dataset="metrics", day=DAY).text


def test_only_the_receipts_of_the_newest_files_are_asked_whether_staged_rows_are_in_force(
    story: WebStory, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_in_force, "MOST_LOOKED_AT", 2)
    for number in range(4):
        story.memory.upload(f"metrics/{number}.csv", metrics(DAY, {f"u{number}": 1}))
        story.memory.pass_time(seconds=1)
    story.memory.upload("metrics/0.csv", metrics(DAY, {"u0": 2, "w": 1}))
    browser.sign_in()
    drop, _ = counted(story.memory)
    page = browser.page("/console/day", dataset="metrics", day=DAY)
    assert "5 staged, not published yet" in page.text
    asked = [each for each in drop.requests if ".csv" in each]
    assert len(asked) == 2, asked


def test_what_a_reprocess_changed_is_told_before_and_after(story: WebStory, browser: Browser) -> None:
    publish(story)
    story.memory.upload("metrics/b.csv", metrics(DAY, {"u": 5, "w": 1}))
    ask_reprocess(story.memory.context, Stream("acme", Dataset.METRICS), DAY)
    story.memory.settle()
    browser.sign_in()
    page = browser.page("/console/day", dataset="metrics", day=DAY)
    assert "What the last reprocess changed" in page.text
    assert "2 before, 3 after" in page.text
    assert any(row.text.endswith("sum58") for row in page.all("tr")), [row.text for row in page.all("tr")]


@pytest.mark.parametrize(("masks", "expected"), [("metric_name", "(masked) / user_id"), ("id_type", "m / (masked)")])
def test_totals_name_nothing_that_is_masked(story: WebStory, browser: Browser, masks: str, expected: str) -> None:
    story.memory.config(f"mask_values: [{masks}]")
    publish(story)
    story.memory.upload("metrics/b.csv", metrics(DAY, {"u": 5, "w": 1}))
    ask_reprocess(story.memory.context, Stream("acme", Dataset.METRICS), DAY)
    story.memory.settle()
    browser.sign_in()
    page = browser.page("/console/day", dataset="metrics", day=DAY)
    totals = [each.text for each in page.all("th") if " / " in each.text]
    assert totals
    assert all(each.startswith(expected) for each in totals), totals


def test_there_is_nothing_of_other_days(story: WebStory, browser: Browser) -> None:
    publish(story)
    browser.sign_in()
    for dataset, day in (("metrics", "2026-11-01"), ("metrics", "x"), ("signals", DAY), ("<b>", DAY), ("", "")):
        browser.page("/console/day", status=404, dataset=dataset, day=day)


def test_another_customer_sees_nothing_of_it(story: WebStory, browser: Browser) -> None:
    publish(story)
    add_customer(story.memory.context, "other")
    other = Browser(story)
    other.sign_in("other")
    assert "No rows yet" in other.page("/console/").text
    other.page("/console/day", status=404, dataset="metrics", day=DAY)


def test_names_show_as_text(story: WebStory, browser: Browser) -> None:
    name = f"metrics/{HOSTILE}\u202e.csv"
    story.memory.upload(name, metrics(DAY, {"u": 1}, metric="m"))
    story.memory.upload("signals/metrics/x", b"")
    story.memory.put(f"metrics/late {HOSTILE}.csv", metrics(DAY, {"w": 1}))
    story.memory.upload(f"signals/{DAY}")
    story.memory.settle()
    browser.sign_in()
    page = browser.page("/console/day", dataset="metrics", day=DAY)
    assert f"metrics/{HOSTILE}\\u202e.csv" in page.text
    assert f"late {HOSTILE}" in browser.page("/console/").text


def test_the_first_day_of_the_calendar_has_a_page(story: WebStory, browser: Browser) -> None:
    story.memory.upload("metrics/a.csv", metrics(date.min, {"u": 1}))
    browser.sign_in()
    page = browser.page("/console/day", dataset="metrics", day=date.min)
    assert page.link("0001-01-02")
