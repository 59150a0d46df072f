"""Rows over HTTP, in our form and in Statsig's: what is answered 200 is accepted by the engine, and nothing else is kept."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.errors import LaterError
from processing.domain.receipts import MASKED
from tests.support.soak import times
from tests.support.web import WebStory

DAY = "2026-11-18"
METRIC = {"unit_id": "u", "id_type": "user_id", "date": DAY, "metric_name": "m", "metric_value": 1}
EVENT = {"timestamp": 1795000000, "event_name": "e", "user": {"userID": "u"}}
EXPOSURE = {"timestamp": 1795000000, "experiment": "x", "group_id": "g", "unit_id": "u"}
PATHS = {"metrics": "log_custom_metric", "events": "log_event", "exposures": "log_custom_exposure"}
GOOD = {"metrics": METRIC, "events": EVENT, "exposures": EXPOSURE}
each_dataset = pytest.mark.parametrize("dataset", PATHS)


@each_dataset
def test_rows_become_an_upload_that_is_accepted(dataset: str) -> None:
    story = WebStory()
    story.memory.pass_time(days=30)
    answer = story.client().post(f"/v1/{PATHS[dataset]}", {dataset: [GOOD[dataset], GOOD[dataset]]})
    assert (answer.status, answer.json) == (200, {"success": True})
    (name,) = story.roll()
    assert name.startswith(f"{dataset}/api/2026-12-20/")
    receipt = story.memory.receipt(name)
    assert (receipt["status"], receipt["rows"]["accepted"]) == ("accepted", 2)


def test_statsigs_own_sample_of_metrics() -> None:
    story = WebStory()
    rows = [
        {"user_id": "1237", "metric_name": "test_metric", "id_type": "user_id", "metric_value": 90},
        {"user_id": "4568", "metric_name": "ratio", "id_type": "stable_id", "numerator": 3, "denominator": 15},
    ]
    assert story.client().post("/v1/log_custom_metric", {"metrics": rows}).json == {"success": True}
    (name,) = story.roll()
    assert story.memory.receipt(name)["days"] == {"2026-11-20": 2}, "a row without a date is one of today"
    assert [row["unit_id"] for row in story.rows()] == ["1237", "4568"]


def test_statsigs_own_sample_of_an_event() -> None:
    story = WebStory()
    sample = {
        "user": {"userID": "user-456", "email": "bob@example.com", "custom": {"subscription": "enterprise"}},
        "eventName": "checkout_completed",
        "time": 1746230380000,
        "value": 149.99,
        "metadata": {"product_id": "prod-789", "currency": "USD"},
        "secondaryExposures": [{"gate": "g", "gateValue": "true", "ruleID": "r"}],
    }
    body = {"events": [sample, {"eventName": "shared"}], "user": {"customIDs": {"companyID": "c"}}, "statsigMetadata": {}}
    assert story.client().post("/v1/log_event", body).status == 200
    first, second = story.rows()
    assert first["timestamp"] == 1746230380000
    assert (first["event_name"], first["event_value"]) == ("checkout_completed", 149.99)
    assert second["user"] == {"customIDs": {"companyID": "c"}}
    assert second["timestamp"].startswith("2026-11-20T12:00:00"), "an event without a time is one of now"
    (name,) = story.roll()
    assert story.memory.receipt(name)["rows"]["accepted"] == 2


def test_statsigs_own_samples_of_exposures() -> None:
    """An experiment may be about any of the user's ids, so that each of them is exposed."""
    story = WebStory()
    user = {"userID": "u1", "customIDs": {"companyID": "c1"}}
    rows = [
        {"user": user, "experimentName": "analytics_only_experiment", "group": "Daily Deals"},
        {"user": {"userID": "u2"}, "gateName": "saleBanner", "group": "Controls Access", "passes": True},
        {"user": {"userID": "u3"}, "experimentName": "by_rule", "ruleID": "r1"},
        {"user": {"userID": "u4"}, "gateName": "by_pass", "passes": False},
    ]
    assert story.client().post("/v1/log_custom_exposure", {"exposures": rows}).status == 200
    told = [(row["unit_id"], row["id_type"], row["experiment"], row["group_id"]) for row in story.rows()]
    assert told == [
        ("u1", "user_id", "analytics_only_experiment", "Daily Deals"),
        ("c1", "companyID", "analytics_only_experiment", "Daily Deals"),
        ("u2", "user_id", "saleBanner", "Controls Access"),
        ("u3", "user_id", "by_rule", "r1"),
        ("u4", "user_id", "by_pass", "false"),
    ]
    (name,) = story.roll()
    assert story.memory.receipt(name)["rows"]["accepted"] == 5


BAD: list[tuple[str, dict[str, Any], str | None]] = [
    ("metrics", {**METRIC, "unit_id": None, "user_id": ""}, "user_id"),
    ("metrics", {**METRIC, "unit_id": ["u"]}, "unit_id"),
    ("metrics", {**METRIC, "unit_id": True}, "unit_id"),
    ("metrics", {**METRIC, "unit_id": "\ud800"}, None),
    ("metrics", {**METRIC, "unit_id": "u", "user_id": "v"}, "user_id"),
    ("metrics", {**METRIC, "unit_id": "u" * 513}, "unit_id"),
    ("metrics", {**METRIC, "date": "2026-11-23"}, "date"),
    ("metrics", {**METRIC, "date": "today"}, "date"),
    ("metrics", {**METRIC, "metric_value": None}, None),
    ("metrics", {**METRIC, "metric_value": "much"}, "metric_value"),
    ("metrics", {**METRIC, "metric_value": "inf"}, "metric_value"),
    ("metrics", {}, "unit_id"),
    ("events", {**EVENT, "timestamp": None, "eventName": "e", "event_name": None, "time": "never"}, "time"),
    ("events", {**EVENT, "event_name": "a;b"}, "event_name"),
    ("events", {**EVENT, "user": {}}, "user"),
    ("events", {**EVENT, "user": "u"}, "user"),
    ("events", {**EVENT, "timestamp": None}, "timestamp"),
    ("exposures", {**EXPOSURE, "group_id": None}, "group_id"),
    ("exposures", {**EXPOSURE, "unit_id": None, "user": {"userID": ""}}, "user"),
    ("exposures", {**EXPOSURE, "unit_id": None, "user": {"customIDs": {"a": {}}}}, "user"),
]


@pytest.mark.parametrize(("dataset", "row", "field"), BAD)
def test_one_bad_row_refuses_the_request_whole_and_partial_keeps_the_others(
    dataset: str, row: dict[str, Any], field: str | None
) -> None:
    story = WebStory()
    story.memory.pass_time(hours=1)
    client, good = story.client(), dict(GOOD[dataset])
    if "timestamp" in good:
        good["timestamp"] = 1763600000
        row = {**row, "timestamp": 1763600000} if row.get("timestamp") else row
    body = {dataset: [good, row, good]}
    refused = client.post(f"/v1/{PATHS[dataset]}", body)
    assert refused.status == 400, refused.data
    assert refused.headers["content-type"] == "application/problem+json"
    assert {(index, name) for index, name, _ in refused.messages} >= {(1, field)}, refused.data
    assert {index for index, _, _ in refused.messages} == {1}
    assert story.rows() == []
    partial = client.post(f"/v1/{PATHS[dataset]}", body, partial="true")
    assert partial.status == 200
    assert {each["index"] for each in partial.json["failed_records"]} == {1}
    assert len(story.rows()) == 2


def test_what_is_no_row_is_told_by_its_index() -> None:
    story = WebStory()
    answer = story.client().post("/v1/log_custom_metric", {"metrics": [METRIC, 1, None, []]})
    assert [index for index, _, _ in answer.messages] == [1, 2, 3]
    assert story.rows() == []


def test_rows_that_are_a_test_are_marked_as_such_and_exposures_are_only_checked() -> None:
    story = WebStory()
    client = story.client()
    assert client.post("/v1/log_custom_metric", {"isTest": True, "metrics": [METRIC]}).status == 200
    assert [row["is_test"] for row in story.rows()] == [True]
    exposure = {**EXPOSURE, "timestamp": 1763600000}
    assert client.post("/v1/log_custom_exposure", {"isTest": True, "exposures": [exposure]}).status == 200
    assert client.post("/v1/log_custom_exposure", {"isTest": True, "exposures": [{}]}).status == 400
    assert len(story.rows()) == 1


def test_the_config_for_files_says_nothing_of_rows_over_http() -> None:
    """Neither when they are checked nor when the upload is read that they become."""
    story = WebStory()
    story.memory.config(
        "id_types: [user_id]\n"
        "datasets: {metrics: {select: {metric_value: '\"amount\" * 2'}, constants: {id_type: company}, where: 'amount > 0'}}\n"
    )
    client = story.client()
    assert client.post("/v1/log_custom_metric", {"metrics": [METRIC]}).status == 200
    assert client.post("/v1/log_custom_metric", {"metrics": [{**METRIC, "id_type": "company"}]}).status == 400
    (name,) = story.roll()
    assert story.memory.receipt(name)["rows"]["accepted"] == 1


def test_a_row_that_was_answered_is_not_lost_because_of_others_that_are_bad_by_now() -> None:
    """The config became stricter between the answer and the upload: of 100 rows 50 are rejected, each alone."""
    story = WebStory()
    rows = [{**METRIC, "unit_id": f"u{i}", "id_type": "a" if i % 2 else "b"} for i in range(100)]
    assert story.client().post("/v1/log_custom_metric", {"metrics": rows}).status == 200
    story.memory.config("id_types: [a]")
    (name,) = story.roll()
    receipt = story.memory.receipt(name)
    assert (receipt["status"], receipt["rows"]["accepted"]) == ("accepted_with_rejects", 50)


def test_many_requests_together_may_name_more_than_one_file() -> None:
    story = WebStory()
    client = story.client()
    for part in range(2):
        rows = [{**METRIC, "metric_name": f"m{part}-{i}", "id_type": f"t{i % 600}-{part}"} for i in range(9_000)]
        story.second += 10
        assert client.post("/v1/log_custom_metric", {"metrics": rows}).status == 200
    (name,) = story.roll()
    assert story.memory.receipt(name)["rows"]["accepted"] == 18_000


def test_a_masked_value_is_told_in_no_answer() -> None:
    story = WebStory()
    story.memory.config("mask_values: true")
    client = story.client()
    for unit in ("secret-unit" * 60, ["secret-unit"]):
        answer = client.post("/v1/log_custom_metric", {"metrics": [{**METRIC, "unit_id": unit}]})
        assert answer.status == 400
        assert b"secret-unit" not in answer.data


@pytest.mark.parametrize("masks", ["true", "[user]", "[User]", "[user, unit_id]"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("log_event", {"events": [{"event_name": "x"}], "user": "secret-unit"}),
        ("log_custom_metric", {"metrics": {"user_id": "secret-unit"}}),
        ("log_custom_metric", {"metrics": [METRIC], "isTest": "secret-unit"}),
        ("log_custom_metric", {"metrics": ["secret-unit"]}),
        ("log_event", {"events": [{"timestamp": "x", "event_name": "e", "user": '{"userID": ["secret-unit"]'}]}),
        (
            "log_custom_exposure",
            {
                "exposures": [
                    {"timestamp": 1795000000, "experiment": "x", "group_id": "g", "user": {"userID": "secret-unit" * 60}}
                ]
            },
        ),
    ],
)
def test_a_masked_value_is_told_in_no_answer_wherever_it_was_sent(path: str, body: dict[str, Any], masks: str) -> None:
    story = WebStory()
    story.memory.config(f"mask_values: {masks}")
    answer = story.client().post(f"/v1/{path}", body)
    assert answer.status == 400
    assert MASKED in {each["value"] for each in answer.json["errors"]}
    assert b"secret" not in answer.data


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ("mask_values: [user_id]", "user_id"),
        ("mask_values: [Unit ID]", "user_id"),
        ("{mask_values: [email], datasets: {metrics: {columns: {email: unit_id}}}}", "unit_id"),
    ],
)
def test_a_value_is_masked_by_the_name_of_its_field_and_by_that_of_its_column(config: str, field: str) -> None:
    story = WebStory()
    story.memory.config(config)
    row = {**{name: value for name, value in METRIC.items() if name not in ("unit_id", "user_id")}, field: "secret-unit" * 60}
    (error,) = story.client().post("/v1/log_custom_metric", {"metrics": [row]}).json["errors"]
    assert (error["field"], error["value"]) == (field, MASKED)


def test_a_body_without_rows_is_told_how_it_is_written() -> None:
    client = WebStory().client()
    bodies: tuple[object, ...] = ([], {})
    for body in bodies:
        assert client.post("/v1/log_custom_metric", body).json["detail"].endswith('send {"metrics": [...]}')


def test_storage_that_is_down_is_503_and_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    story = WebStory()
    client = story.client()

    def down(*_: Any, **__: Any) -> str:
        raise LaterError("storage is down: secret address")

    monkeypatch.setattr(type(story.memory.context.append_blobs), "append", down)
    answer = client.post("/v1/log_custom_metric", {"metrics": [METRIC]})
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert b"secret" not in answer.data


TEXT = st.text(max_size=20) | st.sampled_from(["", " ", "null", "1e400", "\ud800", "user_id", "é" * 600, "2026-11-18", "Inf"])
SCALAR = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUE = SCALAR | st.lists(SCALAR, max_size=2) | st.dictionaries(TEXT, SCALAR, max_size=2)
SHAPES = {
    "metrics": ["unit_id", "user_id", "id_type", "date", "metric_name", "metric_value", "numerator", "denominator", "is_test"],
    "events": ["timestamp", "time", "event_name", "eventName", "event_value", "value", "event_metadata", "metadata", "user"],
    "exposures": ["timestamp", "time", "experiment", "gateName", "group_id", "group", "ruleID", "passes", "unit_id", "user"],
}


@each_dataset
@settings(max_examples=times(40))
@given(data=st.data())
def test_whatever_rows_hold_what_is_answered_200_is_accepted_and_what_is_refused_leaves_nothing(
    dataset: str, data: st.DataObject
) -> None:
    story = WebStory()
    changes = st.dictionaries(st.sampled_from(SHAPES[dataset]), VALUE, max_size=3)
    good = {**GOOD[dataset], **({"timestamp": 1763600000} if dataset != "metrics" else {})}
    rows = [{**good, **change} for change in data.draw(st.lists(changes, min_size=1, max_size=4))]
    partial = data.draw(st.booleans())
    body = json.dumps({dataset: rows}).encode()
    headers = {"content-type": "application/json"}
    answer = story.client().send("POST", f"/v1/{PATHS[dataset]}", body, headers, partial=str(partial).lower())
    assert answer.status in (200, 400)
    refused = {each["index"] for each in answer.json.get("failed_records", answer.json.get("errors", ()))}
    names = story.roll()
    if answer.status == 400:
        assert names == []
        assert refused
    kept = [row for index, row in enumerate(rows) if index not in refused] if answer.status == 200 else []
    assert bool(names) == bool(kept)
    for name in names:
        counts = story.memory.receipt(name)["rows"]
        assert counts["rejected"] == counts["filtered"] == 0
        assert counts["accepted"] >= len(kept)


def test_a_row_without_a_date_is_one_of_the_day_in_pst() -> None:
    story = WebStory()
    story.memory.pass_time(hours=-5)  # 07:00 UTC is still the day before
    row = {name: value for name, value in METRIC.items() if name != "date"}
    assert story.client().post("/v1/log_custom_metric", {"metrics": [row]}).status == 200
    assert [row["date"] for row in story.rows()] == [date(2026, 11, 19).isoformat()]
