"""Rows over real HTTP, through the local host to the emulator: answered, marked, published, and what the page shows runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from processing import wiring
from processing.domain.api_keys import Scope
from processing.jobs.journal.journal import Journal
from processing.settings import load_settings
from processing.stored.keys import Keys, create_key
from processing.web.app import create_app
from tests.azurite.test_local_command import OWN_STORAGE, local
from tests.support.door_process import service_address
from tests.support.installation import ROOT, Installation
from tests.support.proxy import Moment, Proxy, Reaction, Stall
from tests.support.proxy import Request as StorageRequest
from tests.support.waiting import wait_until
from tests.support.web import Client

PAGE = (ROOT / "docs" / "customers" / "http.md").read_text(encoding="utf-8")


class Program:
    """A customer's program, and what it is served by."""

    def __init__(self, url: str, key: str, process: subprocess.Popen[str]) -> None:
        self.url, self.key, self.process = url, key, process

    def call(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"x-api-key": self.key, "Content-Type": "application/json"}
        with urlopen(Request(self.url + path, data=data, headers=headers)) as answer:  # noqa: S310 - our own
            return json.load(answer)


@pytest.fixture
def program(installation: Installation) -> Iterator[Program]:
    """`dropzone local`, and a key for it."""
    with local(dict.fromkeys(OWN_STORAGE, installation.connection_string)) as (process, lines):
        (url,) = re.findall(r"HTTP functions: (\S+)", "".join(lines))
        yield Program(url, create_key(installation.context, installation.customer, Scope)[0], process)


def test_rows_that_were_answered_are_published_with_the_day_that_is_marked(
    installation: Installation, program: Program
) -> None:
    now = datetime.now(UTC)
    yesterday = ((now - timedelta(hours=8)).date() - timedelta(days=1)).isoformat()
    row = {"id_type": "user_id", "date": yesterday, "metric_name": "revenue"}
    rows = [{**row, "unit_id": f"u{number}", "metric_value": number} for number in range(3)]
    assert program.call("/v1/log_custom_metric", {"metrics": rows}) == {"success": True}
    marked = program.call("/v1/mark_data_ready", {"timestamp": int(now.timestamp()), "type": "metrics"})
    assert marked == {"success": True, "day": yesterday}
    wait_until(lambda: [day["state"] for day in program.call("/v1/days")["items"] if day["day"] == yesterday] == ["processed"])
    assert installation.values(yesterday) == {"u0": 0, "u1": 1, "u2": 2}
    (name,) = [file["name"] for file in program.call("/v1/files", None)["items"] if file["name"].startswith("metrics/api/")]
    assert program.call(f"/v1/files/{name}")["rows"]["accepted"] == 3
    installation.assert_consistent()


def test_what_was_taken_when_the_host_stops_becomes_uploads(installation: Installation, program: Program) -> None:
    row = {"unit_id": "u", "id_type": "user_id", "metric_name": "m", "metric_value": 1}
    assert program.call("/v1/log_custom_metric", {"metrics": [row]}) == {"success": True}
    program.process.send_signal(signal.SIGINT)
    assert program.process.wait() == 0
    assert list(installation.context.drop.list_blobs(installation.drop, "metrics/api/"))
    assert not list(installation.context.drop.list_blobs(f"journal-{installation.customer}"))


def test_the_page_runs_as_it_stands(program: Program, tmp_path: Path) -> None:
    environment = {**os.environ, "DROPZONE_URL": program.url, "DROPZONE_KEY": program.key}
    shell = [each for each in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) if "export" not in each]
    assert len(shell) == 10
    for block in shell:
        done = subprocess.run(["/bin/bash", "-ec", block], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, block + done.stdout + done.stderr
        assert len(documents(done.stdout)) == block.count("curl"), done.stdout
    whole = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    done = subprocess.run(
        [sys.executable, "-c", whole], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "{'success': True, 'day': '2022-03-21'}" in done.stdout
    assert "accepted" in done.stdout


def documents(text: str) -> list[Any]:
    """JSON texts end to end, as several calls print them."""
    found, decoder = [], json.JSONDecoder()
    while text := text.strip():
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


def test_storage_that_is_silent_is_503_and_not_waited_for(
    installation: Installation, azurite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks is answered while storage still keeps silent."""
    is_silent = False

    def silent(_request: StorageRequest, moment: Moment) -> bool | Reaction:
        return Stall(seconds=3600) if is_silent and moment is Moment.BEFORE else False

    with Proxy(upstream=service_address(azurite, "Blob"), hook=silent) as proxy:
        for name in OWN_STORAGE:
            monkeypatch.setenv(name, proxy.through(azurite))
        context = wiring.build_app(load_settings(), is_quick=True)
        client = Client(create_app(context, Journal(context), Keys(context)))
        client.key = create_key(context, installation.customer, Scope)[0]
        row = {"unit_id": "u", "id_type": "user_id", "metric_name": "m", "metric_value": 1}
        assert client.post("/v1/log_custom_metric", {"metrics": [row]}).status == 200
        is_silent = True
        answer = client.post("/v1/log_custom_metric", {"metrics": [row]})
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) >= 1
