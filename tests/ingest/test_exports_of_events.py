"""Exports of other programs become events by the configs that the page for customers gives."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from processing.domain.datasets import Dataset
from processing.stored.customer_config import parse_config
from schemas.customer_config import CustomerConfig
from tests.support.ingest import ingest

PAGE = (Path(__file__).parents[2] / "docs" / "customers" / "programs.md").read_text(encoding="utf-8")
AMPLITUDE = {
    "event_type": "bought",
    "event_time": "2026-11-18 09:00:00.123000",
    "device_id": "d1",
    "event_properties": {"plan": "pro"},
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
    "client_event_time": "2026-11-18 09:00:00.000000",
}
GA4 = {
    "event_date": "20261118",
    "event_timestamp": "1794992400123000",
    "event_name": "bought",
    "event_params": [{"key": "page", "value": {"string_value": "/"}}],
    "user_pseudo_id": "d1",
}
SNOWPLOW = {
    "app_id": "shop",
    "collector_tstamp": "2026-11-18 09:00:00.123",
    "event_id": "123e4567-e89b-12d3-a456-426614174000",
    "event_name": "bought",
    "domain_userid": "d1",
}
MIXPANEL: dict[str, Any] = {
    "event": "bought",
    "properties": {
        "time": 1794992400123,
        "distinct_id": "$device:d1",
        "$insert_id": "29fc2962-6d9c-455d-95ad-95b84f09b9e4",
        "$device_id": "d1",
        "mp_processing_time_ms": 1794992401000,
        "Referred by": "Friend",
        "Amount": 5.0,
        "items": [{"name": "a"}],
    },
}
SEGMENT = {
    "type": "track",
    "event": "bought",
    "anonymousId": "d1",
    "messageId": "m",
    "originalTimestamp": "2026-11-18T09:00:00.123Z",
    "context": {"traits": {"plan": "pro"}},
    "channel": "web",
}


def config_of(program: str) -> CustomerConfig:
    found = re.search(rf"### {program}\n.*?```yaml\n(.*?)```", PAGE, re.DOTALL)
    return parse_config(found[1].encode() if found is not None else b"")


@pytest.mark.parametrize(
    ("program", "record", "known"),
    [
        ("Amplitude", AMPLITUDE, {"user_id": "u1"}),
        ("Google Analytics 4", GA4, {"user_id": "u1"}),
        ("Mixpanel", MIXPANEL, {"properties": {**MIXPANEL["properties"], "distinct_id": "u1", "$insert_id": "hpuDqcvpltpC"}}),
        ("Snowplow", SNOWPLOW, {"user_id": "u1"}),
        ("Segment and RudderStack", SEGMENT, {"userId": "u1"}),
    ],
)
def test_an_export_is_read_with_the_config_of_the_page(program: str, record: dict[str, Any], known: dict[str, Any]) -> None:
    data = "".join(json.dumps(each) + "\n" for each in (record, {**record, **known}))
    found = ingest(data.encode(), "events/export.json", Dataset.EVENTS, config=config_of(program))
    assert found.outcome.rows.accepted == 2, found.outcome.rules
    first, second = (row for rows in found.rows(Dataset.EVENTS).values() for row in rows)
    assert first["event_name"] == "bought"
    assert first["timestamp"].isoformat() == "2026-11-18T09:00:00.123000+00:00"
    assert json.loads(first["user"])["customIDs"] == {"stable_id": "d1"}
    assert json.loads(second["user"])["userID"] == "u1"


def test_a_mixpanel_export_keeps_its_properties_and_those_insert_ids_that_are_uuids() -> None:
    other = {"event": "Signed Up", "properties": {"time": 1794992400, "distinct_id": "u2", "$insert_id": "hpuDqcvpltpC"}}
    nobody = {"event": "Signed Up", "properties": {"time": 1794992400}}
    data = "".join(json.dumps(each) + "\n" for each in (MIXPANEL, other, nobody))
    found = ingest(data.encode(), "events/export.jsonl", Dataset.EVENTS, config=config_of("Mixpanel"))
    assert (found.outcome.rows.accepted, found.outcome.rows.rejected) == (2, 1)
    assert [(rule.rule, rule.column) for rule in found.outcome.rules] == [("user_without_id", "user")]
    first, second = (row for rows in found.rows(Dataset.EVENTS).values() for row in rows)
    assert (first["timeuuid"], second["timeuuid"]) == ("29fc2962-6d9c-455d-95ad-95b84f09b9e4", None)
    assert json.loads(first["event_metadata"]) == {**MIXPANEL["properties"], "items": '[{"name":"a"}]'}
    assert json.loads(second["user"]) == {"userID": "u2"}
