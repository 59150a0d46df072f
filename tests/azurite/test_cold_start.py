"""What an instance imports before its first request that needs it: whoever calls after a rest waits for all of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from processing.domain.api_keys import Scope
from processing.local.environment import PROJECT
from processing.stored.keys import create_key
from tests.support.installation import Installation, metrics_csv

ENGINES = {"polars", "pyarrow", "numpy", "scipy", "pandera", "deltalake", "sqlglot"}
STARTED = """
import sys
import function_app
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
ASKED = """
import asyncio, json, sys
import azure.functions as func
from functions.http import answered
from processing.wiring import web

said = []
for method, url, headers, body in json.load(sys.stdin):
    request = func.HttpRequest(method=method, url="http://localhost" + url, headers=headers, body=body.encode())
    answer = asyncio.run(answered(web().asgi, request))
    said.append([answer.status_code, sorted({name.partition(".")[0] for name in sys.modules})])
print(json.dumps(said))
sys.stdout.flush()
import os; os._exit(0)  # what is left in the journal is another test's
"""


def test_a_process_that_has_indexed_the_app_has_no_engine() -> None:
    """The host has every instance import all doors, those of HTTP too."""
    done = subprocess.run([sys.executable, "-c", STARTED], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ENGINES.isdisjoint(done.stdout.split())


def asked(installation: Installation, *requests: tuple[str, str, dict[str, str], str]) -> list[tuple[int, set[str]]]:
    """Of each request, made one after another in a fresh process, the answer's status and what is imported by then."""
    done = subprocess.run(
        [sys.executable, "-c", ASKED],
        cwd=PROJECT,
        env=installation.child_environment(installation.connection_string),
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[tuple[int, list[str]]] = json.loads(done.stdout.splitlines()[-1])
    return [(status, set(names)) for status, names in found]


def test_requests_that_need_no_engine_import_none_and_the_first_that_does_imports_it(installation: Installation) -> None:
    key = {"x-api-key": create_key(installation.context, installation.customer, Scope)[0]}
    sent = {**key, "Content-Type": "application/json"}
    row: dict[str, Any] = {"unit_id": "u", "id_type": "user_id", "metric_name": "revenue", "metric_value": 1}
    said = asked(
        installation,
        ("GET", "/v1/openapi.json", {}, ""),
        ("GET", "/v1/streams", {}, ""),
        ("GET", "/v1/streams", key, ""),
        ("GET", "/v1/days", key, ""),
        ("POST", "/v1/mark_data_ready", sent, '{"timestamp": 1647975283, "type": "metrics"}'),
        ("POST", "/v1/log_custom_metric", sent, json.dumps({"metrics": [row]})),
    )  # fmt: skip
    assert [status for status, _ in said] == [200, 401, 200, 200, 200, 200]
    assert [sorted(ENGINES & names) for _, names in said[:-1]] == [[]] * (len(said) - 1)
    assert "polars" in said[-1][1]


def test_a_list_of_files_imports_the_engine_when_it_is_asked_for(installation: Installation) -> None:
    key = {"x-api-key": create_key(installation.context, installation.customer, Scope)[0]}
    ((status, names),) = asked(installation, ("GET", "/v1/files", key, ""))
    assert status == 200
    assert "polars" in names


def test_a_check_imports_the_engine_when_it_is_asked_for(installation: Installation) -> None:
    key = {"x-api-key": create_key(installation.context, installation.customer, Scope)[0], "Content-Type": "text/csv"}
    body = metrics_csv("2026-11-18", {"u": 1}).decode()
    ((status, names),) = asked(installation, ("POST", "/v1/check?dataset=metrics&name=a.csv", key, body))
    assert status == 200
    assert "polars" in names
