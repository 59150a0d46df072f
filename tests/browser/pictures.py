"""`make pictures`: the console of the running demo as a browser shows it, into docs/pictures/."""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Final

from rich.console import Console

from processing import wiring
from processing.domain.api_keys import Scope
from processing.local.demo.run import run_demo
from processing.local.environment import PROJECT
from processing.local.terminal import Terminal
from processing.settings import load_settings
from processing.stored.keys import create_key
from tests.browser.visits import visit

SHOWN: Final = {"days": "light", "file": "light", "experiment": "dark"}
"""Pages, and the view that is kept of each."""
FOLDER: Final = PROJECT / "docs" / "pictures"


def take(base: str) -> None:
    """Visit the console of the first sample customer, and keep some of what was seen."""
    context = wiring.build_app(load_settings())
    key, _ = create_key(context, "acme", (Scope.READ,))
    day = context.zone.day_of(context.drop.service_time()) - timedelta(days=2)
    pages = {
        "days": "/console/",
        "file": f"/console/file?name=events/dt={day}/part-00000.ndjson",
        "experiment": "/console/experiment?name=new_checkout",
    }
    with tempfile.TemporaryDirectory() as pictures:
        visit(base, key, pages, Path(pictures), whole=False)
        FOLDER.mkdir(exist_ok=True)
        for name, view in SHOWN.items():
            shutil.copy(Path(pictures) / f"{name}-{view}.png", FOLDER / f"{name}.png")


if __name__ == "__main__":
    sys.exit(run_demo(Terminal(Console()), keep=False, look=take))
