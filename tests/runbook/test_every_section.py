"""No section of the runbook, and no row of its tables, is without a test; its questions to the logs can be asked."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.infra.test_alerts import written
from tests.runbook.az import parsed
from tests.runbook.operations import Operator, plain
from tests.runbook.page import Section, preface, section, sections, tries
from tests.runbook.refusing import refusing
from tests.support.installation import metrics_csv


def tried() -> set[tuple[str, str]]:
    """The sections and the begins of rows that the tests of this folder say they try."""
    modules = [
        importlib.import_module(f"{__package__}.{path.stem}") for path in sorted(Path(__file__).parent.glob("test_*.py"))
    ]
    tests = [each for module in modules for name, each in vars(module).items() if name.startswith("test_")]
    return {mark for test in tests for mark in getattr(test, "tried", [])}


def untried(marks: set[tuple[str, str]]) -> list[str]:
    """What of the page no test tries."""
    names = {name for name, _ in marks}
    missing = [each.name for each in sections() if each.name not in names]
    for each in sections():
        begins = [begin for name, begin in marks if name == each.name and begin]
        missing += [f"{each.name}: {row.found}" for row in each.rows if not any(map(row.found.startswith, begins))]
    return missing


def test_every_section_and_every_row_of_the_page_has_a_test() -> None:
    assert untried(tried()) == []


def test_every_test_tries_what_stands_on_the_page() -> None:
    for name, begin in tried():
        assert not begin or section(name).row(begin)


def test_a_section_or_a_row_without_a_test_would_be_found_out() -> None:
    marks = tried()
    assert untried(marks - {("marker-late", "")}) == ["marker-late"]
    row = ("day-waiting", "an earlier day")
    assert untried(marks - {row}) == ["day-waiting: an earlier day"]


@tries("storage-refuses-app")
def test_the_first_question_of_the_page_finds_what_an_error_was(operator: Operator) -> None:
    (query,) = preface().queries
    with operator.storage_that(refusing(403, "AuthorizationPermissionMismatch", "/staged/", "PUT")):
        operator.arrive("metrics/a.csv", metrics_csv("2026-11-18", {"u": 1}))
    found = operator.asked(query)
    assert plain(found, "event", "customer") == [("upload_failed", operator.customer)]
    assert "no permission" in found[0]["error"]


@pytest.mark.parametrize("each", sections(), ids=lambda each: each.name)
def test_the_az_commands_of_a_section_are_ones_that_the_azure_cli_takes(each: Section) -> None:
    for command in each.az:
        parsed(command)


def test_the_questions_of_the_page_ask_for_events_that_the_program_writes() -> None:
    named = {event for each in sections() for query in each.queries for event in re.findall(r'Message has "(\w+)"', query)}
    assert named
    assert named <= set(written())
