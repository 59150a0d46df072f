"""`dropzone key`: the key alone on standard output, once; lists and revocations by its id."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from processing.cli import keys
from processing.cli.main import _cli, _exit_code
from processing.domain.api_keys import parse_key
from processing.local.terminal import Terminal
from tests.support.memory import Memory


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the commands print on an installation in memory."""
    memory, text = Memory(), io.StringIO()
    monkeypatch.setattr(keys, "_app", lambda: memory.context)
    monkeypatch.setattr(keys, "out", lambda: Terminal(Console(file=text, width=120)))
    return text


def run(*arguments: str) -> int:
    return _exit_code(lambda **options: _cli(list(arguments), **options))


def test_a_key_is_made_shown_once_listed_and_revoked(shown: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("key", "create", "acme", "--scope", "log,mark", "--name", "nightly [bold]job") == 0
    printed = capsys.readouterr()
    parsed = parse_key(printed.out.strip())
    assert parsed is not None
    assert printed.out.strip() not in printed.err
    assert run("key", "list", "acme") == 0
    assert f"{parsed.sha256[:12]} log,mark (nightly [bold]job): made 2026-11-20, never used" in shown.getvalue()
    assert run("key", "revoke", "acme", parsed.sha256[:12]) == 0
    assert run("key", "list", "acme") == 0
    assert "never used, revoked 2026-11-20 12:00" in shown.getvalue()
    assert printed.out.strip() not in shown.getvalue()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "acme", "--scope", "write"), "there is no scope 'write'"),
        (("create", "acme", "--scope", ","), "there is no scope"),
        (("create", "nobody", "--scope", "log"), "there is no customer nobody"),
        (("revoke", "acme", "123"), "acme has no key 123"),
        (("list", "nobody"), "there is no customer nobody"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    shown: io.StringIO, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run("key", *arguments) == 1
    assert said in capsys.readouterr().err
