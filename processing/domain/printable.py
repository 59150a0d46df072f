"""Foreign text, made fit for a terminal and a log: names, values and messages that customers or storage wrote."""

from __future__ import annotations

import hashlib
import json
from typing import Final

_HASH: Final = 12
"""Hexadecimal digits that tell texts apart of which only the beginning is shown."""


def printable(text: str, *, most: int | None = None) -> str:
    """The text with everything escaped that is no visible character or plain blank, as Python writes it in a string.

    That are control characters of both ranges, line ends, marks that change the direction of writing or have no width, and
    halves of surrogate pairs: none of them can move a cursor, fake a line or hide a part of a name. What is longer than
    `most` characters is cut, with its length and the beginning of its SHA-256.
    """
    shown = text if most is None else text[:most]
    shown = shown if shown.isprintable() else "".join(map(_escaped, shown))
    if most is None or len(text) <= most:
        return shown
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{shown}... ({len(text):,} characters, sha256 {digest[:_HASH]})"


def printable_json(document: str) -> str:
    """The same for a JSON document, whose values stay what they are: only how they are spelt changes."""
    return "".join(each if each == "\n" or each.isprintable() else _as_json(each) for each in document)


def _as_json(letter: str) -> str:
    return json.dumps(letter)[1:-1]


def _escaped(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape", errors="surrogatepass").decode("ascii")
