"""The columns that stand in the folders of an upload's name, as Hive and Spark write them: `date=2026-11-18/`."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"


def hive_folders(name: str) -> dict[str, str | None]:
    """Key to value for each such folder, with escapes undone; None for the folder of rows without a value.

    Of a key that stands twice the innermost folder counts.
    """
    found: dict[str, str | None] = {}
    for folder in name.split("/")[:-1]:
        key, equals, value = folder.partition("=")
        if key and equals:
            text = unquote(value)
            found[unquote(key)] = None if text in (_NO_VALUE, "") else text
    return found
