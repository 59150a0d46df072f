"""The emulator that we start lives exactly as long as we want it to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from processing.domain.errors import OperatorError
from processing.local.azurite.process import RUNNING, Azurite, Ports, running_or_new
from tests.support.waiting import wait_until

_PARENT = """
import sys
from processing.local.azurite.process import Azurite
with Azurite() as azurite:
    print(azurite.pid, flush=True)
    sys.stdin.read()
"""


def test_it_ends_with_its_block_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Azurite() as azurite:
        pid, connection_string = azurite.pid, azurite.connection_string
        _put(connection_string, b"x" * 1_000_000)
        assert _is_alive(pid)
    assert not _is_alive(pid)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OperatorError):
        _ = azurite.connection_string


def test_it_ends_with_its_block_when_the_block_fails() -> None:
    pids = []

    def fail() -> None:
        with Azurite() as azurite:
            pids.append(azurite.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [_is_alive(pid) for pid in pids] == [False]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_the_program_that_started_it_is_killed(how: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", _PARENT]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as parent:  # type: ignore[call-overload]
        pid = int(parent.stdout.readline())
        assert _is_alive(pid)
        parent.send_signal(how)
        parent.wait()
    wait_until(lambda: not _is_alive(pid))
    assert list(tmp_path.iterdir()) == []


def test_a_signal_to_the_terminals_group_is_not_for_it() -> None:
    """Ctrl-C reaches the program, which may still need storage to end in order."""
    with Azurite() as azurite:
        assert os.getpgid(azurite.pid) != os.getpgid(0)


def test_what_lies_in_a_folder_is_there_at_the_next_start(tmp_path: Path) -> None:
    with Azurite(tmp_path / "kept") as azurite:
        _put(azurite.connection_string, b"still here")
    with Azurite(tmp_path / "kept") as azurite, BlobServiceClient.from_connection_string(azurite.connection_string) as client:
        assert client.get_blob_client("box-1", "a").download_blob().readall() == b"still here"


def test_two_run_side_by_side() -> None:
    with Azurite() as one, Azurite() as other:
        _put(one.connection_string, b"1")
        _put(other.connection_string, b"2")


def test_a_start_that_fails_says_why_and_leaves_no_process() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        azurite = Azurite(ports=Ports(blob=taken.getsockname()[1]))
        with pytest.raises(OperatorError, match="address already in use"):
            azurite.start()
    with pytest.raises(OperatorError, match="not running"):
        _ = azurite.pid


def test_one_that_runs_already_is_used_when_the_environment_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNNING, "UseDevelopmentStorage=true")
    with running_or_new() as connection_string:
        assert connection_string == "UseDevelopmentStorage=true"


def test_without_one_a_new_one_runs_for_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RUNNING, raising=False)
    with running_or_new() as connection_string:
        _put(connection_string, b"")


def _put(connection_string: str, data: bytes) -> None:
    with BlobServiceClient.from_connection_string(connection_string) as client:
        client.create_container("box-1").get_blob_client("a").upload_blob(data)


def _is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        if Path("/proc/self").exists():
            # Of an ended process that nobody has waited for, the entry stays as a zombie.
            return status.read_text().rpartition(")")[2].split()[0] != "Z"
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True
