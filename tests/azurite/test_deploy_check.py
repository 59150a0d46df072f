"""`infra/deploy_check.py` against `dropzone local`, and a workspace on this machine that answers from given log lines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest

from infra.deploy_check import ARRIVED, EVENTS, KQL, Check, CheckError
from processing import wiring
from processing.settings import load_settings
from tests.azurite.test_local_command import OWN_STORAGE, local
from tests.infra.test_alerts import written
from tests.support.installation import ROOT, Installation
from tests.support.kusto import Line, answer

FROM_LOGS = [path for path in sorted(KQL.glob("*.kql")) if "AppTraces" in path.read_text(encoding="utf-8")]


def checked(customer: str, storage: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """The command as an operator runs it."""
    return subprocess.run(
        [sys.executable, "-m", "infra.deploy_check", "--customer", customer, *options],
        cwd=ROOT,
        env={**os.environ, **storage},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_says_what_works_and_may_be_run_again(installation: Installation) -> None:
    storage = dict.fromkeys(OWN_STORAGE, installation.connection_string)
    with local(storage) as (_, lines):
        (url,) = re.findall(r"HTTP functions: (\S+)", "".join(lines))
        customer = f"check-{uuid4().hex[:8]}"
        for is_first in (True, False):
            done = checked(customer, storage, "--url", url)
            assert done.returncode == 0, done.stderr
            said = done.stdout.splitlines()
            assert [line[:4] for line in said] == ["ok  "] * 4 + ["--  "], said
            assert ("was made" in said[0]) == is_first
    assert "logs and alerts" in said[-1]
    Installation(connection_string=installation.connection_string, customer=customer, context=installation.context).leave()


def test_it_says_what_does_not_work(installation: Installation) -> None:
    """Nothing runs that would answer an upload."""
    storage = dict.fromkeys(OWN_STORAGE, installation.connection_string)
    done = checked(installation.customer, storage, "--minutes", "0")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"ok  the test customer {installation.customer} is there"]
    assert done.stderr.startswith("not ok  no receipt for metrics/check-")


@contextmanager
def workspace(lines: list[Line], asked: list[str]) -> Iterator[str]:
    """Answers questions as the service does."""

    class Workspace(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body["query"])
            rows = answer(body["query"], lines, datetime.now(UTC))
            names = list(rows[0]) if rows else ["event"]
            table = {"columns": [{"name": name} for name in names], "rows": [[row[name] for name in names] for row in rows]}
            self.send_response(200 if self.headers["Authorization"] == "Bearer right" else 403)
            self.end_headers()
            self.wfile.write(json.dumps({"tables": [table]}, default=str).encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Workspace)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def check(installation: Installation, url: str, *, word: str = "right") -> Check:
    return Check(
        context=wiring.build_app(load_settings()), settings=load_settings(), customer=installation.customer, patience=0,
        workspace="id", questions=url, token=lambda: word,
    )  # fmt: skip


def line(event: str) -> Line:
    now = datetime.now(UTC)
    attributes: dict[str, Any] = {"event": event, "timestamp": now.isoformat()}
    return Line(message=json.dumps(attributes), written=now)


def test_the_workspace_is_asked_for_the_lines_and_every_alerts_question(installation: Installation) -> None:
    asked: list[str] = []
    with workspace([line(event) for event in EVENTS], asked) as url:
        run = check(installation, url)
        assert "upload_received" in run._logs()
        assert list(run._asked(ARRIVED.read_text(encoding="utf-8")))
        for path in FROM_LOGS:
            assert path.stem.replace("_", "-") in run._alert(path)
        assert len(asked) == 2 + len(FROM_LOGS)
        with pytest.raises(CheckError, match="answers 403"):
            check(installation, url, word="wrong")._logs()
    with workspace([line(event) for event in EVENTS[1:]], asked) as url, pytest.raises(CheckError, match="not all log lines"):
        check(installation, url)._logs()


def test_its_lines_are_written_by_the_program_and_each_alert_has_a_question(installation: Installation) -> None:
    assert set(EVENTS) <= set(written())
    assert len(list(KQL.glob("*.kql"))) > 10
