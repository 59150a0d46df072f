"""Why is my number missing: whatever became of a row, the page says where it is and why (contract section 12)."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from processing.domain.datasets import Dataset
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess
from processing.stored.customers import add_customer
from processing.views import trace
from processing.views.trace import Outcome
from processing.web.console.missing import OUTCOMES
from tests.support.console import HOSTILE, Browser, Page
from tests.support.memory import HEADER, metrics
from tests.support.web import WebStory

DAY = date(2026, 11, 18)
NEXT = date(2026, 11, 19)


def ask(story: WebStory, status: int = 200, customer: str = "acme", **given: object) -> Page:
    browser = Browser(story)
    browser.sign_in(customer)
    return browser.page("/console/missing", status, **{"name": "m", "unit_id": "u", "day": DAY, **given})


def publish(story: WebStory, *days: date) -> None:
    for day in days:
        story.memory.upload(f"signals/{day}")
    story.memory.settle()
    story.memory.tick()


def outcomes(page: Page) -> list[str]:
    """What the table of accepted rows says, without the shapes."""
    shapes = {look.shape for look in OUTCOMES.values()}
    return [each.text[2:] for each in page.all("tr") if each.text[:1] in shapes]


def test_the_page_asks_what_is_missing_and_every_outcome_has_its_words(story: WebStory) -> None:
    browser = Browser(story)
    browser.sign_in()
    assert "Look for it" in browser.page("/console/missing").text
    assert set(OUTCOMES) == set(Outcome)
    assert browser.page("/console/").link("Why is my number missing?") == "/console/missing"


def test_a_row_that_waits_for_its_day_and_then_counts(story: WebStory) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {"x": 1, "u": 7}))
    page = ask(story)
    assert "waits for its day to be published" in page.text
    assert "no marker yet" in page.text
    assert outcomes(page) == [f"stagedmetrics/a.csv2{DAY}{DAY}7user_id: u"]
    publish(story, DAY)
    page = ask(story)
    assert "It is there" in page.text
    assert page.link("metrics/a.csv") == "/console/file?name=metrics%2Fa.csv"
    assert outcomes(page)[0].startswith("counts")


def test_a_row_that_a_later_one_supersedes_and_one_of_a_version_that_was_replaced(story: WebStory) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1}))
    story.memory.pass_time(seconds=1)
    story.memory.upload("metrics/b.csv", metrics(DAY, {"u": 2}))
    story.memory.pass_time(seconds=1)
    story.memory.upload("metrics/c.csv", metrics(DAY, {"u": 3}))
    story.memory.pass_time(seconds=1)
    story.memory.upload("metrics/c.csv", metrics(DAY, {"other": 3}))
    publish(story, DAY)
    words = [each.split("metrics/")[0] for each in outcomes(ask(story))]
    assert words == ["replaced", "counts", "superseded by "]
    story.memory.config("metrics: {m: {aggregate: sum}}")
    assert [each.split("metrics/")[0] for each in outcomes(ask(story))][1:] == ["counts", "counts"]


def test_a_row_that_came_after_the_publication(story: WebStory) -> None:
    story.memory.config("late_policy: hold")
    story.memory.upload("metrics/a.csv", metrics(DAY, {"x": 1}))
    publish(story, DAY)
    story.memory.upload("metrics/b.csv", metrics(DAY, {"u": 1}))
    page = ask(story)
    assert "It came after the day was published" in page.text
    assert outcomes(page)[0].startswith("came later")


def test_a_published_row_counts_until_its_day_is_processed_again(story: WebStory) -> None:
    story.memory.config("late_policy: hold")
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 7, "v": 1}))
    publish(story, DAY)
    story.memory.pass_time(minutes=1)
    story.memory.upload("metrics/b.csv", metrics(DAY, {"u": 8}))
    story.memory.settle()
    page = ask(story)
    assert [each.split("metrics/")[0] for each in outcomes(page)] == ["came later", "counts"]
    assert "It is there" in page.text
    story.memory.upload("metrics/a.csv", metrics(DAY, {"v": 1}))
    story.memory.settle()
    assert story.memory.values(DAY)["u"] == 7
    page = ask(story)
    assert [each.split("metrics/")[0] for each in outcomes(page)] == ["came later", "counts until then"]
    assert "leaves it once the day is processed again" in page.text
    ask_reprocess(story.memory.context, Stream("acme", Dataset.METRICS), DAY)
    story.memory.settle()
    assert story.memory.values(DAY)["u"] == 8
    assert [each.split("metrics/")[0] for each in outcomes(ask(story))] == ["counts", "replaced"]


def test_a_row_of_a_later_upload_that_came_first_is_superseded_once_it_is_in(story: WebStory) -> None:
    story.memory.config("late_policy: hold")
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1}))
    publish(story, DAY)
    for number in (2, 3):
        story.memory.pass_time(minutes=1)
        story.memory.upload(f"metrics/{number}.csv", metrics(DAY, {"u": number}))
    words = [each.split("metrics/")[0] for each in outcomes(ask(story))]
    assert words == ["came later", "superseded by ", "counts"]


@pytest.mark.parametrize(("row", "word"), [("5,,", "no value"), (",1,0", "no value"), (",1,2", "counts")])
def test_a_row_of_a_ratio_counts_only_where_it_carries_one(story: WebStory, row: str, word: str) -> None:
    rows = f"u,user_id,{DAY},m,{row}\nv,user_id,{DAY},m,,1,2\n"
    story.memory.upload("metrics/a.csv", (HEADER + rows).encode())
    publish(story, DAY)
    assert (story.memory.values(DAY)["u"] is None) == (word == "no value")
    page = ask(story)
    assert outcomes(page)[0].startswith(word)
    assert ("without a value: the metric is a ratio there" in page.text) == (word == "no value")


def test_a_metric_that_is_pinned_to_values_is_no_ratio(story: WebStory) -> None:
    rows = f"u,user_id,{DAY},m,5,,\nv,user_id,{DAY},m,6,1,2\n"
    story.memory.config("metrics: {m: {kind: value}}")
    story.memory.upload("metrics/a.csv", (HEADER + rows).encode())
    publish(story, DAY)
    assert outcomes(ask(story))[0].startswith("counts")


def test_of_an_event_that_came_twice_the_first_counts(story: WebStory) -> None:
    row = {"timestamp": f"{DAY}T18:00:00Z", "event_name": "buy", "user": {"userID": "u"}}
    twice = {**row, "timeuuid": "c2a3a8ae-3d44-11ef-9cd2-0242ac120002"}
    story.memory.upload("events/a.ndjson", json.dumps(twice).encode())
    story.memory.pass_time(minutes=1)
    story.memory.upload("events/b.ndjson", f"{json.dumps(twice)}\n{json.dumps(row)}\n{json.dumps(row)}\n".encode())
    publish(story, DAY)
    words = [each.split("events/")[0] for each in outcomes(ask(story, dataset="events", name="buy"))]
    assert sorted(words) == ["counts", "counts", "counts", "superseded by "]
    assert story.memory.table("events").height == 3


def test_a_rejected_row_and_why(story: WebStory) -> None:
    story.memory.upload("metrics/a.csv", (HEADER + f"g,user_id,{DAY},m,1,,\nu,user_id,{DAY},m,many,,\n").encode())
    page = ask(story)
    assert "It was rejected" in page.text
    row = next(each.text for each in page.all("tr") if each.text.startswith("metrics/a.csv"))
    assert row.startswith("metrics/a.csv23")
    assert "None was found." in ask(story, unit_id="nobody").text


@pytest.mark.parametrize(
    ("name", "unit_id"), [("revenue", "11"), ("revenue", "zo"), ("reven", "zoe"), ("unit", "user"), ("m", "date")]
)
def test_a_rejected_row_of_somebody_else_is_not_shown(story: WebStory, name: str, unit_id: str) -> None:
    rows = f"zoe,user_id,{DAY},revenue,oops,,\nzed,user_id,{DAY},revenue,1,,\n"
    story.memory.upload("metrics/a.csv", (HEADER + rows).encode())
    page = ask(story, name=name, unit_id=unit_id)
    assert "It was rejected" not in page.text
    assert "None was found." in page.text
    assert "It was rejected" in ask(story, name="revenue", unit_id="zoe").text


def test_a_rejected_row_of_a_wide_table_is_found_by_the_metrics_of_its_columns(story: WebStory) -> None:
    story.memory.config("datasets: {metrics: {values: {revenue: amount, visits: visits}}}")
    rows = f"u,user_id,{DAY},many,\nv,user_id,{DAY},1,2\n"
    story.memory.upload("metrics/a.csv", f"unit_id,id_type,date,amount,visits\n{rows}".encode())
    assert "It was rejected" in ask(story, name="revenue").text
    assert "It was rejected" not in ask(story, name="visits").text, "there is no value of it in the row"


@pytest.mark.parametrize("user", [{"userID": 7}, {"customIDs": {"stable_id": "7"}}, '{"userID": "7"}'])
def test_a_rejected_event_is_found_by_whole_ids(story: WebStory, user: object) -> None:
    good = {"timestamp": f"{DAY}T18:00:00Z", "event_name": "buy", "user": {"userID": "v"}}
    bad = {**good, "timestamp": "17 o'clock", "user": user}
    story.memory.upload("events/a.ndjson", f"{json.dumps(good)}\n{json.dumps(bad)}\n".encode())
    assert "It was rejected" in ask(story, dataset="events", name="buy", unit_id="7").text
    for wrong in ("17", "userID", "stable_id", "1"):
        assert "was not found" in ask(story, dataset="events", name="buy", unit_id=wrong).text


@pytest.mark.parametrize("unit_id", ["u", "7"])
def test_a_record_that_could_not_be_taken_apart_is_found_by_whole_fields(story: WebStory, unit_id: str) -> None:
    broken = f'{unit_id},user_id,{DAY},"m",1,,,,,too,many\n'
    story.memory.upload("metrics/a.csv", (HEADER + f"g,user_id,{DAY},m,1,,\n" + broken).encode())
    assert "It was rejected" in ask(story, unit_id=unit_id).text
    for wrong in ("user", "us", "2026", "oo"):
        assert "It was rejected" not in ask(story, unit_id=wrong).text


def test_refused_and_unread_files_are_named(story: WebStory) -> None:
    story.memory.upload("metrics/bad.csv", b"x,y\n1,2\n")
    assert "Some files were refused whole" in ask(story).text
    story.memory.put("metrics/new.csv", metrics(DAY, {"u": 1}))
    page = ask(story)
    assert "some files are not read yet" in page.text
    assert {"metrics/bad.csv", "metrics/new.csv"} <= {each.text for each in page.all("a")}


def test_a_row_of_another_day(story: WebStory) -> None:
    story.memory.upload("metrics/a.csv", metrics(NEXT, {"u": 1}))
    assert f"belongs to another day: {NEXT}" in ask(story).text


def test_a_test_row(story: WebStory) -> None:
    head = HEADER.strip() + ",is_test\n"
    story.memory.upload("metrics/a.csv", (head + f"u,user_id,{DAY},m,1,,,true\n").encode())
    assert "marked as a test" in ask(story).text


def test_nothing_is_found_and_said_so(story: WebStory) -> None:
    page = ask(story)
    assert "no file that came has such a row" in page.text
    assert "Nothing of metrics" in page.text


@pytest.mark.parametrize("user", [{"userID": "u"}, {"customIDs": {"stable_id": "u"}}, {"userID": '\u00fc/"x'}])
def test_events_are_found_by_any_of_their_ids(story: WebStory, user: dict[str, object]) -> None:
    row = {"timestamp": f"{DAY}T18:00:00Z", "event_name": "buy", "user": user}
    story.memory.upload("events/a.ndjson", json.dumps(row).encode())
    unit = "u" if "\u00fc" not in str(user) else str(user["userID"])
    assert "waits for its day" in ask(story, dataset="events", name="buy", unit_id=unit).text
    assert "was not found" in ask(story, dataset="events", name="buy", unit_id="v").text
    assert "was not found" in ask(story, dataset="events", name="buy", unit_id=unit, id_type="other").text


def test_what_was_not_looked_at_is_said(story: WebStory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_PARTS", 1)
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1}))
    story.memory.pass_time(seconds=1)
    story.memory.upload("metrics/b.csv", metrics(DAY, {"x": 1}))
    page = ask(story)
    assert "which is not everything" in page.text
    assert "1 parts" in page.text


@pytest.mark.parametrize(
    "given", [{"day": "x"}, {"name": ""}, {"unit_id": ""}, {"dataset": "exposures"}, {"unit_id": "u" * 513}]
)
def test_half_a_question_is_400(story: WebStory, given: dict[str, Any]) -> None:
    ask(story, 400, **given)


def test_another_customer_finds_none_of_it_and_masked_values_are_masked(story: WebStory) -> None:
    story.memory.config("mask_values: [unit_id, metric_value]")
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 77123}))
    page = ask(story)
    assert "77123" not in page.text
    assert "user_id: (masked)" in page.text
    assert "cannot be found by them" in page.text
    add_customer(story.memory.context, "other")
    assert "no file that came has such a row" in ask(story, customer="other").text


def test_every_text_shows_as_text(story: WebStory) -> None:
    text = '"' + HOSTILE.replace('"', '""') + '"'
    row = f"{text},{text},{DAY},{text}"
    story.memory.upload(f"metrics/{HOSTILE}.csv", (HEADER + f"{row},1,,\n{row},{text},,\n").encode())
    page = ask(story, name=HOSTILE, unit_id=HOSTILE)
    assert "waits for its day" in page.text
    assert page.text.count(HOSTILE) >= 4
    assert page.all("input")[0].attributes["value"] == HOSTILE
