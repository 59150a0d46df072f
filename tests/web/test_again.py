"""Requests that come again under an Idempotency-Key: one answer, and their rows once (contract section 7)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processing.domain.errors import LaterError
from processing.stored.customers import add_customer
from tests.support.web import Answer, Client, WebStory

ROW = {"unit_id": "u", "id_type": "user_id", "date": "2026-11-18", "metric_name": "m", "metric_value": 1}
EXPOSURE = {"experiment": "e", "group_id": "g", "unit_id": "u", "id_type": "user_id", "timestamp": "2026-11-18T10:00:00Z"}
BAD = {**ROW, "unit_id": ""}


def send(client: Client, key: str, *rows: dict[str, Any], **parameters: str) -> Answer:
    headers = {"content-type": "application/json", "idempotency-key": key}
    return client.send("POST", "/v1/log_custom_metric", json.dumps({"metrics": rows}).encode(), headers, **parameters)


@pytest.fixture
def story() -> WebStory:
    return WebStory()


def test_the_same_request_is_answered_as_before_and_kept_once(story: WebStory) -> None:
    answers = [send(story.client(), "order-1", ROW) for _ in range(3)]
    assert [(each.status, each.json) for each in answers] == [(200, {"success": True})] * 3
    assert len(story.rows()) == 1
    assert send(story.client(), "order-2", ROW).status == 200
    assert len(story.rows()) == 2


def test_what_failed_is_told_again(story: WebStory) -> None:
    first, second = (send(story.client(), "order", ROW, BAD, partial="true") for _ in range(2))
    assert first.json["failed_records"]
    assert first.json == second.json
    assert len(story.rows()) == 1


@pytest.mark.parametrize("other", ["body", "partial"])
def test_another_request_under_the_key_is_409(story: WebStory, other: str) -> None:
    send(story.client(), "order", ROW)
    again = send(story.client(), "order", {**ROW, "metric_value": 2}) if other == "body" else None
    again = again or send(story.client(), "order", ROW, partial="true")
    assert (again.status, again.headers["content-type"]) == (409, "application/problem+json")
    assert len(story.rows()) == 1


def test_a_key_of_another_customer_is_another_request(story: WebStory) -> None:
    add_customer(story.memory.context, "blue-fin")
    send(story.client(), "order", ROW)
    assert send(story.client(customer="blue-fin"), "order", {**ROW, "metric_value": 2}).status == 200


def test_a_refused_request_leaves_its_key_free(story: WebStory) -> None:
    assert send(story.client(), "order", BAD).status == 400
    assert send(story.client(), "order", ROW).status == 200
    assert len(story.rows()) == 1


@pytest.mark.parametrize("body", [{"metrics": [BAD]}, {"exposures": [EXPOSURE], "isTest": True}], ids=["all bad", "a test"])
def test_a_request_of_which_no_row_is_kept_is_answered_as_before_too(story: WebStory, body: dict[str, Any]) -> None:
    call = "log_custom_metric" if "metrics" in body else "log_custom_exposure"

    def sent(tree: dict[str, Any]) -> Answer:
        headers = {"content-type": "application/json", "idempotency-key": "order"}
        return story.client().send("POST", f"/v1/{call}", json.dumps(tree).encode(), headers, partial="true")

    first, second = sent(body), sent(body)
    assert (first.status, second.status, first.json) == (200, 200, second.json)
    assert sent({**body, "user": {"userID": "other"}}).status == 409
    assert story.rows() == []


def test_a_key_is_free_again_after_a_day(story: WebStory) -> None:
    send(story.client(), "order", ROW)
    story.memory.pass_time(hours=23)
    assert send(story.client(), "order", {**ROW, "metric_value": 2}).status == 409
    story.memory.pass_time(hours=2)
    assert send(story.client(), "order", {**ROW, "metric_value": 2}).status == 200
    assert len(story.rows()) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é"])
def test_a_key_that_is_none_is_400(story: WebStory, key: str) -> None:
    assert send(story.client(), key, ROW).status == 400
    assert story.rows() == []


def test_a_request_that_is_under_way_is_409_and_may_be_asked_again(story: WebStory, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = type(story.memory.context.append_blobs)

    def fail(*_: object, **__: object) -> str:
        raise LaterError("no storage")

    append, seal = blobs.append, blobs.seal
    monkeypatch.setattr(blobs, "append", fail)
    monkeypatch.setattr(blobs, "seal", fail)
    assert send(story.client(), "order", ROW).status == 503
    monkeypatch.setattr(blobs, "append", append)
    monkeypatch.setattr(blobs, "seal", seal)
    again = send(story.client(), "order", ROW)
    assert again.status == 409
    assert int(again.headers["retry-after"]) > 0
    story.memory.pass_time(seconds=11)
    assert send(story.client(), "order", ROW).status == 200
    assert len(story.rows()) == 1
