"""The log stream: rows as they come in, by file and over HTTP, the newest first, in bounded looks (contract section 7)."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from processing.domain import blob_names
from processing.domain.receipts import MASKED
from processing.stored.customers import add_customer
from processing.views import log_stream
from processing.web.api.paging import write_cursor
from tests.support.console import Browser
from tests.support.counting import counted
from tests.support.memory import HEADER, Memory, metrics, ratios
from tests.support.web import Client, WebStory

DAY = date(2026, 11, 18)
TIME = "2026-11-18T18:00:00Z"


def event(name: str, user: object, **more: object) -> bytes:
    return f"{json.dumps({'timestamp': TIME, 'event_name': name, 'user': user, **more})}\n".encode()


def upload(world: Memory, name: str, data: bytes) -> None:
    world.pass_time(seconds=5)
    assert world.upload(name, data) == "accepted"


@pytest.fixture
def story() -> WebStory:
    """Four uploads, the last of events."""
    story = WebStory()
    world = story.memory
    upload(world, "metrics/a.csv", metrics(DAY, {"u1": 1, "u2": 2.5}))
    upload(world, "metrics/b.csv", ratios(DAY, {"u1": (1, 4)}))
    upload(world, "exposures/c.csv", f"unit_id,experiment,group_id,timestamp\nu1,checkout,test,{TIME}\n".encode())
    ids = {"userID": "u1", "customIDs": {"stable_id": "s1"}}
    upload(world, "events/d.ndjson", event("buy", ids, event_value="9.5") + event("view", {"userID": "t"}, is_test=True))
    return story


def rows(client: Client, **parameters: str) -> list[dict[str, Any]]:
    answer = client.get("/v1/logstream", **parameters)
    assert answer.status == 200, answer.data
    found: list[dict[str, Any]] = answer.json["items"]
    return found


def names(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["name"], each["ids"][0]["unit_id"]) for each in found]


ALL = [("buy", "u1"), ("view", "t"), ("checkout", "u1"), ("r", "u1"), ("m", "u1"), ("m", "u2")]


def test_rows_of_the_newest_upload_stand_first_each_as_it_is(story: WebStory) -> None:
    found = rows(story.client())
    assert names(found) == ALL
    buy, view, checkout, ratio, _, value = found
    assert buy == {
        "dataset": "events",
        "received_at": "2026-11-20T12:00:20Z",
        "upload": "events/d.ndjson",
        "at": "2026-11-18T18:00:00.000Z",
        "name": "buy",
        "value": "9.5",
        "numerator": None,
        "denominator": None,
        "group_id": None,
        "ids": [{"id_type": "user_id", "unit_id": "u1"}, {"id_type": "stable_id", "unit_id": "s1"}],
        "is_test": False,
    }
    assert (view["is_test"], checkout["group_id"], checkout["at"]) == (True, "test", "2026-11-18T18:00:00.000Z")
    assert (ratio["value"], ratio["numerator"], ratio["denominator"], ratio["at"]) == (None, 1.0, 4.0, "2026-11-18")
    assert (value["value"], value["upload"]) == (2.5, "metrics/a.csv")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"dataset": "metrics"}, ALL[3:]),
        ({"dataset": "exposures"}, ALL[2:3]),
        ({"name": "m"}, ALL[4:]),
        ({"unit_id": "u1"}, [ALL[0], *ALL[2:5]]),
        ({"unit_id": "s1"}, ALL[:1]),
        ({"unit_id": "s1", "id_type": "user_id"}, []),
        ({"id_type": "stable_id"}, ALL[:1]),
        ({"is_test": "true"}, ALL[1:2]),
        ({"is_test": "false"}, [ALL[0], *ALL[2:]]),
        ({"dataset": "events", "name": "buy", "unit_id": "u1", "is_test": "false"}, ALL[:1]),
    ],
)
def test_filters_leave_out_all_other_rows(story: WebStory, parameters: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert names(rows(story.client(), **parameters)) == expected


@pytest.mark.parametrize("limit", [1, 2, 4])
@pytest.mark.parametrize("looks", [(1, 1, 1), (2, 200, 2), (50, 50, 100_000)], ids=["narrow", "few", "wide"])
def test_pages_are_together_all_rows_however_little_one_looks_at(
    story: WebStory, limit: int, looks: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for constant, bound in zip(("_RECEIPTS", "_PARTS", "_ROWS"), looks, strict=True):
        monkeypatch.setattr(log_stream, constant, bound)
    assert names(all_pages(story.client(), limit=str(limit))) == ALL
    assert names(all_pages(story.client(), limit=str(limit), name="m")) == ALL[4:]


def all_pages(client: Client, **parameters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for _ in range(100):
        page = client.get("/v1/logstream", **parameters).json
        assert len(page["items"]) <= int(parameters["limit"])
        found += page["items"]
        if page["cursor"] is None:
            return found
        parameters["cursor"] = page["cursor"]
    raise AssertionError("the pages never end")


def test_of_a_large_upload_the_first_rows_of_each_part_are_shown_and_no_more_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    story = WebStory()
    lines = "".join(f"u{number},user_id,{DAY},m,{number},,\n" for number in range(30_000))
    upload(story.memory, "metrics/large.csv", (HEADER + lines).encode())
    monkeypatch.setattr(log_stream, "ROWS_OF_PART", 2_500)
    shown = all_pages(story.client(), limit="1000")
    assert [each["ids"][0]["unit_id"] for each in shown] == [f"u{number}" for number in range(2_500)]
    assert rows(story.client(), unit_id="u29999") == []


def test_a_look_opens_a_few_of_many_uploads() -> None:
    story = WebStory()
    for number in range(30):
        upload(story.memory, f"metrics/{number}.csv", metrics(DAY, {f"u{number}": 1, "v": 2}))
    client = story.client()
    drop, lake = counted(story.memory)
    assert names(rows(client, limit="3")) == [("m", "u29"), ("m", "v"), ("m", "u28")]
    receipts = [each for each in drop.requests if each.startswith("get receipts-")]
    assert len(receipts) == 2
    assert lake.calls["head", blob_names.STAGED_CONTAINER] == 2


def test_rows_over_http_are_shown_before_they_are_an_upload_and_once_afterwards(story: WebStory) -> None:
    client = story.client()
    for number in range(3):
        row = {"user_id": number, "id_type": "user_id", "metric_name": "live", "metric_value": str(number), "date": str(DAY)}
        assert client.post("/v1/log_custom_metric", {"metrics": [row]}).status == 200
    logged = {"eventName": "tap", "value": 3, "user": {"userID": 7}, "time": 1795000000}
    assert client.post("/v1/log_event", {"events": [logged]}).status == 200
    live = [("live", "2"), ("live", "1"), ("live", "0")]
    first = rows(client)
    assert sorted(names(first[:4])) == sorted([*live, ("tap", "7")])
    assert [each["upload"] for each in first[:4]] == [None] * 4
    assert names(first[4:]) == ALL
    assert names(rows(client, name="live")) == live
    assert [each["value"] for each in rows(client, name="live")] == [2.0, 1.0, 0.0]
    assert names(all_pages(client, limit="4"))[4:] == ALL
    story.memory.pass_time(seconds=5)
    story.roll()
    again = rows(client)
    assert sorted(names(again[:4])) == sorted([*live, ("tap", "7")])
    assert all("/api/" in each["upload"] for each in again[:4])
    assert names(again[4:]) == ALL


def test_of_a_long_segment_the_last_whole_rows_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_stream, "_TAIL", 500)
    client = WebStory().client()
    row = {"id_type": "user_id", "metric_name": "m", "metric_value": 1}
    assert client.post("/v1/log_custom_metric", {"metrics": [{**row, "unit_id": f"u{n}"} for n in range(50)]}).status == 200
    found = [unit for _, unit in names(rows(client))]
    assert found == [f"u{number}" for number in range(49, 49 - len(found), -1)]
    assert 2 <= len(found) <= 6


@pytest.mark.parametrize(
    ("masks", "hidden"),
    [
        ("true", {"ids"}),
        ("[unit_id]", {"ids"}),
        ("[user]", {"ids"}),
        ("[metric_value, event_value]", {"value"}),
        ("[numerator, group_id]", {"numerator", "group_id"}),
        ("[metric_name, event_name, experiment]", {"name"}),
        ("[date, timestamp]", {"at"}),
        ("[id_type]", {"id_type"}),
    ],
)
def test_what_the_config_masks_is_masked(story: WebStory, masks: str, hidden: set[str]) -> None:
    before = rows(story.client())
    story.memory.config(f"mask_values: {masks}")
    story.memory.pass_time(minutes=5)
    client = story.client()
    client.post("/v1/log_custom_metric", {"metrics": [{"user_id": "x", "id_type": "c", "metric_name": "n", "metric_value": 1}]})
    for found in (rows(client, is_test="false"), rows(client, name="buy"), rows(client)):
        for row in found:
            for field in ("at", "name", "value", "numerator", "denominator", "group_id"):
                assert (row[field] in (None, MASKED)) if field in hidden else row[field] != MASKED
            assert all((each["unit_id"] == MASKED) == ("ids" in hidden) for each in row["ids"])
            assert all((each["id_type"] == MASKED) == ("id_type" in hidden) for each in row["ids"])
    assert len(rows(client)) == len(before) + 1


ALICE = "alice@example.com"
LONG = f"id_type,date,metric_name,metric_value\n{ALICE},user_id,{DAY},m,1\n"
TRACK = {"type": "track", "event": "buy", "timestamp": TIME, "originalTimestamp": TIME}


@pytest.mark.parametrize(
    ("config", "name", "data"),
    [
        ("{mask_values: [email], datasets: {metrics: {columns: {email: unit_id}}}}", "metrics/a.csv", f"email,{LONG}"),
        ("{mask_values: [E-Mail], datasets: {metrics: {columns: {email: unit_id}}}}", "metrics/a.csv", f"email,{LONG}"),
        ("mask_values: [Unit ID]", "metrics/a.csv", f"Unit ID,{LONG}"),
        ("{mask_values: [mail], datasets: {metrics: {select: {unit_id: lower(mail)}}}}", "metrics/a.csv", f"mail,{LONG}"),
        (
            "{mask_values: [amount], datasets: {metrics: {values: {revenue: amount}}}}",
            "metrics/a.csv",
            f"unit_id,id_type,date,amount\nu,user_id,{DAY},4711\n",
        ),
        (
            "{mask_values: [paid], datasets: {metrics: {values: {revenue: amount}, columns: {paid: amount}}}}",
            "metrics/a.csv",
            f"unit_id,id_type,date,paid\nu,user_id,{DAY},4711\n",
        ),
        ("mask_values: [userId]", "events/a.ndjson", json.dumps({**TRACK, "userId": ALICE})),
        ("mask_values: [anonymous_id]", "events/a.ndjson", json.dumps({**TRACK, "anonymousId": ALICE})),
        ("mask_values: [properties]", "events/a.ndjson", json.dumps({**TRACK, "userId": "u", "properties": {"value": ALICE}})),
        (
            "{mask_values: [meta], datasets: {events: {columns: {meta.who: event_value}}}}",
            "events/a.ndjson",
            json.dumps({"timestamp": TIME, "event_name": "buy", "user": {"userID": "u"}, "meta": {"who": ALICE}}),
        ),
        (
            "{mask_values: [site], datasets: {metrics: {folders: {site: unit_id}}}}",
            f"metrics/site={ALICE}/a.csv",
            f"id_type,date,metric_name,metric_value\nuser_id,{DAY},m,1\n",
        ),
    ],
)
def test_what_the_config_masks_by_a_name_of_the_upload_is_masked(config: str, name: str, data: str) -> None:
    story = WebStory()
    story.memory.config(config)
    assert story.memory.upload(name, data.encode()) == "accepted"
    client, browser = story.client(), Browser(story)
    browser.sign_in()
    (row,) = rows(client)
    page = browser.page("/console/log-stream").text
    for shown in (json.dumps({**row, "upload": ""}), page.replace(name, "")):
        assert MASKED in shown
        assert ALICE not in shown
        assert "4711" not in shown


def test_a_name_that_one_dataset_reads_masks_no_other(story: WebStory) -> None:
    story.memory.config("{mask_values: [email], datasets: {exposures: {columns: {email: unit_id}}}}")
    found = {each["name"]: each["ids"][0]["unit_id"] for each in rows(story.client())}
    assert found == {"buy": "u1", "view": "t", "checkout": MASKED, "r": "u1", "m": "u2"}


def test_a_row_that_was_replaced_or_withdrawn_is_not_shown_any_more(story: WebStory) -> None:
    upload(story.memory, "metrics/a.csv", metrics(DAY, {"u9": 1}))
    assert names(rows(story.client(), name="m")) == [("m", "u9")]
    story.memory.upload("metrics/a.csv", b"")
    assert rows(story.client(), name="m") == []


def test_a_part_that_is_gone_or_damaged_is_no_reason_to_break(story: WebStory) -> None:
    lake = story.memory.lake
    first, *_ = [info.name for info in lake.list_blobs(blob_names.STAGED_CONTAINER, "metrics/")]
    lake.put(blob_names.STAGED_CONTAINER, first, b"PAR1 nothing of ours PAR1")
    assert story.client().get("/v1/logstream").status == 503
    lake.delete(blob_names.STAGED_CONTAINER, first)
    assert len(rows(story.client())) < len(ALL)


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        write_cursor(["", ""]),
        write_cursor(["2026-11-20 0 0", "r"])[:-2],
        write_cursor(["2026-11-20T00:00:00+00:00 -1 0", "r"]),
        write_cursor(["2026-11-20T00:00:00+00:00 0 99999999999999999999", "r"]),
        write_cursor(["0001-01-01T00:00:00+23:00 0 0", "r"]),
    ],
)
def test_a_cursor_that_was_never_given_is_400(story: WebStory, cursor: str) -> None:
    assert story.client().get("/v1/logstream", cursor=cursor).status == 400


def test_a_customer_who_never_sent_anything_has_no_rows_and_sees_nobody_elses(story: WebStory) -> None:
    add_customer(story.memory.context, "other")
    answer = story.client(customer="other").get("/v1/logstream")
    assert answer.json == {"cursor": None, "items": [], "complete": True}
