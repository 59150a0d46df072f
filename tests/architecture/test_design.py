"""Every "contract section N" and "protocol, X" leads to a heading of docs/design, and those pages say what is not there yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from processing.cli import main as cli
from processing.local.environment import PROJECT
from schemas.customer_config import CustomerConfig, DatasetConfig

DESIGN = PROJECT / "docs" / "design"
ROOMS = ("functions", "processing", "schemas", "tests", "benchmarks", "infra", "docs")
PAGES = [
    *(path for room in ROOMS for kind in ("py", "md", "bicep") for path in sorted((PROJECT / room).rglob(f"*.{kind}"))),
    *sorted(PROJECT.glob("*.md")),
    *sorted(PROJECT.glob("*.py")),
]
OURS = Path(__file__)
_NUMBERS = r"\d+(?:(?:, | and | to )\d+)*"
_OF_CONTRACT = re.compile(rf"\b[Cc]ontract(?:'s)?,? (?:sections? )?({_NUMBERS})\b(?:, ([a-z][a-z ]+|`[^`]+`))?")
_SECTIONS = re.compile(rf"\b[Ss]ections? ({_NUMBERS})\b")
_OF_PROTOCOL = re.compile(r"\b(?:the )?protocol(?:, |'s )\"?([A-Z][\w ]*|ingest(?: \d[\d and]*)?)\"?(?:, step (\d+))?")


@cache
def sections(page: str) -> dict[str, str]:
    """The text below each heading of the second level."""
    parts = re.split(r"^## (.+)$", (DESIGN / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@cache
def numbered() -> dict[int, str]:
    """The sections of the contract by number."""
    found = (re.match(r"(\d+)\. (.+)", heading) for heading in sections("contract.md"))
    return {int(match[1]): sections("contract.md")[match[0]] for match in found if match}


def numbers(text: str) -> set[int]:
    """Those that a reference names, ranges with all between."""
    found = [int(each) for each in re.findall(r"\d+", text)]
    return set(range(found[0], found[-1] + 1)) if " to " in text else set(found)


def dead(text: str) -> Iterator[str]:
    """The references of a text that lead nowhere."""
    text = re.sub(r"\s*\n\s*(?:#|//)?\s*", " ", text)
    for match in _OF_CONTRACT.finditer(text):
        named = numbers(match[1])
        topic = (match[2] or "").strip("` ")
        is_there = named <= set(numbered())
        if not is_there or (topic and not any(topic.lower() in numbered()[each].lower() for each in named)):
            yield match[0]
    yield from (match[0] for match in _SECTIONS.finditer(text) if not numbers(match[1]) <= set(numbered()))
    for match in _OF_PROTOCOL.finditer(text):
        topic = re.sub(r"(?: and| \d+)+$", "", match[1]).strip()
        steps = {int(each) for each in re.findall(r"\d+", match[1] + f" {match[2] or ''}")}
        below = [content for heading, content in sections("protocol.md").items() if heading.lower().startswith(topic.lower())]
        have = {int(each) for content in below for each in re.findall(r"^(\d+)\. ", content, re.MULTILINE)}
        if not below or not steps <= have:
            yield match[0]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_reference_leads_to_a_heading(path: Path) -> None:
    if path != OURS:
        assert not list(dead(path.read_text(encoding="utf-8")))


def test_references_are_found() -> None:
    """The forms in which they are written here; a form that nobody looks for would never be dead."""
    everything = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert len(_OF_CONTRACT.findall(everything)) > 80
    assert len(_OF_PROTOCOL.findall(everything)) > 25


@pytest.mark.parametrize(
    "text",
    [
        "contract section 13",
        "contract sections 3 and 14",
        "contract 6 and 80",
        "contract section 4, weather",
        "contract section 6,\n    # weather",
        "sections 3 to 50",
        "protocol, Weather",
        "protocol, Process day 9)",
        "protocol, Process day D, step 7)",
        "protocol, ingest 2 and 9)",
        'the protocol\'s "Inquest of one upload"',
    ],
)
def test_a_reference_that_leads_nowhere_is_found(text: str) -> None:
    assert list(dead(text))


def test_sections_of_the_contract_are_numbered_from_one() -> None:
    assert list(numbered()) == list(range(1, len(numbered()) + 1))


def lacking(section: int) -> str:
    """What the contract says that this version lacks of one of its sections."""
    rows = re.findall(rf"^\| {section} \| (.+) \|$", sections("contract.md")["What this version lacks"], re.MULTILINE)
    return " ".join(rows)


def test_the_keys_of_the_config_that_are_not_there_are_named_and_no_others() -> None:
    text = re.sub(r"\([^)]*\)", "", numbered()[9])
    general, _, dataset = text.partition("`datasets.<name>`")
    for named, model in ((general, CustomerConfig), (dataset, DatasetConfig)):
        for key in re.findall(r"`([a-z_]+)(?:\.<name>)?`", named):
            if not key.startswith("dropzone"):
                assert (key in model.model_fields) != (f"`{key}`" in lacking(9)), key


def test_the_commands_that_are_not_there_are_named_and_no_others() -> None:
    root = get_command(cli._cli)
    context = root.make_context("dropzone", [], resilient_parsing=True)
    table = [row.partition(" | ")[0] for row in re.findall(r"^\| (`.+)", numbered()[10], re.MULTILINE)]
    spans = [span.removeprefix("dropzone ") for row in table for span in re.findall(r"`([^`]+)`", row)]
    commands = {word for span in spans if (word := span.split(" ")[0]).islower()}
    assert {"check", "status", "rebuild", "sas"} <= commands
    for command in commands:
        is_there = root.get_command(context, command) is not None  # type: ignore[attr-defined]
        assert is_there != (f"`dropzone {command}`" in lacking(10)), command


def test_every_word_of_the_glossary_is_there_once_in_order_and_leads_to_others_that_are() -> None:
    text = (DESIGN / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| (.+) \|$", text, re.MULTILINE)[1:]
    words = [each for word, _ in rows if word != "---" for each in word.split(", ")]
    assert words == sorted(set(words), key=str.lower)
    for _, meaning in rows:
        for word in re.findall(r"\*\*([\w ]+)\*\*", meaning):
            assert {word, word.removesuffix("s"), word.removesuffix("ed"), word.removesuffix("d")} & {
                *words,
                "protocol",
            }, word
