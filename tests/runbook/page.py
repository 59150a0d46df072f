"""The runbook as a program reads it: its sections, the rows of their tables, and the commands that they tell to run."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

from processing.local.environment import PROJECT

GUIDE: Final = PROJECT / "docs" / "operators"
_BLOCK: Final = re.compile(r"^[ ]*```(\w+)\n(.*?)^[ ]*```", re.DOTALL | re.MULTILINE)
_TODAY_OF_THE_PAGE: Final = date(2026, 11, 20)
"""The pages' days are ended and young then, as a stream's days are when something is the matter with them."""
_Test = TypeVar("_Test", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Text:
    """Some lines of a page."""

    markdown: str

    @property
    def commands(self) -> list[str]:
        """Every `dropzone` command in it, in its order, in blocks and in sentences; not those that are only named there."""
        found = [each for each in self._code("console") if re.match(r"dropzone [a-z]", each)]
        return [
            each for each in found if each == "dropzone status" or each in self.markdown.splitlines() or each.count(" ") > 1
        ]

    @property
    def az(self) -> list[str]:
        """Every `az` command in its blocks."""
        return [each for each in self._code("console") if each.startswith("az ")]

    @property
    def queries(self) -> list[str]:
        """Its questions to the workspace."""
        return [code for language, code in _BLOCK.findall(self.markdown) if language == "kusto"]

    def blocks(self, language: str) -> list[str]:
        """Its blocks of a language, without what they are set in by."""
        return [textwrap.dedent(code) for found, code in _BLOCK.findall(self.markdown) if found == language]

    @property
    def spans(self) -> list[str]:
        """What stands in its sentences as code."""
        return [" ".join(each.split()) for each in re.findall(r"`([^`]+)`", _BLOCK.sub("", self.markdown))]

    @property
    def links(self) -> list[str]:
        """The sections of the same page that it sends to."""
        return re.findall(r"\]\(#([\w-]+)\)", self.markdown)

    def _code(self, language: str) -> list[str]:
        found = [
            (match.start(), line.strip())
            for match in _BLOCK.finditer(self.markdown)
            if match[1] == language
            for line in match[2].splitlines()
        ]
        blanked = _BLOCK.sub(lambda match: " " * len(match[0]), self.markdown)
        found += [(match.start(), " ".join(match[1].split())) for match in re.finditer(r"`([^`]+)`", blanked)]
        return [code for _, code in sorted(found, key=lambda each: each[0])]


@dataclass(frozen=True, slots=True)
class Row(Text):
    """A row of a section's table: what is found, and what is done then."""

    found: str
    do: str

    def says(self, error: str) -> bool:
        """Whether an error is one of those that the row names, dots standing for any text."""
        patterns = [r".*".join(map(re.escape, re.split(r"\.{2,3}", span))) for span in Text(self.found).spans]
        return any(re.search(pattern, error) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Section(Text):
    """What the page says about one alert."""

    name: str

    @property
    def rows(self) -> list[Row]:
        """The rows of its table, if it has one."""
        lines = [line for line in _BLOCK.sub("", self.markdown).splitlines() if line.startswith("| ")]
        cells = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines]
        return [Row(" | ".join(each), *each) for each in cells[2:]]

    def row(self, begin: str) -> Row:
        """The one row that begins with these words."""
        (row,) = [each for each in self.rows if each.found.startswith(begin)]
        return row

    def part(self, name: str) -> Text:
        """One of its parts: `Means`, `Look at`, `Do` or `Clears`, up to the next."""
        found = re.search(rf"^- \*\*{name}.*?(?=^- \*\*|\Z)", self.markdown, re.DOTALL | re.MULTILINE)
        assert found is not None, f"{self.name} has no part {name}"
        return Text(found[0])


def section(name: str, page: str = "runbook.md") -> Section:
    """A section of a page of the guide."""
    return _all(page)[name]


def sections() -> list[Section]:
    """All of the runbook."""
    return list(_all("runbook.md").values())


def preface() -> Text:
    """What stands before the first of them."""
    return Text((GUIDE / "runbook.md").read_text(encoding="utf-8").partition("\n## ")[0])


def here(day: str) -> str:
    """A day of the page as one that lies as far back from today."""
    today = (datetime.now(UTC) - timedelta(hours=8)).date()
    return (date.fromisoformat(day) - _TODAY_OF_THE_PAGE + today).isoformat()


def filled(command: str, customer: str) -> str:
    """A command of the page for a customer of ours and days of our time."""
    named = re.sub(r"\bacme\b", customer, command)
    return re.sub(r"\d{4}-\d\d-\d\d", lambda found: here(found[0]), named)


def tries(name: str, *rows: str) -> Callable[[_Test], _Test]:
    """Marks a test as that of a section, or of the rows of its table that begin with these words."""

    def marked(test: _Test) -> _Test:
        marks: Any = test
        marks.tried = [*getattr(test, "tried", []), *((name, row) for row in rows or ("",))]
        return test

    return marked


def _all(page: str) -> dict[str, Section]:
    parts = (GUIDE / page).read_text(encoding="utf-8").split("\n## ")[1:]
    return {name: Section(text, name) for name, _, text in (part.partition("\n") for part in parts)}
