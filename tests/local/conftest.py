"""Queues and hosts of their own for the tests of the local host, on the emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import azure.functions as func
import pytest
from azure.storage.queue import QueueServiceClient

from processing.local.host.local_host import HostOptions, LocalHost
from processing.storage.azure_queue import AzureQueue

HOST_JSON: dict[str, Any] = {
    "extensions": {
        "http": {"routePrefix": ""},
        "queues": {
            "batchSize": 1,
            "newBatchThreshold": 0,
            "maxDequeueCount": 3,
            "visibilityTimeout": "00:00:01",
            "maxPollingInterval": "00:00:10",
            "messageEncoding": "none",
        },
    }
}


def host_json(**queues: Any) -> dict[str, Any]:
    """The host.json of the tests with some settings of its queues changed."""
    extensions = HOST_JSON["extensions"]
    return {"extensions": {**extensions, "queues": {**extensions["queues"], **queues}}}


@pytest.fixture
def queue_name() -> str:
    """A name that no other test uses."""
    return f"q-{uuid4().hex}"


@pytest.fixture
def queues(azurite: str) -> Iterator[Callable[[str, str], AzureQueue]]:
    """Opens queues of the emulator, whatever the connection is called."""
    with QueueServiceClient.from_connection_string(azurite, api_version=None) as client:
        yield lambda _connection, name: AzureQueue(client, name)


@pytest.fixture
def queue(queues: Callable[[str, str], AzureQueue], queue_name: str) -> AzureQueue:
    """An empty queue called `queue_name`."""
    made = queues("", queue_name)
    made.ensure()
    return made


@pytest.fixture
def poison(queues: Callable[[str, str], AzureQueue], queue_name: str) -> AzureQueue:
    """Where the messages of `queue` end that nobody could work on."""
    made = queues("", f"{queue_name}-poison")
    made.ensure()
    return made


RunHost = Callable[..., LocalHost]


@pytest.fixture
def run_host(queues: Callable[[str, str], AzureQueue], queue_name: str) -> Iterator[RunHost]:
    """Starts hosts that end with the test; `%QUEUE%` is `queue_name`."""
    with ExitStack() as running:

        def start(app: func.FunctionApp, *, json: dict[str, Any] = HOST_JSON, **options: Any) -> LocalHost:
            return running.enter_context(
                LocalHost(
                    app,
                    queues=queues,
                    host_json=json,
                    settings={"QUEUE": queue_name},
                    options=HostOptions(
                        **{"port": 0, "lease_seconds": 600, "max_poll_seconds": 0.2, "grace_seconds": 600.0, **options}
                    ),
                )
            )

        yield start
