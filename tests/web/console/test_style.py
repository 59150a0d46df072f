"""The style sheet: both themes can be read, and it asks nobody for anything (contract section 12)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from processing.web import console

STATIC = Path(console.__file__).parent / "static"
CSS = (STATIC / "console.css").read_text(encoding="utf-8")
LIGHT, DARK = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in CSS.split("prefers-color-scheme: dark")[:2])
TEXT = 4.5
LARGE = 3.0
"""What WCAG 2.2 asks of text, and of lines and shapes that mean something (1.4.3 and 1.4.11)."""
PAIRS = [
    *((text, ground, TEXT) for text in ("text", "soft", "link") for ground in ("ground", "panel")),
    *((tone, f"{tone}-ground", TEXT) for tone in ("good", "wait", "bad")),
    *(("text", f"{ground}-ground", TEXT) for ground in ("good", "wait", "bad", "calm")),
    ("mark", "ground", LARGE),
    ("mark", "panel", LARGE),
    ("soft", "panel", LARGE),
]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_colours_can_be_told_apart(theme: dict[str, str], front: str, back: str, least: float) -> None:
    one, other = sorted((luminance(theme[front]), luminance(theme[back])))
    assert (other + 0.05) / (one + 0.05) >= least


def test_both_themes_have_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()


def test_no_file_asks_another_host_for_anything() -> None:
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?:|//[a-z]+\.|@import|url\(|eval|innerHTML|document\.write", text), path.name
