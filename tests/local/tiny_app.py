"""A program that runs a small app with the local host until it is told to stop; the tests send it signals.

Arguments: connection string, queue name, seconds that the queue function takes, seconds that it has when the host stops.
"""

from __future__ import annotations

import sys
import time

import azure.functions as func
from azure.storage.queue import QueueServiceClient

from processing.local.host.local_host import HostOptions, LocalHost
from processing.storage.azure_queue import AzureQueue
from tests.local.conftest import HOST_JSON


def main() -> int:
    """Run; the exit code is 0 when nothing was left behind."""
    connection, queue_name, seconds, grace = sys.argv[1:]
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
    def work(message: func.QueueMessage) -> None:
        say("working")
        time.sleep(float(seconds))
        say("done")

    @app.timer_trigger(schedule="* * * * * *", arg_name="timer")
    def tick(timer: func.TimerRequest) -> None:
        """Keep a thread busy."""

    @app.route("hello")
    def hello(req: func.HttpRequest) -> str:
        return "hello"

    client = QueueServiceClient.from_connection_string(connection)
    host = LocalHost(
        app,
        queues=lambda _connection, name: AzureQueue(client, name),
        host_json=HOST_JSON,
        settings={"QUEUE": queue_name},
        options=HostOptions(port=0, grace_seconds=float(grace), max_poll_seconds=0.1),
    )
    host.start()
    say(f"ready {host.url}")
    return 0 if host.run_until_signal() else 3


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
