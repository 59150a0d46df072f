"""The app as the Functions host finds it: named functions, one trigger each, everything they refer to defined."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from processing.local.environment import PROJECT

FUNCTIONS = {
    "fileuploaded": "queueTrigger",
    "sweep": "timerTrigger",
    "customerworker": "queueTrigger",
    "daytimer": "timerTrigger",
    "dayworker": "queueTrigger",
    "housekeeping": "timerTrigger",
    "http": "httpTrigger",
}
BINDINGS = {name: [trigger] + ["http"] * (trigger == "httpTrigger") for name, trigger in FUNCTIONS.items()}
"""What is called over HTTP also answers."""

# An app gives its functions once a process; each question about them is asked in a process of its own.
LISTED = """
import json, sys
from function_app import app
print(json.dumps({f.get_function_name(): json.loads(f.get_function_json()) for f in app.get_functions()}))
"""
INDEXED = """
import json
from types import SimpleNamespace
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.functions import Registry
from azure_functions_runtime.loader import index_function_app, process_indexed_function

class Message(SimpleNamespace):
    in_, out, inout = 0, 1, 2

load_binding_registry()
# The protobuf classes come from the worker's own process; here they only carry what they are given.
protos = SimpleNamespace(RpcFunctionMetadata=Message, BindingInfo=Message)
found, _ = process_indexed_function(protos, Registry(), index_function_app("function_app.py"), ".")
print(json.dumps({each.name: [json.loads(binding) for binding in each.raw_bindings] for each in found}))
"""


def in_process(program: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_function_has_one_trigger_and_plain_names() -> None:
    found = in_process(LISTED)
    assert {name: [each["type"] for each in entry["bindings"]] for name, entry in found.items()} == BINDINGS
    for name, entry in found.items():
        assert re.fullmatch("[a-z]+", name)
        assert all(re.fullmatch("[a-z]+|[$]return", each["name"]) for each in entry["bindings"])


def test_connections_and_settings_are_defined_in_the_example() -> None:
    values = json.loads((PROJECT / "local.settings.json.example").read_text(encoding="utf-8"))["Values"]
    for entry in in_process(LISTED).values():
        for binding in entry["bindings"]:
            assert binding.get("connection", "AzureWebJobsStorage") in values
            for setting in re.findall("%([^%]+)%", json.dumps(binding)):
                assert setting in values


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the Functions worker's own package needs Python 3.13")
def test_the_functions_worker_itself_indexes_the_app() -> None:
    found = in_process(INDEXED)
    assert {name: [each["type"] for each in bindings] for name, bindings in found.items()} == BINDINGS


def test_importing_the_app_reads_no_setting_and_opens_no_connection() -> None:
    """A module that raises on import hides every function without a word."""
    program = "import os, sys; os.environ.clear(); import function_app; print('{}')"
    assert in_process(program) == {}


def test_the_host_takes_one_message_at_a_time_as_text() -> None:
    host = json.loads((PROJECT / "host.json").read_text(encoding="utf-8"))
    queues = SimpleNamespace(**host["extensions"]["queues"])
    assert (queues.batchSize, queues.newBatchThreshold, queues.messageEncoding) == (1, 0, "none")
