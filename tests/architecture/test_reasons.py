"""A reason has one place: no code is written as text beside the enums, and none of them is there for nothing."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from processing.domain.reasons import RULES, DelayCode, RefusalCode, WarningCode
from processing.local.environment import PROJECT
from schemas.rule_codes import RuleCode

ENUMS = (RefusalCode, DelayCode, WarningCode, RuleCode)
CODES = {code.value for kind in ENUMS for code in kind}
HOMES = {PROJECT / "processing/domain/reasons.py", PROJECT / "schemas/rule_codes.py"}
SOURCES = [path for room in ("functions", "processing", "schemas") for path in sorted((PROJECT / room).rglob("*.py"))]
OTHERS = [path for path in SOURCES if path not in HOMES]
OTHER_MEANINGS = {
    # A key of JSON schemas, and what a page says of columns and keys.
    ("processing/cli/pages/files_page.py", "required"),
    ("processing/cli/pages/config_page.py", "required"),
    # What stands beside a value that was cut.
    ("processing/ingest/shown_rows.py", "length"),
    # A constraint of a route.
    ("processing/local/host/routes.py", "length"),
    # An argument of SQL's SUBSTR.
    ("processing/ingest/expressions/translation.py", "length"),
}
"""Words that are also codes, where they are none."""
GIVING = {"CustomerError": "code", "Problem": "code", "Notice": "code", "Rule": "code", "BrokenRecord": "rule"}
"""What gives a reason, and the name of its argument."""


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def given(node: ast.AST) -> Iterator[ast.expr]:
    """The code that a call gives."""
    name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
    if isinstance(node, ast.Call) and name in GIVING:
        yield from (keyword.value for keyword in node.keywords if keyword.arg == GIVING[name])
        yield from node.args[:1] if name == "CustomerError" else ()


def bare_codes(path: Path) -> set[str]:
    """Codes that stand in a file as text."""
    found = {str(node.value) for node in nodes(path) if isinstance(node, ast.Constant) and node.value in CODES}
    return {code for code in found if (path.relative_to(PROJECT).as_posix(), code) not in OTHER_MEANINGS}


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_code_is_written_as_text(path: Path) -> None:
    assert not bare_codes(path)


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_reason_that_is_given_has_an_entry(path: Path) -> None:
    for node in nodes(path):
        for code in given(node):
            texts = [each.value for each in ast.walk(code) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            assert not texts, f"{path.name} gives {texts} as a reason"


def test_every_reason_is_given_somewhere() -> None:
    used = {
        (node.value.id, node.attr)
        for path in OTHERS
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert not [f"{kind.__name__}.{code.name}" for kind in ENUMS for code in kind if (kind.__name__, code.name) not in used]


def test_a_word_that_is_no_code_where_it_stands_does_stand_there() -> None:
    for name, word in OTHER_MEANINGS:
        assert any(isinstance(node, ast.Constant) and node.value == word for node in nodes(PROJECT / name)), (name, word)


def test_every_reason_says_what_it_means_and_what_to_do() -> None:
    reasons = [*RefusalCode, *DelayCode, *WarningCode, *RULES.values()]
    assert set(RULES) == set(RuleCode)
    for reason in reasons:
        assert reason.meaning.endswith(".")
        assert reason.remedy.endswith(".")


def test_a_reason_is_written_as_its_code() -> None:
    for kind in ENUMS:
        for code in kind:
            assert f"{code}" == str(code) == code.value
            assert json.dumps(code) == f'"{code.value}"'
