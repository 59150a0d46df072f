"""Alerts ask for log events that the program writes, by the names and attributes that it gives them."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from processing.domain.errors import OperatorError
from processing.local.environment import PROJECT
from processing.storage.azure_errors import storage_errors
from tests.support.bicep import INFRA

QUERIES = sorted((INFRA / "kql").glob("*.kql"))
ALERTS = (INFRA / "modules" / "alerts.bicep").read_text(encoding="utf-8")


@cache
def written() -> dict[str, set[str]]:
    """The log events of the program, each with the attributes that every writer gives."""
    found: dict[str, set[str]] = {}
    for path in sorted((PROJECT / "processing").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (event := _event(node)) is not None:
                name, attributes = event
                found[name] = found[name] & attributes if name in found else attributes
    return found


def _event(call: ast.Call) -> tuple[str, set[str]] | None:
    words = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    attributes = {each.arg for each in call.keywords if each.arg is not None}
    if not words:
        return None
    if isinstance(call.func, ast.Name) and call.func.id == "log_failure":
        return words[0], attributes | {"error", "where"}
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("info", "warning", "error"):
        # A logger may be bound to attributes of its own; `_log` never is.
        return (words[0], attributes) if isinstance(call.func.value, ast.Name) else None
    return None


def asked(path: Path) -> tuple[set[str], set[str]]:
    """The events that a query looks for, and the attributes that it reads of each."""
    text = path.read_text(encoding="utf-8")
    lists = re.findall(r"where event (?:==|in) (\([^)]*\)|\"\w+\")", text) + re.findall(
        r"datatable\(event: string\) \[(.*)\]", text
    )
    return set(re.findall(r'"(\w+)"', " ".join(lists))), set(re.findall(r"attributes\.(\w+)", text)) - {"event"}


TOLD = [path for path in QUERIES if "AppTraces" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", TOLD, ids=lambda path: path.stem)
def test_a_query_asks_for_what_the_program_writes(path: Path) -> None:
    events, attributes = asked(path)
    assert events
    for event in events:
        assert event in written(), f"nothing writes {event}"
        assert attributes <= written()[event], f"{event} has no {attributes - written()[event]}"


def test_every_query_belongs_to_an_alert_and_every_alert_has_its_query() -> None:
    assert sorted(re.findall(r"loadTextContent\('\.\./kql/(\w+\.kql)'\)", ALERTS)) == [path.name for path in QUERIES]


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_every_limit_in_a_query_is_filled_in(path: Path) -> None:
    filled = re.search(rf"replace\(loadTextContent\('\.\./kql/{path.name}'\), '(.*?)',", ALERTS)
    assert set(re.findall(r"\{\w+\}", path.read_text(encoding="utf-8"))) == ({filled[1]} if filled else set())


def test_a_refusal_of_storage_is_told_in_the_words_that_its_alert_looks_for() -> None:
    query = (INFRA / "kql" / "storage_refuses_app.kql").read_text(encoding="utf-8")
    words = re.findall(r'error has "([^"]+)"', query)
    refusal = HttpResponseError("refused")
    refusal.status_code = 403
    for error in (refusal, ClientAuthenticationError("no token")):
        with pytest.raises(OperatorError) as told, storage_errors("look at the blob"):
            raise error
        assert any(word in str(told.value) for word in words)


def test_the_alert_on_refusals_hears_every_failure_that_the_program_tells() -> None:
    failures = {event for event, attributes in written().items() if {"error", "where"} <= attributes}
    assert asked(INFRA / "kql" / "storage_refuses_app.kql")[0] == failures
