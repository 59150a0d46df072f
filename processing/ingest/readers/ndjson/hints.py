"""What is told of JSON that is not one object a line: what it looks like, and how to write it (contract section 3)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, Final

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.ingest.columns.header import fold
from processing.ingest.readers.ndjson.lines import Flaw

_BLANKS: Final = b" \t\r\n"
_LONGEST: Final = 16 * 1024 * 1024
_HINTS: Final = {
    Flaw.NOT_JSON: "write one whole JSON object on each line, and nothing else",
    Flaw.ENCODING: "save the file as UTF-8",
    Flaw.SURROGATE: "an escape from \\ud800 to \\udfff needs its other half: write the character itself",
    Flaw.LIMITS: "quote numbers of more than 38 digits or beyond 1e308, and nest values less deeply",
}
_NO_NUMBER: Final = re.compile(r"[:\[,]\s*-?(?:NaN|Infinity)\b")
_PYTHON: Final = re.compile(r"[{,]\s*'|:\s*(?:True|False|None)\b")
_LINES: Final = "write one JSON object on each line (NDJSON)"


def hint_of(flaw: Flaw, line: str) -> str:
    """How to fix a line with a flaw, which its text may tell closer."""
    hint = _HINTS[flaw]
    return hint if flaw is not Flaw.NOT_JSON else hint + _looks(line.strip())


def _looks(line: str) -> str:
    if not line.startswith(("{", "[", '"')):
        return "; this line is no JSON: where the file is CSV, name it .csv"
    if line.endswith(("},", "],")):
        return "; leave out the comma at the end of the line"
    if line.startswith("["):
        return "; this line is a list: write each object in it on a line of its own"
    if _NO_NUMBER.search(line):
        return "; JSON knows no NaN and no Infinity: write null"
    if _PYTHON.search(line):
        return "; this is how Python prints: write it by json.dumps"
    if re.search(r"\}\s*\{", line):
        return "; several objects stand on one line: write each of them on a line of its own"
    return ""


def refuse_other_json(head: bytes, expected: Collection[str]) -> None:
    """Raise CustomerError where a file begins with JSON that is no record a line; `expected` are folded names of records."""
    text = head.lstrip(_BLANKS)
    first_line = text.partition(b"\n")[0].rstrip(_BLANKS)
    if text.startswith(b"[") or first_line == b"{":
        raise CustomerError(RefusalCode.JSON_NOT_LINES, f"{_LINES}, not an array or indented JSON")
    # Only a file of one object can hold all its rows in it.
    if text[len(first_line) :].strip(_BLANKS) or len(first_line) > _LONGEST:
        return
    try:
        found = json.loads(first_line)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict):
        _refuse_whole_table(found, expected)


def _refuse_whole_table(found: dict[str, Any], expected: Collection[str]) -> None:
    columns = [name for name, value in found.items() if isinstance(value, dict) and value and all(map(_is_digits, value))]
    if len(columns) > 1 and len(columns) == len(found):
        raise CustomerError(
            RefusalCode.JSON_NOT_LINES,
            f"the file holds its rows column by column, as pandas writes: {_LINES}, by to_json(orient='records', lines=True)",
        )
    if {fold(name) for name in found} & set(expected):
        lists = [value for value in found.values() if isinstance(value, list)]
        if len(lists) == len(found) and len({len(value) for value in lists}) == 1:
            raise CustomerError(
                RefusalCode.JSON_NOT_LINES, f"the file holds a list for each column: {_LINES}, with one value of each"
            )
        return
    rows = next((name for name, value in found.items() if isinstance(value, list) and value), None)
    if rows is not None:
        raise CustomerError(
            RefusalCode.JSON_NOT_LINES,
            f"the file is one object that holds all rows in {rows[:64]!r}: {_LINES}; of pandas that is "
            "to_json(orient='records', lines=True)",
        )


def _is_digits(name: str) -> bool:
    return name.isascii() and name.isdigit()
