"""What the command line answers before any command is run."""

from __future__ import annotations

import sys

import pytest

from processing.cli.main import main
from processing.settings import program_version


@pytest.mark.parametrize("words", [["--version"], ["version"], ["--version", "status", "acme"]])
def test_the_version_is_printed_by_an_option_and_by_a_command(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["dropzone", *words])
    assert main() == 0
    assert capsys.readouterr().out == f"{program_version()}\n"


def test_a_shell_can_be_taught_to_complete(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["dropzone", "--help"])
    assert main() == 0
    page = capsys.readouterr().out
    assert "--install-completion" in page
    assert "--show-completion" in page


def test_a_shell_that_asks_is_given_the_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["dropzone"])
    for name, value in {"_DROPZONE_COMPLETE": "complete_bash", "COMP_WORDS": "dropzone re", "COMP_CWORD": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main()
    assert set(capsys.readouterr().out.split()) == {"ready", "reconcile", "reprocess", "reingest", "retry"}
