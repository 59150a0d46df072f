"""What the import linter cannot see: which parts of the `azure` namespace each room may use, and files that must agree."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from processing.local.environment import PROJECT
from processing.settings import Settings

SDK = ("azure.storage", "azure.identity", "azure.core", "deltalake")
TELEMETRY = ("azure.monitor", "opentelemetry")
SOURCES = [
    PROJECT / "function_app.py",
    *(path for room in ("functions", "processing", "schemas") for path in (PROJECT / room).rglob("*.py")),
]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_only_storage_speaks_to_azure_storage_and_only_doors_to_functions(path: Path) -> None:
    room = path.relative_to(PROJECT).as_posix()
    for name in imported(path):
        if name.startswith(SDK):
            assert room.startswith("processing/storage/"), f"{room} imports {name}"
        if name.startswith("azure.functions"):
            assert room.startswith(("functions/", "processing/local/", "function_app.py")), f"{room} imports {name}"
        if name.startswith(TELEMETRY):
            assert room == "processing/telemetry.py", f"{room} imports {name}"


def test_a_format_is_known_to_its_reader_alone() -> None:
    """A new format is one reader and one line: whoever reads asks the base of all readers, and never which one it is."""
    readers = PROJECT / "processing" / "ingest" / "readers"
    concrete = {
        node.name
        for path in readers.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and "RawReader" in {ast.unparse(base) for base in node.bases}
    }
    assert {"CsvReader", "NdjsonReader", "ParquetReader", "SegmentReader"} <= concrete
    opener = readers / "open_reader.py"
    for path in SOURCES:
        named = concrete.intersection(name.rpartition(".")[2] for name in imported(path))
        assert not named or path == opener, f"{path.relative_to(PROJECT)} imports {sorted(named)}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass", "type"):
                asked = {each.rpartition(".")[2] for each in re.findall(r"[\w.]+", ast.unparse(node))}
                assert not concrete & asked, f"{path.relative_to(PROJECT)} asks which reader it has: {ast.unparse(node)}"


@pytest.mark.parametrize("path", sorted((PROJECT / "functions").glob("*.py")), ids=lambda path: path.name)
def test_a_door_is_thin(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert len(node.body) <= 5, f"{path.name}:{node.name} does more than open a door"


def pins(lock: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for match in re.finditer(r"^([\w.-]+)==([^\s\\;]+)", (PROJECT / lock).read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(canonicalize_name(match[1]), []).append(match[2])
    return found


def declared(*, everything: bool) -> list[Requirement]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = list(project["project"]["dependencies"])
    if everything:
        lines += project["project"]["optional-dependencies"]["local"] + project["dependency-groups"]["dev"]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(("lock", "everything"), [("requirements.txt", False), ("requirements-dev.txt", True)])
def test_the_lock_holds_what_the_project_declares(lock: str, everything: bool) -> None:
    """A stale lock fails here; `make lock` renews it."""
    text = (PROJECT / lock).read_text(encoding="utf-8")
    locked = pins(lock)
    wanted = {canonicalize_name(each.name) for each in declared(everything=everything)}
    direct = set(
        re.findall(
            r"^([\w.-]+)==[^\n]*(?:\n    --hash[^\n]*)+\n    # via(?:\n    #   [^\n]*)*?(?: |\n    #   )dropzone ",
            text,
            re.MULTILINE,
        )
    )
    assert {canonicalize_name(name) for name in direct} == wanted
    for each in declared(everything=everything):
        versions = locked[canonicalize_name(each.name)]
        assert all(each.specifier.contains(version) for version in versions), f"{each} is locked as {versions}"


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt", "package-lock.json"])
def test_a_lock_names_no_address(lock: str) -> None:
    text = (PROJECT / lock).read_text(encoding="utf-8")
    assert '"resolved"' not in text
    assert "index-url" not in text
    addresses = re.findall(r"https?://[^\s\"']+", text)
    # The funding pages of npm packages are no place that anything is fetched from.
    assert not [address for address in addresses if "registry" in address or "simple" in address]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_a_hash(lock: str) -> None:
    for line in re.split(r"\n(?=[a-z0-9])", (PROJECT / lock).read_text(encoding="utf-8")):
        if "==" in line.partition("\n")[0]:
            assert "--hash=sha256:" in line


def test_both_locks_agree() -> None:
    runtime, everything = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name: everything[name] for name in runtime} == runtime


def test_every_setting_the_host_needs_has_an_example() -> None:
    """Connections and %settings% of the doors, and what the program reads, are in local.settings.json.example."""
    example = json.loads((PROJECT / "local.settings.json.example").read_text(encoding="utf-8"))["Values"]
    doors = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "functions").glob("*.py"))
    for name in re.findall(r"%(\w+)%", doors) + re.findall(r'connection="(\w+)"', doors):
        assert name in example
    optional = {"DROPZONE_SCRATCH", "APPLICATIONINSIGHTS_CONNECTION_STRING"}
    for field in Settings.model_fields.values():
        name = str(field.validation_alias)
        assert "__" in name or name in optional or name in example, f"{name} has no example"


def test_nothing_in_the_tree_names_the_machine_it_was_made_on() -> None:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert "/work/" not in text
        assert "/root/" not in text
