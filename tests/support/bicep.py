"""Reads the Bicep files: what they declare, by their parser, and which names they use, by their text."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from pycep import BicepParser

from processing.local.environment import PROJECT

INFRA = PROJECT / "infra"
MAIN = INFRA / "main.bicep"
FILES = [MAIN, *sorted((INFRA / "modules").glob("*.bicep"))]

_KEYWORDS = frozenset(
    ("targetScope", "param", "var", "resource", "module", "output", "existing", "if", "for", "in", "true", "false", "null")
)
_DECLARED = re.compile(r"^(?:param|var|resource|module) (\w+)|\[for (\w+) in|\[for \((\w+), (\w+)\) in", re.MULTILINE)


@cache
def parsed(path: Path) -> dict[str, Any]:
    """The file as its parser has it: parameters, variables, resources, modules, outputs."""
    return BicepParser().parse(file_path=path)  # type: ignore[return-value]  # a typed dictionary


@cache
def code(path: Path) -> str:
    """The text without comments and decorators, and of strings only what stands in `${}`."""
    text = re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = re.sub(r"^@\w+\((?:'(?:\\'|[^'])*'|\d+|\[[^\]]*\])\)$", "", text, flags=re.MULTILINE)

    def kept(match: re.Match[str]) -> str:
        return " ".join(f"({each})" for each in re.findall(r"\$\{([^}]*)\}", match[0]))

    return re.sub(r"'(?:\\'|\$\{[^}]*\}|[^'])*'", kept, text)


def declared(path: Path) -> set[str]:
    """Names that the file gives to parameters, variables, resources, modules and the items of loops."""
    return {name for match in _DECLARED.finditer(code(path)) for name in match.groups() if name}


def used(path: Path) -> list[str]:
    """Names that the file reads: not keys, not properties, not functions, not where they are declared."""
    text = re.sub(r"^(param|var|resource|module|output) \w+( \w+)?", "", code(path), flags=re.MULTILINE)
    text = re.sub(r"\[for (?:\w+|\(\w+, \w+\)) in", "[", text)
    text = re.sub(r"\n(\s*)\w+:", r"\n\1", re.sub(r"([{,] ?)\w+:", r"\1", text))
    return [name for name in re.findall(r"(?<![.?\w])[A-Za-z_]\w*\b(?!\()", text) if name not in _KEYWORDS]


def module_path(module: dict[str, Any]) -> Path:
    """The file that a module statement of main.bicep names."""
    return INFRA / str(module["detail"]["path"])


def given(module: dict[str, Any]) -> set[str]:
    """Names of the parameters that a module statement gives; through its condition or loop."""
    config = module["config"]
    while "params" not in config:
        config = config["config"]
    return set(config["params"])
