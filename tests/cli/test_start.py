"""What a command imports before it says anything: engines that it does not use would take most of its time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from processing.settings import load_settings
from processing.wiring import prepare_storage
from tests.support.installation import ROOT

ENGINES = {"polars", "pandera", "pyarrow", "deltalake", "sqlglot", "numpy", "opentelemetry"}
TOLD = """
import sys
from processing.cli.main import main
code = main()
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def imported(*words: str, connection: str = "") -> set[str]:
    """What a process has imported once the command is done: packages, and of Azure's the parts of each."""
    accounts = dict.fromkeys(("AzureWebJobsStorage", "DROP_STORAGE", "LAKE_STORAGE"), connection)
    done = subprocess.run(
        [sys.executable, "-c", TOLD, *words], env=os.environ | accounts, cwd=ROOT, capture_output=True, text=True, check=True
    )
    modules = done.stderr.splitlines()[-1].split()
    return {name.partition(".")[0] for name in modules} | {name for name in modules if name.startswith("azure.")}


@pytest.mark.parametrize("words", [["--help"], ["status", "--help"], ["ready", "--help"], ["check", "--help"], ["--version"]])
def test_help_imports_neither_engines_nor_storage(words: list[str]) -> None:
    assert imported(*words).isdisjoint(ENGINES | {"azure", "requests"})


@pytest.mark.parametrize("words", [["status", "resting"], ["customer", "list"], ["reconcile", "resting"]])
def test_what_only_looks_at_storage_imports_no_engine(azurite: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AzureWebJobsStorage", "DROP_STORAGE", "LAKE_STORAGE"):
        monkeypatch.setenv(name, azurite)
    prepare_storage(load_settings())
    imported("customer", "add", "resting", connection=azurite)
    assert imported(*words, connection=azurite).isdisjoint(ENGINES | {"yaml", "azure.storage.queue", "azure.identity"})


def test_marking_a_day_imports_no_engine(azurite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AzureWebJobsStorage", "DROP_STORAGE", "LAKE_STORAGE"):
        monkeypatch.setenv(name, azurite)
    prepare_storage(load_settings())
    imported("customer", "add", "quick", connection=azurite)
    assert imported("ready", "quick", "2026-11-18", connection=azurite).isdisjoint(ENGINES)
