"""No test passes or fails by time: a busy machine is as right as an idle one (the limits of whole tests end what hangs)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from processing.local.environment import PROJECT

TESTS: Final = sorted((PROJECT / "tests").rglob("*.py"))
CLOCKS: Final = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "process_time_ns", "time_ns"}
BOUNDED: Final = {"wait", "wait_for", "join", "communicate", "poll", "result", "acquire"}
"""Waits that a number would bound."""
PROFILED: Final = {"deadline", "database"}
"""Settings of hypothesis that its one profile makes."""


def timed(tree: ast.AST) -> Iterator[str]:
    """What reads a clock, or bounds a wait."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (node.attr in CLOCKS or ast.unparse(node) == "time.time"):
            yield f"line {node.lineno} reads a clock"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield f"line {node.lineno} hides what it takes from time"
        elif isinstance(node, ast.Call):
            named = {keyword.arg for keyword in node.keywords}
            if named & PROFILED and ast.unparse(node.func).endswith(("settings", "register_profile")):
                yield f"line {node.lineno} sets what the profile in tests/conftest.py sets"
            if "timeout" in named or (isinstance(node.func, ast.Attribute) and node.func.attr in BOUNDED and _has_number(node)):
                yield f"line {node.lineno} waits for so long and no longer"


def _has_number(call: ast.Call) -> bool:
    return any(isinstance(each, ast.Constant) and type(each.value) in (int, float) for each in call.args)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_test_sets_a_deadline_or_judges_by_elapsed_time(path: Path) -> None:
    found = list(timed(ast.parse(path.read_text(encoding="utf-8"))))
    if path == PROJECT / "tests" / "conftest.py":
        found = [each for each in found if "profile" not in each]
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "assert time.monotonic() - begun < 5",
        "time.time()",
        "from time import perf_counter",
        "@settings(max_examples=5, deadline=None)\ndef test(): ...",
        "settings(EVERY, database=None)",
        "process.communicate(timeout=5)",
        "process.wait(20)",
        "thread.join(5.0)",
    ],
)
def test_what_would_judge_by_time_is_found(text: str) -> None:
    assert list(timed(ast.parse(text)))


def test_what_waits_for_as_long_as_it_takes_is_not() -> None:
    text = 'wait_until(lambda: done)\nprocess.wait()\n", ".join(names)\n@pytest.mark.timeout(120)\ndef test(): time.sleep(1)'
    assert not list(timed(ast.parse(text)))
