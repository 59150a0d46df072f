"""What the command line answers before any command is run."""

from __future__ import annotations

import sys
from pathlib import Path

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
    assert set(capsys.readouterr().out.split()) == {"ready", "rebuild", "reconcile", "reprocess", "reingest", "retry"}


def test_no_file_is_checked_of_what_nobody_uploads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a,b\n1,2\n")
    monkeypatch.setattr(sys, "argv", ["dropzone", "check", str(file), "--dataset", "experiments"])
    assert main() == 1
    assert "nobody uploads experiments: name one of metrics" in capsys.readouterr().err
