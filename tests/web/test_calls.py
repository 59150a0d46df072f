"""Marks, checks, reading and limits over HTTP (contract section 7)."""

from __future__ import annotations

import gzip
import json
import threading
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest

from processing.domain.api_keys import Scope
from processing.domain.datasets import Dataset
from processing.domain.errors import LaterError
from processing.domain.streams import Stream
from processing.jobs.mark_data_ready import mark_data_ready
from processing.stored.customers import add_customer
from processing.web.limits import Buckets
from tests.support.memory import metrics
from tests.support.web import WebStory

DAY = date(2026, 11, 18)


def second(day: date, hour: int = 8) -> int:
    """An instant of a UTC day; its PST day begins at eight."""
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp())


# Marks


def test_the_contracts_own_example_marks_the_day_before_and_not_its_own() -> None:
    story = WebStory()
    answer = story.client(Scope.MARK).post("/v1/mark_data_ready", {"timestamp": 1647975283, "type": "metrics"})
    assert (answer.status, answer.json) == (200, {"success": True, "day": "2022-03-21"})


def test_a_day_is_marked_from_its_very_end_on() -> None:
    story = WebStory()
    client = story.client()
    end = second(DAY + timedelta(days=1))
    assert client.post("/v1/mark_data_ready", {"timestamp": end - 1, "type": "metrics"}).json["day"] == "2026-11-17"
    assert client.post("/v1/mark_data_ready", {"timestamp": end, "type": "metrics"}).json["day"] == "2026-11-18"


def test_rows_that_were_answered_before_a_mark_are_in_its_day() -> None:
    """Nobody rolls the journal here but the look at days."""
    story = WebStory()
    client = story.client()
    row = {"id_type": "user_id", "date": str(DAY), "metric_name": "m"}
    rows = [{**row, "unit_id": f"u{i}", "metric_value": i} for i in range(3)]
    assert client.post("/v1/log_custom_metric", {"metrics": rows}).status == 200
    assert client.post("/v1/mark_data_ready", {"timestamp": second(DAY + timedelta(days=1)), "type": "metrics"}).status == 200
    for _ in range(3):
        story.memory.answer_events()
        story.memory.sweep()
        story.memory.settle()
    assert story.memory.values(DAY) == {"u0": 0, "u1": 1, "u2": 2}
    assert story.memory.state().first_day == DAY, "days before it have neither rows nor a marker of their own"


def test_a_later_mark_stands_for_every_day_since_the_one_before() -> None:
    story = WebStory()
    memory, client = story.memory, story.client()
    memory.upload("metrics/a.csv", metrics(DAY, {"a": 1}))
    assert client.post("/v1/mark_data_ready", {"timestamp": second(DAY + timedelta(days=1)), "type": "metrics"}).status == 200
    memory.answer_events()
    memory.settle()
    memory.pass_time(days=3)
    answer = client.post("/v1/mark_data_ready", {"timestamp": second(DAY + timedelta(days=4)), "type": "metrics"})
    assert answer.json["day"] == "2026-11-21"
    memory.answer_events()
    memory.settle()
    states = memory.states()
    assert [states[DAY + timedelta(days=each)] for each in range(4)] == ["processed", *["processed_empty"] * 3]


def test_the_same_again_is_200_and_changes_nothing_and_an_earlier_one_is_409() -> None:
    story = WebStory()
    client = story.client()
    later, earlier = ({"timestamp": second(DAY, hour), "type": "events"} for hour in (12, 11))
    assert client.post("/v1/mark_data_ready", later).status == 200
    before = [info.etag for info in story.memory.drop.list_blobs("drop-acme")]
    assert client.post("/v1/mark_data_ready", later).json["day"] == "2026-11-17"
    assert [info.etag for info in story.memory.drop.list_blobs("drop-acme")] == before
    assert client.post("/v1/mark_data_ready", earlier).status == 409
    assert client.post("/v1/mark_data_ready", {**earlier, "type": "exposures"}).status == 200, "each dataset has its own"


def test_a_mark_that_was_killed_on_the_way_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    story = WebStory()
    put, fails = story.memory.lake.put, True

    def failing(*arguments: object, **options: object) -> str:
        if fails:
            raise LaterError("killed")
        return put(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(story.memory.lake, "put", failing)
    stream, up_to = Stream("acme", Dataset.METRICS), datetime.fromtimestamp(second(DAY), UTC)
    with pytest.raises(LaterError):
        mark_data_ready(story.memory.context, stream, up_to)
    fails = False
    assert mark_data_ready(story.memory.context, stream, up_to) == date(2026, 11, 17)
    names = [info.name for info in story.memory.drop.list_blobs("drop-acme", "signals/")]
    assert len(names) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"timestamp": 1647975283},
        {"timestamp": 1647975283, "type": "signals"},
        {"timestamp": 1647975283, "type": ["metrics"]},
        {"timestamp": "1647975283", "type": "metrics"},
        {"timestamp": True, "type": "metrics"},
        {"timestamp": 1647975283000, "type": "metrics"},
        {"timestamp": -1, "type": "metrics"},
        {"timestamp": 10**30, "type": "metrics"},
        {"timestamp": 1e300, "type": "metrics"},
        {"timestamp": 100, "type": "metrics"},
    ],
)
def test_a_mark_that_cannot_be_meant_is_400(body: object) -> None:
    story = WebStory()
    assert story.client().post("/v1/mark_data_ready", body).status == 400
    assert list(story.memory.drop.list_blobs("drop-acme")) == []


# Checks


def test_a_check_gives_the_receipt_of_an_upload_and_keeps_nothing() -> None:
    story = WebStory()
    client, data = story.client(Scope.CHECK), metrics(DAY, {"a": 1, "b": 2}) + b"c,,x,m,1,,\n"
    before = everything(story)
    answer = client.send("POST", "/v1/check", data, dataset="metrics", name="a.csv")
    assert everything(story) == before
    assert answer.status == 200
    story.memory.upload("metrics/a.csv", data)
    receipt = story.memory.receipt("metrics/a.csv")
    for key in ("blob", "customer", "dataset", "size", "format", "status", "rows", "days", "rules", "error"):
        assert answer.json[key] == receipt[key], key


def everything(story: WebStory) -> list[str]:
    stores = (story.memory.drop, story.memory.lake)
    return [info.name for store in stores for each in store.list_containers() for info in store.list_blobs(each)]


def test_a_check_goes_by_the_customers_config_and_by_the_name_of_the_file() -> None:
    story = WebStory()
    story.memory.config("datasets: {metrics: {columns: {device: unit_id}, folders: [date]}}")
    data = gzip.compress(b"device,id_type,metric_name,metric_value\na,user_id,m,1\n")
    answer = story.client().send("POST", "/v1/check", data, dataset="metrics", name="date=2026-11-18/a.csv.gz")
    assert (answer.json["status"], answer.json["days"]) == ("accepted", {"2026-11-18": 1})


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"name": "a.csv"}, 400),
        ({"dataset": "metrics"}, 400),
        ({"dataset": "signals", "name": "a.csv"}, 400),
        ({"dataset": "metrics", "name": ""}, 400),
        ({"dataset": "metrics", "name": "x" * 513}, 400),
        ({"dataset": "metrics", "name": "../../a\x00\n.csv"}, 200),
        ({"dataset": "metrics", "name": "\N{GRINNING FACE}"}, 200),
    ],
)
def test_parameters_of_a_check(parameters: dict[str, str], status: int) -> None:
    answer = WebStory().client().send("POST", "/v1/check", b"x", None, **parameters)
    assert answer.status == status
    assert answer.headers["content-type"] == ("application/json" if status == 200 else "application/problem+json")


def test_files_that_are_none_are_receipts_and_not_errors() -> None:
    client = WebStory().client()
    for data in (b"", b"\x00" * 100, b"PAR1" * 50, b"\x1f\x8b\x08", b"PK\x03\x04", gzip.compress(b"\x00" * 10_000_000)):
        answer = client.send("POST", "/v1/check", data, dataset="events", name="a")
        assert answer.status == 200
        assert answer.json["status"] in ("rejected", "ignored")


# Reading


def published() -> WebStory:
    story = WebStory()
    for number, day in enumerate((DAY, DAY + timedelta(days=1))):
        story.memory.upload(f"metrics/{number}.csv", metrics(day, {"a": number}))
        story.memory.upload(f"signals/{day}")
        story.memory.pass_time(seconds=1)
    story.memory.upload("metrics/bad.csv", b"x\n1\n")
    story.memory.settle()
    return story


def test_streams_days_and_files_are_read_newest_first() -> None:
    client = published().client(Scope.READ)
    (stream,) = client.get("/v1/streams").json["items"]
    assert (stream["dataset"], stream["first_day"], stream["seq"]) == ("metrics", "2026-11-18", 2)
    days = client.get("/v1/days").json["items"]
    assert [(day["day"], day["state"], day["rows"]) for day in days] == [
        ("2026-11-19", "processed", 1),
        ("2026-11-18", "processed", 1),
    ]
    files = client.get("/v1/files", dataset="metrics").json["items"]
    assert [(file["name"], file["status"]) for file in files] == [
        ("metrics/bad.csv", "rejected"),
        ("metrics/1.csv", "accepted"),
        ("metrics/0.csv", "accepted"),
    ]
    assert client.get("/v1/files/metrics/bad.csv").json["error"]["code"] == "missing_column"


@pytest.mark.parametrize("path", ["/v1/days", "/v1/files"])
def test_pages_together_are_the_whole_list(path: str) -> None:
    client = published().client()
    whole = client.get(path).json
    assert whole["cursor"] is None
    found, cursor = [], None
    while True:
        page = client.get(path, limit="1", **({"cursor": cursor} if cursor else {})).json
        found += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert found == whole["items"]
    for wrong in ("x", "WzFd", "W1tdXQ", "e30", "é"):
        assert client.get(path, cursor=wrong).status == 400
    for limit in ("0", "1001", "x"):
        assert client.get(path, limit=limit).status == 400


def test_a_customer_is_told_nothing_of_the_configs_of_others() -> None:
    story = published()
    story.memory.lake.put("config", "acme-secret.yaml", b"")
    assert b"secret" not in story.client().get("/v1/streams").data


# Limits


def rows(count: int) -> dict[str, object]:
    row = {"unit_id": "u", "id_type": "user_id", "metric_name": "m", "metric_value": 1}
    return {"metrics": [row] * count}


def test_more_rows_than_the_limit_are_429_and_another_customer_does_not_notice() -> None:
    story = WebStory()
    add_customer(story.memory.context, "other")
    story.memory.config("limits: {rows_per_second: 100}")
    client, other = story.client(), story.client(customer="other")
    assert client.post("/v1/log_custom_metric", rows(10_000)).status == 200
    refused = client.post("/v1/log_custom_metric", rows(500))
    assert (refused.status, refused.headers["retry-after"]) == (429, "5")
    assert other.post("/v1/log_custom_metric", rows(500)).status == 200
    story.second += 5
    assert client.post("/v1/log_custom_metric", rows(500)).status == 200
    assert len(story.rows()) == 10_500


def test_more_requests_at_once_than_the_limit_are_429(monkeypatch: pytest.MonkeyPatch) -> None:
    story = WebStory()
    story.memory.config("limits: {concurrent_requests: 2}")
    add_customer(story.memory.context, "other")
    client, other = story.client(), story.client(customer="other")
    go, begun = threading.Event(), threading.Semaphore(0)
    create = type(story.memory.context.append_blobs).create

    def slow(self: object, container: str, name: str) -> str:
        if container == "journal-acme":
            begun.release()
            go.wait()
        return create(self, container, name)  # type: ignore[arg-type]

    monkeypatch.setattr(type(story.memory.context.append_blobs), "create", slow)
    calls = {
        "log_custom_metric": rows(1),
        "log_event": {"events": [{"eventName": "e", "user": {"userID": "u"}}]},
    }
    threads = [threading.Thread(target=client.post, args=(f"/v1/{name}", body)) for name, body in calls.items()]
    for thread in threads:
        thread.start()
    assert begun.acquire()
    assert begun.acquire()
    refused = client.post("/v1/log_custom_metric", rows(1))
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert other.post("/v1/log_custom_metric", rows(1)).status == 200
    go.set()
    for thread in threads:
        thread.join()
    assert client.post("/v1/log_custom_metric", rows(1)).status == 200, "the places are free again"


def test_what_limits_remember_is_bounded() -> None:
    buckets = Buckets(lambda: 0.0)
    for number in range(20_000):
        buckets.take(str(number), 1, size=1, per_second=1)
    assert len(buckets._known) == 10_000


# Whatever else


def test_a_fault_of_ours_is_a_problem_document_and_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("secret-unit")

    monkeypatch.setattr("processing.web.api.log.lines_of", broken)
    story = WebStory()
    answer = story.client().post("/v1/log_custom_metric", rows(1))
    assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")
    assert b"secret" not in answer.data
    assert story.rows() == []


@pytest.mark.parametrize(
    "name", ["%ff", "%ed%a0%80", "%00", "..%2f..", "a%2e%2e", "%5c..%5c", "x" * 3_000, "%F0%9F%98%80", "", "%0a", "[", "%25%32"]
)
def test_no_name_of_a_file_is_a_fault_of_ours(name: str) -> None:
    answer = WebStory().client().get(f"/v1/files/{name}")
    assert answer.status in (200, 307, 400, 404)
    assert answer.status == 307 or answer.headers["content-type"] in ("application/json", "application/problem+json")


def test_what_is_not_there_is_a_problem_document_too() -> None:
    client = WebStory().client()
    wrong = (("GET", "/", 404), ("GET", "/v1/none", 404), ("DELETE", "/v1/files", 405), ("GET", "/docs", 404))
    for method, path, status in wrong:
        answer = client.send(method, path)
        assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")


def test_the_document_names_no_other_host_and_describes_every_field() -> None:
    document = WebStory().client().get("/v1/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert "http" not in json.dumps(document).replace("httpBearer", "").replace('"type": "http"', "")
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name
        for field, told in schema.get("properties", {}).items():
            assert told.get("description"), f"{name}.{field}"


def test_what_lies_under_names_with_line_ends_is_found() -> None:
    story = WebStory()
    name = "metrics/a\nb.csv\n"
    story.memory.upload(name, metrics(DAY, {"u": 1}))
    answer = story.client().get(f"/v1/files/{quote(name, safe='')}")
    assert (answer.status, answer.json["blob"]) == (200, name)


def test_a_container_that_cannot_be_listed_is_told_as_what_it_is() -> None:
    story = WebStory()
    story.memory.put("metrics/\uffff.csv", b"x")
    answer = story.client().get("/v1/streams")
    assert (answer.status, answer.headers["retry-after"]) == (503, "300")
    assert "cannot be listed" in answer.json["detail"]
    files = story.client().get("/v1/files")
    assert (files.status, files.headers["retry-after"], "operator" in files.json["detail"]) == (503, "300", True)
