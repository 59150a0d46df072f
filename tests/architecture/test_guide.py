"""What the guide for operators, README and SECURITY.md name is there: commands, alerts, pages, headings, files and tests."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from processing.cli import main as cli
from processing.domain.receipts import UploadStatus
from processing.domain.stream_state import DayState
from processing.jobs.days.work_stream import WorkOutcome
from processing.jobs.uploads.receive_file import Outcome
from processing.local.environment import PROJECT
from tests.infra.test_alerts import written
from tests.support.bicep import INFRA, MAIN, parsed

GUIDE = PROJECT / "docs" / "operators"
PAGES = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]
WITH_COMMANDS = [page for page in PAGES if page.parent.name != "design"]
"""The pages of the design promise commands that are not there yet; tests/architecture/test_design.py holds which."""
COMMANDS = get_command(cli._cli)
EXAMPLES = {"CUSTOMER": "acme", "DATASET": "metrics", "D": "metrics", "DATE": "2026-11-18", "FILE": "revenue.csv"}
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^[ ]*```.*?^[ ]*```", "", text(page), flags=re.DOTALL | re.MULTILINE)


def shell_lines(page: Path) -> list[str]:
    blocks = re.findall(r"^[ ]*```console\n(.*?)^[ ]*```", text(page), re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines()]


def dropzone_commands(page: Path) -> list[str]:
    """Every command, in blocks and in the text, with what it shows as optional and something for each word in capitals."""
    blocks = [line.removeprefix(".venv/bin/") for line in shell_lines(page)]
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(page))]
    found = [each for each in [*blocks, *spans] if re.match(r"dropzone [a-z]", each)]
    plain = [re.sub(r"[\[\]]", "", each.partition(" #")[0]) for each in found]
    return [" ".join(EXAMPLES.get(word, word) for word in each.split(" ")) for each in plain]


def parse(arguments: list[str]) -> None:
    """Raises what the command line would show for arguments that it does not take; runs nothing."""
    command, context = COMMANDS, COMMANDS.make_context("dropzone", [], resilient_parsing=True)
    while hasattr(command, "resolve_command"):
        _, command, arguments = command.resolve_command(context, arguments)
        resilient = hasattr(command, "resolve_command")
        context = command.make_context(command.name, [] if resilient else list(arguments), context, resilient_parsing=resilient)


def takes(arguments: list[str]) -> None:
    """The same for a command without the arguments that it needs, as it is called in a sentence."""
    command, context = COMMANDS, COMMANDS.make_context("dropzone", [], resilient_parsing=True)
    for word in arguments:
        if hasattr(command, "resolve_command"):
            _, command, _ = command.resolve_command(context, [word])
        else:
            assert word in {option for parameter in command.params for option in parameter.opts}, word


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_command_of_a_page_is_one_that_the_command_line_takes(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in dropzone_commands(page):
        _, *arguments = shlex.split(command)
        for name in (word for word in arguments if word.endswith((".csv", ".csv.gz", ".yaml"))):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).touch()
        is_called_by_name = all(word.startswith("--") or re.fullmatch(r"[a-z-]+", word) for word in arguments[1:])
        try:
            parse(arguments)
        except Exception as error:
            # A command that is only named lacks its arguments; whatever it does say must still be right.
            if not (is_called_by_name and type(error).__name__ == "MissingParameter"):
                raise AssertionError(f"{command}: {error}") from error
            takes(arguments)


def test_a_command_that_is_not_there_would_be_found_out() -> None:
    for wrong in ("sas acme", "retry", "retry acme --since 2026-11-18", "reprocess acme metrics 18.11.2026", "key create acme"):
        with pytest.raises(Exception, match=r".+"):
            parse(shlex.split(wrong))


def alerts() -> set[str]:
    """The names of all alerts, without the prefix that installations give them."""
    bicep = text(INFRA / "modules" / "alerts.bicep")
    asked, counted = bicep.partition("var eventCounts")[::2]
    names = set(re.findall(r"^    name: '([\w-]+)'", asked, re.MULTILINE))
    names |= {f"events-{metric.lower()}" for metric in re.findall(r"^    metric: '(\w+)'", counted, re.MULTILINE)}
    accounts = parsed(MAIN)["modules"]["alerts"]["config"]["params"]["accounts"]
    return names | {f"refused-{account['name']}" for account in accounts}


def test_every_alert_has_its_section_in_the_runbook_and_every_section_its_alert() -> None:
    headings = re.findall(r"^## (.+)$", text(GUIDE / "runbook.md"), re.MULTILINE)
    assert sorted(headings) == sorted(alerts())
    assert len(alerts()) == 23


def test_every_section_of_the_runbook_says_what_it_means_what_is_noticed_what_to_do_and_when_it_clears() -> None:
    for section in text(GUIDE / "runbook.md").split("\n## ")[1:]:
        for part in ("**Means", "**The customer notices", "**Look at", "**Do", "**Clears"):
            assert f"- {part}" in section, f"{section.partition(chr(10))[0]}: {part}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_link_leads_to_a_page_and_a_heading(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"https?:", link):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@each_page
def test_every_file_and_every_test_that_a_page_names_is_there(page: Path) -> None:
    rooms = r"(?:functions|processing|schemas|docs|tests|infra|benchmarks|\.github)/"
    for path, _, name in (span.partition("::") for span in re.findall(rf"`({rooms}[\w./:-]*)`", prose(page))):
        if not path.startswith("benchmarks/out"):  # made by a run
            assert (PROJECT / path).exists(), path
            assert not name or f"def {name}(" in text(PROJECT / path), f"{path}::{name}"


def test_every_page_of_the_guide_is_in_its_list() -> None:
    assert {f"{page.name}" for page in GUIDE.glob("*.md")} - {"README.md"} <= set(
        re.findall(r"\]\((\w+\.md)\)", text(GUIDE / "README.md"))
    )


def test_log_lines_states_and_statuses_are_those_of_the_program() -> None:
    page = text(GUIDE / "watch.md")
    lines = page.partition("## Log lines")[2].partition("Outcomes")[0]
    events = {name for row in re.findall(r"^\| (`[^|]+) \|", lines, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert len(events) > 15
    assert events <= set(written())
    for kinds in (DayState, UploadStatus, Outcome, WorkOutcome):
        for kind in kinds:
            assert f"`{kind}`" in page, kind
