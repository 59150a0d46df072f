"""The catalogue and a metric's page: lines drawn on the server, the same figures in tables and as CSV (contract section 8)."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta

import pytest

from processing.stored.customers import add_customer
from processing.web.console.charts import DayPoint, Scale, draw_days, draw_interval, draw_trend
from tests.support.console import HOSTILE, Browser, Page, expect_harmless
from tests.support.memory import HEADER, metrics, ratios
from tests.support.web import WebStory

LAST = date(2026, 11, 19)


def signed_in(story: WebStory, customer: str = "acme") -> Browser:
    browser = Browser(story)
    browser.sign_in(customer)
    return browser


def published(config: str = "{first_day: 2026-10-01, gap_policy: infer, late_policy: hold}") -> WebStory:
    """Forty days of one metric, some of a ratio and of an event."""
    story = WebStory()
    world = story.memory
    world.config(config)
    for number in range(40):
        world.upload(f"metrics/{number}.csv", metrics(LAST - timedelta(days=number), {"u": number, "v": number + 2}))
    world.upload("metrics/r.csv", ratios(LAST, {"u": (1, 2), "v": (2, 2)}))
    world.upload("metrics/d.csv", (HEADER + f"=d,=device,{LAST},m,3,,\n").encode())
    row = {"timestamp": f"{LAST}T18:00:00Z", "event_name": "buy", "user": {"userID": "u"}}
    world.upload("events/a.ndjson", f"{json.dumps(row)}\n".encode())
    world.upload(f"signals/{LAST}")
    world.settle()
    return story


@pytest.fixture(scope="module")
def browser() -> Browser:
    return signed_in(published())


def rows(page: Page) -> list[str]:
    return [each.text for each in page.all("tr")][1:]


def test_the_catalogue_shows_every_metric_with_its_trend(browser: Browser) -> None:
    page = browser.page("/console/metrics")
    assert [each.text for each in page.all("a") if each.inside("tbody")] == ["buy", "m", "m", "r"]
    labels = [each.attributes["aria-label"] for each in page.all("svg")]
    assert labels[2] == "14 days, from 14 to 1"
    for word in ("event", "value", "ratio", "user_id", "=device", "2026-11-19"):
        assert word in page.text
    assert len(rows(browser.page("/console/metrics", name="M"))) == 2
    assert len(rows(browser.page("/console/metrics", dataset="events"))) == 1
    assert "No such metric" in browser.page("/console/metrics", name="<b>").text
    browser.page("/console/metrics", status=400, cursor="x")


def test_a_metrics_page_has_its_figures_day_by_day_and_leads_to_the_days(browser: Browser) -> None:
    page = browser.page("/console/metric", name="m", dataset="metrics", id_type="user_id")
    assert len(rows(page)) == 28
    assert page.all("svg")[0].attributes["aria-label"].startswith("mean of each day from 2026-10-23 to 2026-11-19")
    assert page.link("2026-11-19") == "/console/day?dataset=metrics&day=2026-11-19"
    older = browser.page(page.link("Next page"))
    assert len(rows(older)) == 12
    assert rows(older)[-1].startswith("2026-10-11")
    assert len(rows(browser.page("/console/metric", name="m", id_type="=device"))) == 1
    assert "0.75" in browser.page("/console/metric", name="r").text
    assert "Events of each day" in browser.page("/console/metric", name="buy").text


def test_its_csv_has_the_same_and_no_formulas(browser: Browser) -> None:
    answer = browser.get("/console/metric.csv", name="m")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    head, *found = csv.reader(answer.data.decode().splitlines())
    assert head[:5] == ["day", "id_type", "kind", "units", "count"]
    assert len(found) == 41
    assert found[0][:4] == ["2026-11-19", "'=device", "value", "1"]
    assert found[1][head.index("mean")] == "1.0"


def test_what_is_not_there_is_404_and_what_is_no_day_400(browser: Browser) -> None:
    for path in ("/console/metric", "/console/metric.csv"):
        for given in ("name=x", "name=", "name=m&dataset=events", "name=m&dataset=x"):
            browser.page(f"{path}?{given}", status=404)
        browser.page(f"{path}?name=m&before=x", status=400)
    browser.page("/console/metric?name=m&id_type=x", status=404)


def test_another_customer_sees_none_of_it() -> None:
    story = published()
    add_customer(story.memory.context, "other")
    other = signed_in(story, "other")
    assert "No such metric" in other.page("/console/metrics").text
    for path in ("/console/metric", "/console/metric.csv"):
        assert other.get(path, name="m").data == other.get(path, name="x").data
        assert other.get(path, name="m").status == 404


def test_masked_names_are_not_shown() -> None:
    other = signed_in(published("{first_day: 2026-10-01, gap_policy: infer, mask_values: [metric_name, id_type]}"))
    page = other.page("/console/metrics")
    assert "masks the names of metrics" in page.text
    assert [each.text for each in page.all("a") if each.inside("tbody")] == ["buy"]
    assert "user_id" not in page.text
    other.page("/console/metric", status=404, name="m")
    other.page("/console/metric.csv", status=404, name="m")


def test_masked_id_types_stand_in_no_link_and_are_told_apart_by_their_places() -> None:
    other = signed_in(published("{first_day: 2026-10-01, gap_policy: infer, mask_values: [Id Type]}"))
    page = other.page("/console/metrics")
    assert [each.text for each in page.all("a") if each.inside("tbody")] == ["buy", "m", "m", "r"]
    links = [each.attributes["href"] for each in page.all("a") if each.text == "m"]
    assert [len(rows(other.page(link))) for link in links] == [1, 28]
    following = other.page(links[1]).link("Next page")
    assert len(rows(other.page(following))) == 12
    for path in ("/console/metrics", *links, following):
        data = other.get(path).data
        assert not any(each in data for each in (b">=device", b"%3Ddevice", b"user_id"))
    other.page("/console/metric", status=404, name="m", id_type="user_id")


def test_names_show_as_text() -> None:
    story = WebStory()
    name = HOSTILE.replace('"', '""')
    story.memory.upload("metrics/a.csv", (HEADER + f'"{name}","{name}",{LAST},"{name}",1,,\n').encode())
    story.memory.upload(f"signals/{LAST}")
    story.memory.settle()
    story.memory.tick()
    browser = signed_in(story)
    page = browser.page("/console/metrics")
    assert page.text.count(HOSTILE) == 2
    page = browser.page(next(each.attributes["href"] for each in page.all("a") if each.inside("tbody")))
    assert page.one("h1").text == HOSTILE
    assert page.text.count(HOSTILE) == 3


@pytest.mark.parametrize(
    "values", [[], [None], [1.0], [0.0] * 14, [1.7e308, -1.7e308], [5e-324, 0.0], [None, 1.0, None, 2.0, 3.0], [1e300] * 3]
)
def test_lines_are_drawn_whatever_the_figures_are(values: list[float | None]) -> None:
    days = [DayPoint(day=LAST + timedelta(days=2 * at), value=value, low=value, high=value) for at, value in enumerate(values)]
    drawn = [draw_trend(values, HOSTILE)] + ([draw_days(days, HOSTILE)] if days else [])
    given = [value for value in values if value is not None]
    drawn += [draw_interval(Scale.of(given, with_zero=True), value, value, None, HOSTILE) for value in given]
    drawn += [draw_interval(Scale.of(given, with_zero=True), value, -value, value, HOSTILE) for value in given]
    for each in drawn:
        assert "nan" not in each
        assert "inf" not in each
        page = Page(str(each))
        expect_harmless(page)
        assert page.one("svg").attributes["aria-label"] == HOSTILE
