"""`dropzone local` and `dropzone demo` as a user starts them (contract section 10)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from processing import wiring
from processing.settings import load_settings
from tests.support.installation import ROOT, SETTINGS, Installation, metrics_csv
from tests.support.waiting import wait_until

DAY = "2026-11-18"
QUICK = {**SETTINGS, "DAY_TIMER_SCHEDULE": "* * * * * *", "SWEEP_SCHEDULE": "*/5 * * * * *"}
COMMAND = [sys.executable, "-c", "import sys; from processing.cli.main import main; sys.exit(main())"]
OWN_STORAGE = {"AzureWebJobsStorage": "", "DROP_STORAGE": "", "LAKE_STORAGE": ""}


@contextmanager
def local(environment: dict[str, str], *options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """`dropzone local` until the end of the block, and the lines it printed until it was up."""
    process = subprocess.Popen(
        [*COMMAND, "local", "--port", "0", *options],
        cwd=ROOT,
        env={**os.environ, **QUICK, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        while not lines or "Ctrl-C" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended before it was up"
        yield process, lines
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def day_is_processed(installation: Installation) -> bool:
    found = installation.context.drop.get(f"receipts-{installation.customer}", f"days/metrics/{DAY}.json")
    return found is not None and b'"state": "processed"' in found[0]


def test_it_serves_the_storage_that_the_environment_names_and_ctrl_c_ends_it(installation: Installation) -> None:
    storage = dict.fromkeys(OWN_STORAGE, installation.connection_string)
    with local(storage) as (process, _):
        installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1.5}))
        installation.upload(f"signals/{DAY}", b"")
        wait_until(lambda: day_is_processed(installation))
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert installation.values(DAY) == {"u1": 1.5}
    installation.assert_consistent()


def test_another_zone_than_the_stored_one_is_refused_at_once_in_one_sentence(installation: Installation) -> None:
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1.5})))  # the first stream stores it
    other = {"DROPZONE_DAY_ZONE": "America/New_York", **dict.fromkeys(OWN_STORAGE, installation.connection_string)}
    done = subprocess.run(
        [*COMMAND, "local", "--port", "0"], cwd=ROOT, env=os.environ | other, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "America/New_York" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_killed_and_started_again_it_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "emulator"

    def connect(lines: list[str]) -> str:
        found = re.search("AZURE_STORAGE_CONNECTION_STRING='([^']+)'", "".join(lines))
        assert found is not None
        for name in OWN_STORAGE:
            monkeypatch.setenv(name, found[1])
        return found[1]

    with local(OWN_STORAGE, "--data", str(folder)) as (process, lines):
        installation = Installation.new(connect(lines))
        installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1.5}))
        installation.upload(f"signals/{DAY}", b"")
        process.kill()
        process.wait()
        # The emulator notices that its parent is gone, writes down what it holds, and ends.
        wait_until(lambda: not _answers(installation))
    with local(OWN_STORAGE, "--data", str(folder)) as (process, lines):
        again = Installation(
            connection_string=connect(lines), customer=installation.customer, context=wiring.build_app(load_settings())
        )
        wait_until(lambda: day_is_processed(again))
        assert again.values(DAY) == {"u1": 1.5}
        again.assert_consistent()
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def _answers(installation: Installation) -> bool:
    found = re.search(r"BlobEndpoint=http://127\.0\.0\.1:(\d+)", installation.connection_string)
    assert found is not None
    listed = Path("/proc/net/tcp")
    if not listed.exists():
        return False
    return f":{int(found[1]):04X} 00000000:0000 0A" in listed.read_text(encoding="ascii")


def test_the_demo_ends_well_and_prints_what_came_out(azurite: str) -> None:
    environment = {**os.environ, "DROPZONE_AZURITE": azurite}
    done = subprocess.run([*COMMAND, "demo"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every receipt, row and total is what the generator knows it must be." in done.stdout
    assert "too_many_rejected_rows" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["customer", "add", "No Name"], "cannot name a customer"),
        (["customer", "list"], ""),
    ],
)
def test_an_error_is_one_sentence(azurite: str, arguments: list[str], said: str) -> None:
    environment = {**os.environ, **dict.fromkeys(OWN_STORAGE, azurite)}
    done = subprocess.run([*COMMAND, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (said == "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_storage_that_is_not_named_is_said_so() -> None:
    environment = {**os.environ, **OWN_STORAGE}
    done = subprocess.run(
        [*COMMAND, "customer", "list"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        "dropzone: no storage account: set DROP_STORAGE to a connection string, or DROP_STORAGE__blobServiceUri to an address\n"
    )
