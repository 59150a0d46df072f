"""The options of the Azure CLI's commands, as its version 2.91.0 has them: az_options.json was recorded from it.

To add a command: `az COMMAND --help` lists its options, and which of them it needs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

_RECORDED: Final = Path(__file__).parent / "az_options.json"
_SWITCHES: Final = ("true", "false")


class NotTakenError(Exception):
    """A command that the Azure CLI would not take; its message says why."""


@cache
def recorded() -> dict[str, dict[str, dict[str, Any]]]:
    """Of each command its options: what each takes (`nothing`, `one`, `?`, `*`, `+`), `required` by which name, `of` which."""
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(_RECORDED.read_text(encoding="utf-8"))
    return found


def parse(words: Sequence[str]) -> tuple[str, dict[str, list[str]]]:
    """The command, and the values of each of its options under the name that was used; NotTakenError says what is wrong."""
    name = next((" ".join(words[:count]) for count in range(len(words), 0, -1) if " ".join(words[:count]) in recorded()), None)
    if name is None:
        raise NotTakenError(f"az {' '.join(words[:4])}: not among the commands that were recorded")
    options, given = recorded()[name], dict[str, list[str]]()
    rest = list(words[len(name.split()) :])
    while rest:
        option, is_joined, value = rest.pop(0).partition("=")
        if option not in options:
            raise NotTakenError(f"az {name}: unrecognized arguments: {option}")
        values = [value] if is_joined else []
        takes = options[option]["takes"]
        while rest and not rest[0].startswith("-") and (takes in "*+" or (takes in ("one", "?") and not values)):
            values.append(rest.pop(0))
        _check(name, option, values, options[option])
        given[option] = values
    needed = {entry["required"] for entry in options.values() if "required" in entry}
    names = {entry.get("required", option) for option, entry in options.items() if option in given}
    if missing := needed - names:
        raise NotTakenError(f"az {name}: the following arguments are required: {', '.join(sorted(missing))}")
    return name, given


def _check(name: str, option: str, values: list[str], entry: dict[str, Any]) -> None:
    if entry["takes"] in ("one", "+") and not values:
        raise NotTakenError(f"az {name}: {option}: expected an argument")
    if entry["takes"] == "one" and not values[0].strip() and option != "--data":
        raise NotTakenError(f"az {name}: {option}: is empty")
    if entry["takes"] == "?" and values and values[0].lower() not in _SWITCHES:
        raise NotTakenError(f"az {name}: {option}: is true or false")
    if (of := entry.get("of")) and entry["takes"] == "one" and values[0].lower() not in {each.lower() for each in of}:
        raise NotTakenError(f"az {name}: {option}: '{values[0]}' is not one of {', '.join(of)}")
