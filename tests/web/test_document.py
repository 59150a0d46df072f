"""The OpenAPI document is the truth: whatever a client makes of it is answered as it says (contract section 7)."""

from __future__ import annotations

import json
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.support.soak import times
from tests.support.web import WebStory

STORY = WebStory()
KEY = STORY.client().key
schema = schemathesis.openapi.from_asgi("/v1/openapi.json", STORY.app)
CHECKS = (
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
)


@schema.parametrize()
@settings(max_examples=times(25), suppress_health_check=list(HealthCheck))
def test_every_call_answers_as_the_document_says(case: Any) -> None:
    STORY.second += 60
    case.call_and_validate(headers={"x-api-key": KEY}, checks=CHECKS)


def test_the_examples_of_the_document_are_taken() -> None:
    """A row made of the examples of its fields is one that is accepted."""
    story = WebStory()
    schemas = story.client().get("/v1/openapi.json").json["components"]["schemas"]

    def example(name: str, *fields: str) -> dict[str, Any]:
        return {field: schemas[name]["properties"][field]["examples"][0] for field in fields}

    client = story.client()
    metric = example("MetricRow", "user_id", "id_type", "metric_name", "metric_value", "date", "is_test")
    user = example("User", "userID", "customIDs")
    event = {**example("EventRow", "eventName", "value", "metadata", "timeuuid"), "user": user}
    exposure = {**example("ExposureRow", "experimentName", "group", "ruleID", "passes"), "user": user}
    mark = example("MarkReady", "timestamp", "type")
    calls = {
        "log_custom_metric": {"metrics": [metric]},
        "log_event": {"events": [event]},
        "log_custom_exposure": {"exposures": [exposure]},
        "mark_data_ready": mark,
    }
    for call, body in calls.items():
        answer = client.post(f"/v1/{call}", body)
        assert answer.status == 200, (call, answer.data)
    assert json.loads(answer.data)["day"] == "2022-03-21"
