"""The catalogue: what is published of each metric and event, whatever housekeeping wrote down (contract section 8)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.receipts import MASKED
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess
from processing.stored.catalogue import read_past_months
from processing.stored.metric_months import read_month
from processing.views.catalogue import catalogue, days_of_metric
from tests.support.counting import CountingStore
from tests.support.memory import metrics, ratios
from tests.support.web import Client, WebStory

OLD = date(2026, 9, 22)
LAST = date(2026, 11, 19)
STREAM = Stream("acme", Dataset.METRICS)


def buys(day: date, *users: str, test: bool = False) -> bytes:
    rows = ({"timestamp": f"{day}T18:00:00Z", "event_name": "buy", "user": {"userID": user}, "is_test": test} for user in users)
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


@pytest.fixture(scope="module")
def told() -> WebStory:
    """A story that nobody changes."""
    return published()


@pytest.fixture
def story(told: WebStory) -> WebStory:
    """The same, to be changed."""
    return WebStory(told.memory.copied())


def published() -> WebStory:
    """Sixty days, most of them without rows: two of September and the last three have some."""
    story = WebStory()
    world = story.memory
    world.config("{first_day: 2026-09-20, gap_policy: infer, late_policy: hold}")
    world.upload("metrics/1.csv", metrics(OLD, {"u": 1, "v": 3}, "old"))
    world.upload("metrics/2.csv", metrics(OLD + timedelta(days=2), {"u": 5}, "old"))
    for number in range(3):
        day = LAST - timedelta(days=number)
        world.upload(f"metrics/m{number}.csv", metrics(day, {"u": number, "v": number + 1}))
        world.upload(f"metrics/r{number}.csv", ratios(day, {"u": (1, 2), "v": (number, 2)}))
    world.upload("events/a.ndjson", buys(LAST, "u", "u", "v") + buys(LAST, "t", test=True))
    world.upload(f"signals/{LAST}")
    world.settle()
    return story


def items(client: Client, **parameters: str) -> dict[str, dict[str, Any]]:
    answer = client.get("/v1/metrics", **parameters)
    assert answer.status == 200
    return {each["name"]: each for each in answer.json["items"]}


def test_each_metric_and_event_is_told_with_its_days_last_value_and_trend(told: WebStory) -> None:
    found = items(told.client())
    assert list(found) == ["buy", "m", "r", "old"]
    assert {name: (each["dataset"], each["kind"], each["stale"]) for name, each in found.items()} == {
        "buy": ("events", "event", False),
        "m": ("metrics", "value", False),
        "r": ("metrics", "ratio", False),
        "old": ("metrics", "value", True),
    }
    assert (found["old"]["first_day"], found["old"]["last_day"]) == ("2026-09-22", "2026-09-24")
    (old,), (m,), (r,), (buy,) = (found[name]["id_types"] for name in ("old", "m", "r", "buy"))
    assert (old["value"], old["units"], old["trend"]) == (5.0, 1, [None] * 14)
    assert (m["value"], m["units"], m["trend"]) == (0.5, 2, [None] * 11 + [2.5, 1.5, 0.5])
    assert r["trend"] == [None] * 11 + [0.75, 0.5, 0.25]
    assert (buy["value"], buy["units"], buy["trend"][-1]) == (3, 2, 3)
    assert list(items(told.client(), dataset="events")) == ["buy"]


def test_pages_are_together_the_whole_list(told: WebStory) -> None:
    client = told.client()
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get("/v1/metrics", limit="1", **cursor).json
        names += [each["name"] for each in page["items"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert names == ["buy", "m", "r", "old"]
    assert client.get("/v1/metrics", cursor="x").status == 400


def test_one_metric_is_told_day_by_day_with_its_spread(told: WebStory) -> None:
    client = told.client()
    page = client.get("/v1/metrics/m", limit="2").json
    assert page["metric"]["name"] == "m"
    assert [each["day"] for each in page["items"]] == ["2026-11-19", "2026-11-18"]
    first = page["items"][0]
    assert (first["units"], first["sum"], first["mean"], first["min"], first["p50"], first["max"]) == (
        2,
        1.0,
        0.5,
        0.0,
        0.5,
        1.0,
    )
    assert first["stddev"] == pytest.approx(0.5**0.5)
    rest = client.get("/v1/metrics/m", cursor=page["cursor"]).json
    assert ([each["day"] for each in rest["items"]], rest["cursor"]) == (["2026-11-17"], None)
    assert client.get("/v1/metrics/r").json["items"][0]["denominator"] == 4.0
    assert client.get("/v1/metrics/buy").json["items"][0]["count"] == 3
    assert [each["day"] for each in client.get("/v1/metrics/old").json["items"]] == ["2026-09-24", "2026-09-22"]
    assert client.get("/v1/metrics/buy", dataset="metrics").status == 404
    assert client.get("/v1/metrics/nothing").status == 404
    assert client.get("/v1/metrics/m", cursor=client.get("/v1/files", limit="1").json["cursor"]).status == 400


@pytest.mark.parametrize(
    ("masks", "left"), [("metric_name", ["buy"]), ("Metric Name", ["buy"]), ("event_name", ["m", "r", "old"])]
)
def test_masked_names_are_told_in_no_answer(story: WebStory, masks: str, left: list[str]) -> None:
    story.memory.config(f"{{first_day: 2026-09-20, gap_policy: infer, mask_values: [{masks}, id_type]}}")
    client = story.client()
    assert list(items(client)) == left
    for name in ("buy", "m", "r", "old"):
        answer = client.get(f"/v1/metrics/{name}")
        assert answer.status == (200 if name in left else 404)
        assert b"user_id" not in answer.data
        assert answer.status == 404 or {each["id_type"] for each in answer.json["items"]} == {MASKED}
    assert {each["id_type"] for found in items(client).values() for each in found["id_types"]} == {MASKED}


def test_what_housekeeping_writes_down_changes_no_answer_and_saves_the_reads(story: WebStory) -> None:
    lake, context = story.memory.lake, story.memory.context

    def asked() -> tuple[object, int]:
        counted: list[Any] = [CountingStore(each) for each in (lake, story.memory.results)]
        found = catalogue(replace(context, lake=counted[0], own_results=counted[1]), "acme")
        return found, sum(count for each in counted for (what, _), count in each.calls.items() if what == "get")

    lose_months(story)
    before, many = asked()
    story.memory.clean_up()
    assert read_past_months(lake, STREAM).digests.keys() == {date(2026, 9, 1)}
    found, few = asked()
    assert found == before
    assert many - few >= 20
    lose_months(story)
    assert asked() == (before, many)


def lose_months(story: WebStory) -> None:
    """All that was written down of months is gone."""
    lake = story.memory.lake
    for info in list(lake.list_blobs(blob_names.STATE_CONTAINER, "catalogue/")):
        lake.delete(blob_names.STATE_CONTAINER, info.name)


def test_a_turn_that_published_many_days_has_written_down_what_they_say_and_a_page_reads_none_of_them(told: WebStory) -> None:
    memory = told.memory
    lake, results = CountingStore(memory.lake), CountingStore(memory.results)
    context = replace(memory.context, lake=lake, own_results=results)
    (metric,) = [each for each in catalogue(context, "acme") if each.name == "m"]
    days = days_of_metric(context, "acme", metric, before=None, limit=28)
    assert [row["pst_date"] for row in days.rows] == [LAST - timedelta(days=number) for number in range(3)]
    assert not any(each.startswith("get") for each in results.requests)
    assert not any("manifests/" in each for each in lake.requests)


@pytest.mark.parametrize("data", [None, b"", b"PAR1", b"nothing of ours"])
def test_a_file_of_a_month_that_is_gone_or_cannot_be_read_is_no_matter(story: WebStory, data: bytes | None) -> None:
    before = {name: story.client().get(f"/v1/metrics/{name}").json for name in ("m", "r", "old", "buy")}
    lake = story.memory.lake
    for info in list(lake.list_blobs(blob_names.STATE_CONTAINER, "catalogue/acme/")):
        if data is None:
            lake.delete(blob_names.STATE_CONTAINER, info.name)
        else:
            lake.put(blob_names.STATE_CONTAINER, info.name, data)
    assert {name: story.client().get(f"/v1/metrics/{name}").json for name in before} == before
    story.memory.clean_up()
    assert {name: story.client().get(f"/v1/metrics/{name}").json for name in before} == before


def test_the_file_of_a_month_follows_the_publications_of_its_days(story: WebStory) -> None:
    world = story.memory
    assert world.lake.head(blob_names.STATE_CONTAINER, blob_names.metric_month_name(STREAM, LAST.replace(day=1)))
    world.upload("metrics/m0.csv", metrics(LAST, {"u": 10, "v": 20}))
    ask_reprocess(world.context, STREAM, LAST)
    world.settle()
    assert story.client().get("/v1/metrics/m").json["items"][0]["mean"] == 15.0
    world.clean_up()
    assert story.client().get("/v1/metrics/m").json["items"][0]["mean"] == 15.0
    known = read_month(world.lake, STREAM, LAST.replace(day=1))
    published = world.day(LAST).published
    assert published is not None
    assert known.manifests[LAST] == published.manifest


def test_an_old_day_that_is_processed_again_is_told_as_it_is_now(story: WebStory) -> None:
    world = story.memory
    world.clean_up()
    world.upload("metrics/1.csv", b"")
    ask_reprocess(world.context, STREAM, OLD)
    world.settle()
    assert items(story.client())["old"]["first_day"] == "2026-09-24"
    world.clean_up()
    assert items(story.client())["old"]["first_day"] == "2026-09-24"


def test_days_that_are_closed_and_left_the_state_are_told_all_the_same(story: WebStory) -> None:
    world, client = story.memory, story.client()
    for _ in range(3):
        world.pass_time(days=3)
        world.clean_up()
    assert world.state().closed
    assert items(client)["old"]["first_day"] == "2026-09-22"
    assert [each["day"] for each in client.get("/v1/metrics/old").json["items"]] == ["2026-09-24", "2026-09-22"]
    world.lake.delete(blob_names.STATE_CONTAINER, blob_names.catalogue_name(STREAM))
    assert items(client)["old"]["first_day"] == "2026-09-22"


@pytest.mark.parametrize("data", [b"", b"PAR1", b"nothing of ours"])
def test_a_file_of_past_months_that_cannot_be_read_is_no_matter(story: WebStory, data: bytes) -> None:
    story.memory.lake.put(blob_names.STATE_CONTAINER, blob_names.catalogue_name(STREAM), data)
    assert items(story.client())["old"]["first_day"] == "2026-09-22"
    story.memory.clean_up()
    assert read_past_months(story.memory.lake, STREAM).digests


def test_a_customer_without_published_days_has_no_metrics() -> None:
    assert WebStory().client().get("/v1/metrics").json == {"cursor": None, "items": []}
