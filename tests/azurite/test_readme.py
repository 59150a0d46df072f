"""README: its Python runs as it stands, and its receipt is the one that comes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from processing.stored.customer_config import parse_config
from processing.stored.customers import add_customer
from tests.support.installation import ROOT, Installation

README = (ROOT / "README.md").read_text(encoding="utf-8")
DAY = "2026-11-18"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def run(program: str, folder: Path, connection_string: str) -> str:
    environment = {**os.environ, "AZURE_STORAGE_CONNECTION_STRING": connection_string}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def says(found: Any, shown: Any) -> bool:
    """Whether `found` holds all that `shown` does."""
    if isinstance(shown, dict):
        return all(name in found and says(found[name], value) for name, value in shown.items())
    if isinstance(shown, list):
        return len(found) == len(shown) and all(says(*pair) for pair in zip(found, shown, strict=True))
    return bool(found == shown)


def test_a_first_upload_goes_as_the_readme_says(prepared: str, tmp_path: Path) -> None:
    installation = Installation.new(prepared)
    acme = Installation(connection_string=prepared, customer="acme", context=installation.context)
    add_customer(acme.context, "acme")
    written = re.search(r"printf '([^']+)' > revenue\.csv", README)
    assert written is not None
    (tmp_path / "revenue.csv").write_text(written[1].replace("\\n", "\n"), encoding="utf-8")
    upload, read_results = blocks("python")

    run(upload, tmp_path, prepared)
    acme.deliver(acme.event("metrics/revenue.csv", "any"), acme.upload(f"signals/{DAY}", b""))
    (shown,) = blocks("json")
    assert says(acme.receipt("metrics/revenue.csv"), json.loads(shown))

    acme.tick()
    assert "revenue" in run(read_results, tmp_path, prepared)


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_path_that_the_readme_names_exists() -> None:
    for path in re.findall(r"`((?:functions|processing|schemas|docs|tests)/[\w./]*|[\w.]+\.(?:py|json|example|toml))`", README):
        if not path.startswith("revenue"):
            assert (ROOT / path).exists(), path


def test_the_config_of_the_readme_is_good() -> None:
    (shown,) = blocks("yaml")
    config = parse_config(shown.encode())
    assert config.dataset("metrics").constants == {"id_type": "user_id"}
