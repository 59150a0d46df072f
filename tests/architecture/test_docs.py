"""The pages that are printed from code are the ones that the code prints, and the changelog and the hooks are in order."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime

import pytest
import yaml

from processing.cli.pages.print_pages import pages
from processing.cli.pages.receipts_page import FIELDS
from processing.domain.documents import to_json
from processing.domain.receipts import Receipt, UploadStatus
from processing.local.environment import PROJECT


@pytest.mark.parametrize("name", pages())
def test_a_page_that_is_printed_from_code_is_what_the_code_prints(name: str) -> None:
    """`make docs` prints it anew."""
    assert (PROJECT / "docs" / name).read_text(encoding="utf-8") == pages()[name]


def test_the_page_of_receipts_names_every_key_of_one() -> None:
    receipt = Receipt(
        blob="metrics/a.csv",
        customer="acme",
        dataset="metrics",
        etag="1",
        size=1,
        format=None,
        status=UploadStatus.ACCEPTED,
        received_at=datetime(2026, 11, 18, tzinfo=UTC),
        finished_at=datetime(2026, 11, 18, tzinfo=UTC),
        in_force=None,
    )
    assert set(FIELDS) == set(json.loads(to_json(receipt))) - {"unknown"}


def test_the_page_of_the_config_names_sections_that_are_there() -> None:
    sections = re.findall(r"^## (\d+)\.", (PROJECT / "docs/design/contract.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = re.findall(r"\| (\d+) \|$", pages()["operators/config.md"], re.MULTILINE)
    assert named
    assert set(named) <= set(sections)


def test_the_changelog_has_a_section_for_the_version_and_one_for_what_comes() -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *released = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert first == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", released[0])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds


def test_the_hooks_run_what_the_lock_pinned_and_what_lint_runs() -> None:
    repositories = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"], "nothing is fetched"
    entries = [hook["entry"] for hook in repositories[0]["hooks"]]
    lint = (PROJECT / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    assert len(entries) == 4
    for entry in entries:
        command = entry.removeprefix(".venv/bin/")
        assert command != entry
        assert f"$(BIN)/{command}" in lint


def test_every_page_has_its_door() -> None:
    text = (PROJECT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {(PROJECT / "docs" / link.partition("#")[0]).resolve() for link in re.findall(r"\]\(([^)]+)\)", text)}
    for page in (PROJECT / "docs").rglob("*.md"):
        folder = page.parent / "README.md"
        assert page.name == "README.md" or {page, page.parent, folder} & linked, page
    assert {PROJECT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")} <= linked
