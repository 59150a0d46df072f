"""Experiments: groups and their split, every comparison with its interval drawn, and notes in words (contract section 8)."""

from __future__ import annotations

import json

import pytest

from processing.publication.experiments.result_rows import NO_ROWS
from processing.statistics.notes import Note
from processing.stored.customers import add_customer
from processing.web.console.experiments import NOTES
from tests.support.console import HOSTILE, Browser
from tests.support.experiments import D1, D2, exposures, mark, two_groups, two_groups_on_two_days
from tests.support.memory import metrics
from tests.support.web import WebStory

SCRIPT = "<script>alert(1)</script>"


def published(config: str = "") -> WebStory:
    world = two_groups_on_two_days()
    world.config(
        f"experiments:\n  button: {{winsorize: 1, sequential: true}}\n  colour/blue: {{control: off}}\n"
        f"  {json.dumps(SCRIPT)}: {{metrics: [m, nowhere]}}\n{config}"
    )
    world.upload("exposures/b.csv", exposures(D1, {**two_groups(), "x": "off", "y": "off"}, "colour/blue"))
    world.upload("exposures/h.csv", exposures(D1, {"x": "<b>", "y": "'><script>"}, SCRIPT))
    world.upload("metrics/3.csv", metrics(D1, {"x": 1.0, "y": 2.0}))
    mark(world, D1, D2)
    return WebStory(world)


def signed_in(story: WebStory, customer: str = "acme") -> Browser:
    browser = Browser(story)
    browser.sign_in(customer)
    return browser


@pytest.fixture(scope="module")
def browser() -> Browser:
    return signed_in(published())


def test_every_experiment_is_listed_with_its_groups_and_its_split(browser: Browser) -> None:
    page = browser.page("/console/experiments")
    assert [each.text for each in page.all("a") if each.inside("tbody")] == [
        SCRIPT,
        "button",
        "colour/blue",
    ]
    assert "control (control): 4" in page.text
    assert "as planned" in page.text


def test_an_experiment_shows_lift_interval_and_p_value(browser: Browser) -> None:
    page = browser.page("/console/experiment", name="button")
    blue = next(row.text for row in page.all("tr") if "blue" in row.text and "m value" in row.text)
    assert "+65.12%" in blue
    (label,) = [each.attributes["aria-label"] for each in page.all("svg")]
    assert label.startswith("lift +65.12%, from ")
    assert "95 % interval" in page.text


def test_other_ways_to_compare_are_links(browser: Browser) -> None:
    page = browser.page("/console/experiment", name="button")
    for title, word in (("CUPED", "Variance less by"), ("Sequential", "difference against"), ("Corrected", "lift against")):
        assert word in browser.page(page.link(title)).text


def test_it_is_told_through_any_day(browser: Browser) -> None:
    page = browser.page("/console/experiment", name="button")
    assert page.all("input")[3].attributes["value"] == D2.isoformat()
    before = browser.page(page.link("The day before"))
    assert f"through {D1}" in before.text
    assert "1.15" in before.text
    browser.page("/console/experiment", status=404, name="button", day="2026-11-01")
    browser.page("/console/experiment", status=400, name="button", day="x")
    for given in ("name=x", "name=", "name=button&way=x", "name=button&id_type=x"):
        browser.page(f"/console/experiment?{given}", status=404)


def test_notes_are_told_in_words(browser: Browser) -> None:
    assert set(NOTES) == {*Note, NO_ROWS}
    page = browser.page("/console/experiment", name=SCRIPT)
    assert NOTES[Note.NO_CONTROL] in page.text
    assert NOTES[NO_ROWS] in page.text
    assert "<b>" in page.text
    assert "'><script>" in page.text


def test_day_pages_of_results_tell_what_they_came_from(browser: Browser) -> None:
    page = browser.page("/console/day", dataset="experiments", day=D2)
    assert "Results need no marker" in page.text
    assert "Table experiment_results" in page.text
    assert browser.page("/console/").link(str(D2))


def test_another_customer_sees_none_of_it() -> None:
    story = published()
    add_customer(story.memory.context, "other")
    other = signed_in(story, "other")
    assert "No results yet" in other.page("/console/experiments").text
    assert other.get("/console/experiment", name="button").data == other.get("/console/experiment", name="x").data
    other.page("/console/experiment", status=404, name="button")


def test_masked_names_are_not_shown() -> None:
    masked = signed_in(published("mask_values: [group_id, metric_name]\n"))
    page = masked.page("/console/experiment", name="button")
    assert "blue" not in page.text
    assert "(masked) value" in page.text
    masked = signed_in(published("mask_values: [experiment]\n"))
    assert "masks the names" in masked.page("/console/experiments").text
    masked.page("/console/experiment", status=404, name="button")


def test_a_masked_id_type_stands_in_no_link_and_no_form() -> None:
    masked = signed_in(published("mask_values: [id_type]\n"))
    link = masked.page("/console/experiments").link("button")
    page = masked.page(link)
    assert "65.12" in page.text
    for path in ("/console/experiments", link, page.link("CUPED"), page.link("The day before")):
        assert b"user_id" not in masked.get(path).data
    masked.page("/console/experiment", status=404, name="button", id_type="user_id")


def test_names_show_as_text() -> None:
    world = two_groups_on_two_days()
    world.config(f"experiments: {{{json.dumps(HOSTILE)}: {{}}}}")
    text = '"' + HOSTILE.replace('"', '""') + '"'
    world.upload("exposures/h.csv", exposures(D1, {"b0": text, "b1": "control"}, text))
    world.upload("metrics/h.csv", metrics(D1, {"b0": 1.0, "b1": 2.0}, text))
    mark(world, D1, D2)
    page = signed_in(WebStory(world)).page("/console/experiment", name=HOSTILE)
    assert page.one("h1").text == HOSTILE
    assert page.text.count(HOSTILE) >= 4
