"""The operator's workbook asks for metrics, spans and log lines that the program gives, by their names and attributes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from processing.domain.telemetry_names import METRICS, SpanName
from tests.infra.test_alerts import written
from tests.support.bicep import INFRA

WORKBOOK = json.loads((INFRA / "workbook.json").read_text(encoding="utf-8"))
QUERIES: dict[str, str] = {item["name"]: item["content"]["query"] for item in WORKBOOK["items"] if item["type"] == 3}
QUESTIONS = (
    "Is everything answered?",
    "What do the days wait for?",
    "What was rejected and why?",
    "Is the platform well?",
)
BY_METRIC = {metric.name: metric for metric in METRICS}
each_query = pytest.mark.parametrize("name", QUERIES)


def quoted(pattern: str, query: str) -> set[str]:
    """The words in quotes of every place that matches."""
    return set(re.findall(r'"([^"]+)"', " ".join(re.findall(pattern, query))))


def test_the_four_questions_stand_there_each_with_answers_below_it() -> None:
    blocks: dict[str, list[dict[str, Any]]] = {}
    for item in WORKBOOK["items"]:
        if item["type"] == 1:
            blocks[item["content"]["json"].partition("\n")[0].lstrip("# ")] = block = []
        else:
            block.append(item)
    assert tuple(blocks)[1:] == QUESTIONS
    assert all(blocks[question] for question in QUESTIONS)


def test_every_part_has_a_name_of_its_own() -> None:
    names = [item["name"] for item in WORKBOOK["items"]]
    assert len(set(names)) == len(names)


@each_query
def test_a_query_asks_a_table_that_is_filled_for_a_window_that_is_chosen(name: str) -> None:
    (item,) = (each["content"] for each in WORKBOOK["items"] if each["name"] == name)
    assert item["title"]
    assert item["timeContextFromParameter"] == "window"
    tables = set(re.findall(r"^(?:let \w+ = )?([A-Z]\w+)$", QUERIES[name], re.MULTILINE))
    assert tables
    assert tables <= {"AppTraces", "AppMetrics", "AppDependencies", "StorageQueueLogs"}


@each_query
def test_a_query_names_what_the_program_gives(name: str) -> None:
    query = QUERIES[name]
    events = quoted(r"where event (?:==|in) (\([^)]*\)|\"\w+\")", query)
    metrics = {each for each in quoted(r'"[^"]*"', query) if each.startswith("dropzone.")}
    spans = quoted(r"where Name in (\([^)]*\))", query)
    assert events or metrics or spans or name == "poison"
    assert ("AppTraces" in query, "AppMetrics" in query, "AppDependencies" in query) == tuple(
        map(bool, (events, metrics, spans))
    )
    attributes = set(re.findall(r"attributes\.(\w+)", query)) - {"event"}
    for event in events:
        assert event in written(), f"nothing writes {event}"
        assert attributes <= written()[event]
    for metric in metrics:
        assert metric in BY_METRIC, f"nothing measures {metric}"
        assert set(re.findall(r"Properties\.(\w+)", query)) <= {attribute.value for attribute in BY_METRIC[metric].attributes}
    assert spans <= {span.value for span in SpanName}


def test_every_metric_and_every_span_is_looked_at() -> None:
    text = " ".join(QUERIES.values())
    assert {each for each in BY_METRIC if f'"{each}"' in text} == set(BY_METRIC)
    assert {each for each in SpanName if f'"{each}"' in text} == set(SpanName)


def test_the_failures_are_those_that_the_alerts_know() -> None:
    alert = (INFRA / "kql" / "storage_refuses_app.kql").read_text(encoding="utf-8")
    pattern = r"where event in (\([^)]*\))"
    assert quoted(pattern, QUERIES["failures"]) == quoted(pattern, alert)


def test_the_workbook_is_deployed() -> None:
    text = (INFRA / "modules" / "workbook.bicep").read_text(encoding="utf-8")
    assert "serializedData: loadTextContent('../workbook.json')" in text
