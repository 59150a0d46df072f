"""Walks a Chromium through the console, one step at a time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from processing.local.azurite.node import find_node
from tests.browser.visits import FOLDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where a step ended."""

    heading: str
    text: str
    errors: list[str]
    """What the browser said against the page."""


class Walker:
    """Somebody who is signed in."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to: IO[str] = process.stdin
        self._from: IO[str] = process.stdout

    def step(self, **step: str) -> Page:
        """Take one, and read the page."""
        self._to.write(json.dumps(step) + "\n")
        self._to.flush()
        line = self._from.readline()
        assert line, "the browser has ended"
        page = Page(**json.loads(line))
        assert page.errors == []
        return page

    def click(self, *links: str) -> Page:
        """Follow links by their words, one after the other."""
        *before, last = links
        for each in before:
            self.step(click=each)
        return self.step(click=last)

    def keep(self, picture: Path) -> Page:
        """Keep a picture of the page."""
        return self.step(shot=str(picture))


@contextmanager
def walk(base: str, key: str) -> Iterator[tuple[Walker, Page]]:
    """Sign in with a key; where that leads comes along."""
    with subprocess.Popen(
        [str(find_node()), "walk.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        walker = Walker(process)
        try:
            yield walker, walker.step(base=base, key=key)
        finally:
            assert process.stdin is not None
            process.stdin.close()
