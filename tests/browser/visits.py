"""Has a Chromium visit pages of the console, and reads what it found."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from processing.local.azurite.node import find_node

FOLDER: Final = Path(__file__).parent
CAN_RUN: Final = platform.machine() in ("x86_64", "AMD64") and platform.system() == "Linux"
"""What the Chromium of package-lock.json is made for."""


def visit(
    base: str, key: str, pages: Mapping[str, str], pictures: Path | None = None, *, whole: bool = True
) -> list[dict[str, Any]]:
    """What each page is in each view: `view`, `name`, `status`, `heading`, `errors`, `wide` (pixels) and broken `rules`.

    Pictures of them are put into a folder, of the whole page or of what a screen shows of it.
    """
    asked = {
        "base": base,
        "key": key,
        "pages": [{"name": name, "path": path} for name, path in pages.items()],
        "pictures": str(pictures) if pictures is not None else None,
        "whole": whole,
    }
    done = subprocess.run(
        [str(find_node()), "visit.mjs"],
        cwd=FOLDER,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
