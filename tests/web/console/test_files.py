"""Files: found by what is looked for, each with its receipt and rejected rows as a person reads them (contract section 5)."""

from __future__ import annotations

import json
from datetime import date
from urllib.parse import urlencode

import pytest

from processing.domain import blob_names
from processing.stored.customers import add_customer
from processing.views import rejected_rows
from tests.support.console import HOSTILE, Browser, Page
from tests.support.memory import HEADER, metrics
from tests.support.web import WebStory

DAY = date(2026, 11, 18)
NEXT = date(2026, 11, 19)


@pytest.fixture
def browser(story: WebStory) -> Browser:
    browser = Browser(story)
    browser.sign_in()
    return browser


def names(page: Page) -> list[str]:
    return [each.text for each in page.all("a") if each.inside("tbody")]


def bad(count: int, value: str = "x") -> bytes:
    rows = "".join(f'u{number},user_id,{DAY},m,"{value}",,\n' for number in range(count))
    return (HEADER + f"good,user_id,{DAY},m,1,,\n" + rows).encode()


def test_files_are_found_by_folder_status_day_and_name(story: WebStory, browser: Browser) -> None:
    world = story.memory
    world.upload("metrics/a.csv", metrics(DAY, {"u": 1}))
    world.pass_time(seconds=1)
    world.upload("metrics/Second.csv", metrics(NEXT, {"u": 1}))
    world.pass_time(seconds=1)
    world.upload("metrics/bad.csv", bad(1))
    world.pass_time(seconds=1)
    world.put("events/new.ndjson", b"{}")
    expectations: tuple[tuple[dict[str, object], list[str]], ...] = (
        ({}, ["events/new.ndjson", "metrics/bad.csv", "metrics/Second.csv", "metrics/a.csv"]),
        ({"dataset": "metrics"}, ["metrics/bad.csv", "metrics/Second.csv", "metrics/a.csv"]),
        ({"status": "accepted_with_rejects"}, ["metrics/bad.csv"]),
        ({"status": "none"}, ["events/new.ndjson"]),
        ({"day": DAY}, ["metrics/bad.csv", "metrics/a.csv"]),
        ({"name": "second"}, ["metrics/Second.csv"]),
        ({"name": "a", "dataset": "metrics", "day": DAY, "status": "accepted"}, ["metrics/a.csv"]),
        ({"name": "nothing"}, []),
    )
    for given, expected in expectations:
        assert names(browser.page(f"/console/files?{urlencode(given)}")) == expected, given
    for wrong in ("dataset=x", "status=x", "day=x", "cursor=x"):
        browser.page(f"/console/files?{wrong}", status=400)


def test_pages_are_together_all_files(story: WebStory, browser: Browser) -> None:
    for number in range(230):
        story.memory.put(f"metrics/{number:03d}.csv")
    found: list[str] = []
    address = "/console/files?name=metrics"
    while address:
        page = browser.page(address)
        found += names(page)
        address = next((each.attributes["href"] for each in page.all("a") if each.text == "Next page"), "")
    assert found == [f"metrics/{number:03d}.csv" for number in reversed(range(230))]
    assert "230 files" in page.text


def test_a_receipt_is_read_as_a_person_reads_it(story: WebStory, browser: Browser) -> None:
    story.memory.upload("metrics/a.csv", bad(3))
    page = browser.page("/console/file", name="metrics/a.csv")
    for word in ("accepted with rejects", "Records read4", "Accepted1", "Rejected3", "this version", "metric_value: 3 rows"):
        assert word in page.text, word
    assert page.link("2026-11-18") == "/console/day?dataset=metrics&day=2026-11-18"


def test_a_refused_version_says_why_and_what_counts(story: WebStory, browser: Browser) -> None:
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1}))
    story.memory.upload("metrics/a.csv", b"no header,at all\n1,2\n")
    page = browser.page("/console/file", name="metrics/a.csv")
    assert "nothing of it is in" in page.text
    assert "an earlier version" in page.text
    story.memory.put("metrics/a.csv", metrics(DAY, {"u": 2}))
    assert "A newer version lies there" in browser.page("/console/file", name="metrics/a.csv").text
    story.memory.drop.delete(story.memory.container, "metrics/a.csv")
    assert "The upload itself is gone" in browser.page("/console/file", name="metrics/a.csv").text


def test_a_marker_says_what_it_marks_and_an_upload_without_an_answer_that_it_waits(story: WebStory, browser: Browser) -> None:
    story.memory.upload(f"signals/{DAY}")
    assert f"*/{DAY}" in browser.page("/console/file", name=f"signals/{DAY}").text
    story.memory.put("metrics/new.csv", b"x")
    assert "Its answer comes by itself" in browser.page("/console/file", name="metrics/new.csv").text


def test_rejected_rows_are_paged_and_downloaded_whole(
    story: WebStory, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejected_rows, "_CHUNK", 300)  # shorter than most lines, as those of long rows are
    monkeypatch.setattr(rejected_rows, "PART", 5_000)
    story.memory.upload("metrics/a.csv", bad(90, "\u2028 x"))
    receipt = story.memory.receipt("metrics/a.csv")
    stored = story.memory.drop.get(blob_names.receipts_container("acme"), receipt["rejected_blob"])
    assert stored is not None
    page = browser.page("/console/file", name="metrics/a.csv")
    parts = [each.attributes["href"] for each in page.all("a") if each.text.startswith("Download")]
    answers = [browser.get(part) for part in parts]
    assert len(answers) > 2
    assert all(each.status == 200 and each.headers["content-disposition"].startswith("attachment; ") for each in answers)
    assert all(each.headers["x-content-type-options"] == "nosniff" for each in answers)
    for each in answers:
        assert [json.loads(line) for line in each.data.decode().split("\n") if line]
    assert b"".join(each.data for each in answers) == stored[0]
    browser.page("/console/rejected", status=404, name="metrics/a.csv", part=len(parts))
    monkeypatch.undo()
    records: list[str] = []
    address = "/console/file?name=metrics%2Fa.csv"
    while address:
        page = browser.page(address)
        *_, table = page.all("table")
        records += [each.text for each in page.all("th") if each.attributes["scope"] == "row" and each.parent is not None
                    and each.parent.parent is not None and each.parent.parent.parent is table]  # fmt: skip
        address = next((each.attributes["href"] for each in page.all("a") if each.text == "Next page"), "").partition("#")[0]
    assert records == [str(number) for number in range(2, 92)]
    for wrong, status in (("7", 404), ("x", 400), ("-1", 400), ("9" * 15, 404), ("9" * 400, 400)):
        browser.page("/console/file", status=status, name="metrics/a.csv", rows=wrong)


def test_rejected_rows_that_are_gone_are_said_to_be(story: WebStory, browser: Browser) -> None:
    story.memory.upload("metrics/a.csv", bad(2))
    receipt = story.memory.receipt("metrics/a.csv")
    story.memory.drop.delete(blob_names.receipts_container("acme"), receipt["rejected_blob"])
    assert "They are kept no longer" in browser.page("/console/file", name="metrics/a.csv").text
    browser.page("/console/rejected", status=404, name="metrics/a.csv")


def test_a_fix_file_is_downloaded_as_it_is_stored(story: WebStory, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    story.memory.upload("metrics/a.csv", bad(2))
    receipt = story.memory.receipt("metrics/a.csv")
    stored = story.memory.drop.get(blob_names.receipts_container("acme"), receipt["fix_blob"])
    assert stored is not None
    address = browser.page("/console/file", name="metrics/a.csv").link("Download to fix (csv)")
    found = browser.get(address)
    assert (found.status, found.data) == (200, stored[0])
    assert found.headers["content-disposition"] == 'attachment; filename="rejected.csv"'
    monkeypatch.setattr(rejected_rows, "PART", len(stored[0]) - 1)
    page = browser.page("/console/file", name="metrics/a.csv")
    assert receipt["fix_blob"] in page.text
    assert "Download to fix" not in page.text
    browser.page("/console/fix", status=404, name="metrics/a.csv")
    story.memory.drop.delete(blob_names.receipts_container("acme"), receipt["fix_blob"])
    browser.page("/console/fix", status=404, name="metrics/a.csv")
    assert "to fix" not in browser.page("/console/file", name="metrics/a.csv").text


def test_earlier_answers_stand_on_the_page(story: WebStory, browser: Browser) -> None:
    story.memory.upload("metrics/a.csv", b"no header,at all\n1,2\n")
    assert "Earlier answers" not in browser.page("/console/file", name="metrics/a.csv").text
    etag = story.memory.receipt("metrics/a.csv")["etag"]
    story.memory.upload("metrics/a.csv", metrics(DAY, {"u": 1}))
    page = browser.page("/console/file", name="metrics/a.csv")
    *_, table = page.all("table")
    for word in ("rejected", "missing_column", etag):
        assert word in table.text, word


def test_masked_values_are_masked_here_too(story: WebStory, browser: Browser) -> None:
    story.memory.config("mask_values: [unit_id, metric_value]")
    story.memory.upload("metrics/a.csv", bad(2, "a secret"))
    page = browser.page("/console/file", name="metrics/a.csv")
    assert "(masked)" in page.text
    assert "a secret" not in page.text
    assert "u1" not in page.text
    assert b"a secret" not in browser.get("/console/rejected", name="metrics/a.csv").data
    assert b"a secret" not in browser.get("/console/fix", name="metrics/a.csv").data


def test_every_text_of_a_file_shows_as_text(story: WebStory, browser: Browser) -> None:
    name = f"metrics/{HOSTILE}.csv"
    cell = HOSTILE.replace('"', '""')
    story.memory.upload(name, (HEADER + f'u,user_id,{DAY},m,1,,\n"{cell}","{cell}","{cell}","{cell}","{cell}",,\n').encode())
    page = browser.page("/console/file", name=name)
    assert page.one("title").text.startswith(name)
    assert page.one("h1").text == name
    assert page.text.count("<script>alert(1)</script>") > 3
    assert name in browser.page("/console/files").text
    assert browser.page("/console/files", name=HOSTILE).all("input")[0].attributes["value"] == HOSTILE
    story.memory.upload(f"metrics/{HOSTILE}", f"{HOSTILE},b\n1,2\n".encode())
    assert HOSTILE in browser.page("/console/file", name=f"metrics/{HOSTILE}").text


@pytest.mark.parametrize(
    "name", ["", "nothing", "metrics/../a.csv", "..", "metrics/a.csv\0", "\u2603" * 2000, "%2e%2e", "_x", "metrics//a.csv"]
)
def test_there_is_no_such_file(story: WebStory, browser: Browser, name: str) -> None:
    story.memory.upload("metrics/a.csv", bad(2))
    for path in ("/console/file", "/console/rejected", "/console/fix"):
        browser.page(path, status=404, name=name)


def test_another_customers_files_are_not_there(story: WebStory, browser: Browser) -> None:
    story.memory.upload("metrics/a.csv", bad(2))
    add_customer(story.memory.context, "other")
    other = Browser(story)
    other.sign_in("other")
    assert names(other.page("/console/files")) == []
    told = [
        other.get(path, name=name)
        for path in ("/console/file", "/console/rejected", "/console/fix")
        for name in ("metrics/a.csv", "x")
    ]
    assert [each.status for each in told] == [404] * 6
    assert told[0].data == told[1].data
